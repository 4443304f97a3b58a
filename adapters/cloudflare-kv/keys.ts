// Names of keys, which sort by their bytes. All that belongs to a run stands under one prefix, so that one list shows it;
// what an owner wrote stands under its epoch and name, so that it can be told from what another one wrote under a run of
// the same name. Only the heads stand together, for the list of runs. Nearly every record has a key that nobody else
// writes: nothing is overwritten, and no key is written twice within a second. What may be long or hold any sign is
// encoded, or named by its hash.

const LONGEST_NAME = 100;
const DIGITS = 10;
const TIME_DIGITS = 15;

/** One owner's hold on a run: no other has the same epoch and name. */
export interface Term {
  readonly epoch: number;
  /** Its name as it stands in keys. */
  readonly owner: string;
}

/** Where something stands that an owner wrote. */
export interface OwnedKey extends Term {
  /**
   * `claim`: how often it was prolonged is its name. `batch`: named by the position of its first event; `pruned`: the
   * same without its payloads. `value`: a large value, by its hash. `origin`: a run from which the batch at a position
   * takes values, by both.
   */
  readonly kind: "claim" | "batch" | "pruned" | "value" | "origin";
  readonly name: string;
}

/** Where something stands that belongs to the run, whoever owns it. */
export interface SharedKey {
  /** `kept`: values that stay for other runs. `user`: a run that takes values from this one, with the owner and the position of its batch. */
  readonly kind: "kept" | "user";
  readonly name: string;
}

/** What a key says. */
export interface KeyParts {
  readonly run: string;
  readonly of: OwnedKey | SharedKey;
  /** True for the rest of what is too large for one key. */
  readonly isPart: boolean;
}

const OWNED: readonly OwnedKey["kind"][] = ["claim", "batch", "pruned", "value", "origin"];
const SHARED = new Map<string, SharedKey["kind"]>([
  ["k", "kept"],
  ["u", "user"],
]);
const NUMBER = /^\d{10}$/;
const NAMES: Readonly<Record<OwnedKey["kind"], RegExp>> = {
  claim: NUMBER,
  batch: NUMBER,
  pruned: NUMBER,
  value: /./,
  origin: /^\d{10}./,
};

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

  owned(run: string, { epoch, owner }: Term, kind: OwnedKey["kind"], name: string): string {
    return `${this.run(run)}${termIn({ epoch, owner })}/${OWNED.indexOf(kind)}${name}`;
  }

  /** Values of a run that stay for others. */
  kept(run: string, sum: string): string {
    return `${this.run(run)}k/${sum}`;
  }

  /** The two ends of a link: at the run from which a batch takes values, and at the run of the batch. */
  link(origin: string, run: string, term: Term, seq: number): { readonly user: string; readonly origin: string } {
    // No encoded name has a comma.
    const user = `${this.run(origin)}u/${[run, numbered(term.epoch), term.owner, numbered(seq)].join()}`;
    return { user, origin: this.owned(run, term, "origin", `${numbered(seq)}${origin}`) };
  }

  /** Takes apart what stands under a run; nothing for other keys. */
  partsOf(key: string): KeyParts | undefined {
    const [run = "", first = "", ...rest] = key.slice(this.run().length).split("/");
    const kind = SHARED.get(first);
    const part = rest[kind ? 1 : 2];
    if (rest.length > (kind ? 2 : 3) || (part !== undefined && !NUMBER.test(part))) return undefined;
    const isPart = part !== undefined;
    if (kind) return rest[0] ? { run, of: { kind, name: rest[0] }, isPart } : undefined;
    const [owner = "", last = ""] = rest;
    const [owned, name] = [OWNED[Number(last[0])], last.slice(1)];
    if (!NUMBER.test(first) || !owned || !NAMES[owned].test(name)) return undefined;
    return { run, of: { kind: owned, epoch: Number(first), owner, name }, isPart };
  }

  /** All heads, those of the newest runs first. */
  heads(): string {
    return `${this.#base}h/`;
  }

  /** The heads of one run: in the order in which its history would take them, the last first. */
  headsOf(run: string, startedAt: number): string {
    return `${this.heads()}${reversed(startedAt, TIME_DIGITS)}/${run}/`;
  }

  head(run: string, startedAt: number, { epoch, owner }: Term, events: number): string {
    return `${this.headsOf(run, startedAt)}${reversed(epoch)}/${owner}/${reversed(events)}`;
  }

  /** The run of a head, and under which epoch it was written. */
  headParts(key: string): { readonly run: string; readonly epoch: number } {
    const [, run = "", epoch = ""] = key.slice(this.heads().length).split("/");
    return { run, epoch: Number(reversed(Number(epoch))) };
  }

  /** Where the run of a head stands among those of others. */
  placeOfHead(key: string): string {
    return `${key.slice(this.heads().length).split("/", 2).join("/")}/`;
  }
}

/** The rest of what is too large for one key, in several. */
export function partOf(key: string, number: number): string {
  return `${key}/${numbered(number)}`;
}

/** The key of which another one is the rest. */
export function wholeOf(part: string): string {
  return part.slice(0, part.lastIndexOf("/"));
}

/** What the name of an `origin` says. */
export function originNamed(name: string): { readonly seq: number; readonly origin: string } {
  return { seq: Number(name.slice(0, DIGITS)), origin: name.slice(DIGITS) };
}

/** An owner in a key: the later epoch sorts last. */
export function termIn({ epoch, owner }: Term): string {
  return `${numbered(epoch)}/${owner}`;
}

/** The epoch of what {@link termIn} made. */
export function epochOf(term: string): number {
  return Number(term.slice(0, DIGITS));
}

/** A number as it sorts. */
export function numbered(number: number): string {
  return String(number).padStart(DIGITS, "0");
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

/** Sorts the other way round. */
function reversed(number: number, digits = DIGITS): string {
  return String(10 ** digits - 1 - number).padStart(digits, "0");
}
