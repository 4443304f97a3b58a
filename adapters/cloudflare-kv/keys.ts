// Names of keys, which sort by their bytes. Every record has a key that nobody else writes, so nothing is overwritten
// and no key is written twice within a second. What may be long or hold any sign is encoded, or named by its hash.

const LONGEST_NAME = 100;
const DIGITS = 10;
const TIME_DIGITS = 16;

/** Where one claim or batch stands: all of one run under one prefix, by epoch, then by owner. */
export interface RecordKey {
  readonly epoch: number;
  /** As it stands in the key. */
  readonly owner: string;
  readonly kind: "claim" | "batch";
  /** Of a claim how often it was prolonged, of a batch the position of its first event. */
  readonly number: number;
}

/** Makes the keys of one namespace. */
export class Keys {
  readonly #base: string;

  constructor(namespace: string) {
    this.#base = `heddle/${encodeURIComponent(namespace)}/`;
  }

  /** All claims and batches of a run; without one, those of all. */
  records(run = ""): string {
    return `${this.#base}r/${run === "" ? "" : `${run}/`}`;
  }

  record(run: string, { epoch, owner, kind, number }: RecordKey): string {
    return `${this.records(run)}${padded(epoch)}/${owner}/${kind === "claim" ? 0 : 1}${padded(number)}`;
  }

  /** Takes apart what {@link record} made; nothing for other keys. */
  recordIn(key: string): (RecordKey & { readonly run: string }) | undefined {
    const parts = key.slice(this.records().length).split("/");
    const [run = "", epoch = "", owner = "", last = ""] = parts;
    if (parts.length !== 4 || !/^\d{10}$/.test(epoch) || !/^[01]\d{10}$/.test(last)) return undefined;
    const kind = last.startsWith("0") ? "claim" : "batch";
    return { run, epoch: Number(epoch), owner, kind, number: Number(last.slice(1)) };
  }

  /** All heads, those of the newest runs first. */
  heads(): string {
    return `${this.#base}h/`;
  }

  /** The heads of one run, the newest first. */
  headsOf(run: string, startedAt: number): string {
    return `${this.heads()}${String(10 ** (TIME_DIGITS - 1) - startedAt).padStart(TIME_DIGITS, "0")}/${run}/`;
  }

  head(run: string, startedAt: number, events: number, owner: string): string {
    return `${this.headsOf(run, startedAt)}${padded(10 ** DIGITS - 1 - events)}/${owner}`;
  }

  /** Where the run of a head stands among those of others. */
  placeOfHead(key: string): string {
    return `${key.slice(this.heads().length).split("/", 2).join("/")}/`;
  }

  /** The run of a head. */
  runOfHead(key: string): string {
    return key.slice(this.heads().length).split("/")[1] ?? "";
  }

  value(hash: string): string {
    return `${this.#base}v/${hash}`;
  }

  values(): string {
    return `${this.#base}v/`;
  }

  /** Says that a run refers to a value that is stored apart. */
  use(hash: string, run: string): string {
    return `${this.uses(hash)}${run}`;
  }

  uses(hash = ""): string {
    return `${this.#base}u/${hash === "" ? "" : `${hash}/`}`;
  }

  /** Says that a run refers to values that came with another one. */
  dependent(origin: string, run: string): string {
    return `${this.dependents(origin)}${run}`;
  }

  dependents(origin: string): string {
    return `${this.#base}d/${origin}/`;
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
