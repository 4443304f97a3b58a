// Names of keys, which sort by their bytes. All that belongs to a run stands under one prefix, so that one list shows it;
// only the heads stand together, for the list of runs. Nearly every record has a key that nobody else writes: nothing is
// overwritten, and no key is written twice within a second. What may be long or hold any sign is encoded, or named by
// its hash.

const LONGEST_NAME = 100;
const DIGITS = 10;
const TIME_DIGITS = 15;

/** Where one claim or batch stands: by epoch, then by owner. */
export interface RecordKey {
  readonly epoch: number;
  /** As it stands in the key. */
  readonly owner: string;
  readonly kind: "claim" | "batch";
  /** Of a claim how often it was prolonged, of a batch the position of its first event. */
  readonly number: number;
}

/** What stands under a run besides its claims and batches, each under a name. */
export interface NamedKey {
  /**
   * `value`: a large value, by its hash. `kept`: values that stay for other runs. `user`: another run that takes values
   * from this one. `origin`: another run from which this one takes values.
   */
  readonly kind: keyof typeof MARKS;
  readonly name: string;
}

const MARKS = { value: "v", kept: "k", user: "u", origin: "o" } as const;
const KINDS = new Map(Object.entries(MARKS).map(([kind, mark]) => [mark as string, kind as NamedKey["kind"]]));

/** Makes the keys of one namespace. */
export class Keys {
  readonly #base: string;

  constructor(namespace: string) {
    this.#base = `heddle/${encodeURIComponent(namespace)}/`;
  }

  /** All that belongs to a run; without one, to any. */
  run(run = ""): string {
    return `${this.#base}r/${run === "" ? "" : `${run}/`}`;
  }

  record(run: string, { epoch, owner, kind, number }: RecordKey): string {
    return `${this.run(run)}${padded(epoch)}/${owner}/${kind === "claim" ? 0 : 1}${padded(number)}`;
  }

  named(run: string, { kind, name }: NamedKey): string {
    return `${this.run(run)}${MARKS[kind]}/${name}`;
  }

  /** Takes apart what {@link record} and {@link named} made; nothing for other keys. */
  partsOf(key: string): { readonly run: string; readonly of: RecordKey | NamedKey } | undefined {
    const [run = "", first = "", second = "", third, ...rest] = key.slice(this.run().length).split("/");
    const kind = KINDS.get(first);
    if (kind) return third === undefined ? { run, of: { kind, name: second } } : undefined;
    if (!/^\d{10}$/.test(first) || !/^[01]\d{10}$/.test(third ?? "") || rest.length > 0) return undefined;
    const last = third as string;
    const number = Number(last.slice(1));
    return { run, of: { epoch: Number(first), owner: second, kind: last.startsWith("0") ? "claim" : "batch", number } };
  }

  /** All heads, those of the newest runs first. */
  heads(): string {
    return `${this.#base}h/`;
  }

  /** The heads of one run: in the order in which its history would take them, the last first. */
  headsOf(run: string, startedAt: number): string {
    return `${this.heads()}${reversed(startedAt, TIME_DIGITS)}/${run}/`;
  }

  head(run: string, startedAt: number, at: { epoch: number; owner: string; events: number }): string {
    return `${this.headsOf(run, startedAt)}${reversed(at.epoch)}/${at.owner}/${reversed(at.events)}`;
  }

  /** Where the run of a head stands among those of others. */
  placeOfHead(key: string): string {
    return `${key.slice(this.heads().length).split("/", 2).join("/")}/`;
  }

  /** The run of a head. */
  runOfHead(key: string): string {
    return key.slice(this.heads().length).split("/")[1] ?? "";
  }

  /** The rest of what is too large for one key. */
  part(key: string, number: number): string {
    return `${this.#base}p/${key.slice(this.#base.length)}/${padded(number)}`;
  }
}

/** The name of a run or owner in a key: itself if it is short, otherwise its hash. */
export async function nameInKey(name: string): Promise<string> {
  const encoded = encodedName(name);
  if (encoded !== undefined && encoded !== "" && encoded.length <= LONGEST_NAME) return encoded;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(name)));
  // No encoded name has this sign.
  return `#${Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The name that {@link nameInKey} made such a text of; nothing for a hash, or what it has not made. */
export function nameOfKey(inKey: string): string | undefined {
  try {
    return inKey.startsWith("#") ? undefined : decodeURIComponent(inKey);
  } catch {
    return undefined;
  }
}

/** Nothing for a text with half a character in it. */
function encodedName(name: string): string | undefined {
  try {
    return encodeURIComponent(name);
  } catch {
    return undefined;
  }
}

function padded(number: number): string {
  return String(number).padStart(DIGITS, "0");
}

/** Sorts the other way round. */
function reversed(number: number, digits = DIGITS): string {
  return String(10 ** digits - 1 - number).padStart(digits, "0");
}
