// What stands beside the keys of a run, so that a list of them is enough to know how it stands. What does not fit there
// stands in the value.

import { hashText } from "../../src/hash-text.js";
import type { RunHead } from "../../src/ports.js";
import { type BatchInfo, type ClaimInfo, isBatchInfo, isClaimInfo } from "./checks.js";
import { type Client, fits, type Listed } from "./client.js";
import { type Keys, type OwnedKey, type SharedKey, type Term, wholeOf } from "./keys.js";
import type { Metadata } from "./namespace.js";

/** An owner's claim, as it was first or as it was prolonged. */
export interface Claim extends Term, Listed {
  readonly kind: "claim";
  /** How often it was prolonged. */
  readonly number: number;
  /** Nothing if it is damaged or not seen yet: the key alone shows that the epoch is taken. */
  readonly info: ClaimInfo | undefined;
  readonly isDamaged: boolean;
}

/** A batch that was listed. */
export interface BatchRecord extends Term, Listed {
  readonly kind: "batch" | "pruned";
  /** The position of its first event. */
  readonly number: number;
  /** Nothing if what stands beside the key is damaged. */
  readonly info: BatchInfo | undefined;
}

/** A large value, or a link to another run. */
export type OwnedRecord = OwnedKey & Listed & { readonly kind: "value" | "origin" };

/** What belongs to a run, whoever owns it. */
export type SharedRecord = SharedKey & Listed;

/** The rest of what is too large for one key. */
export interface Part extends Listed {
  readonly kind: "part";
  /** The key of which it is the rest. */
  readonly of: string;
  /** Nothing if it belongs to the run, whoever owns it. */
  readonly epoch?: number;
}

/** All that was listed of a run. */
export interface Records {
  readonly claims: readonly Claim[];
  readonly batches: readonly BatchRecord[];
  readonly owned: readonly OwnedRecord[];
  readonly shared: readonly SharedRecord[];
  readonly parts: readonly Part[];
}

/** As the owner of a claim: the run was removed, and nothing of an earlier epoch counts. No encoded name is this. */
export const NOBODY = "%";

/** How many digits of a hash stand beside a key. */
const HASH_DIGITS = 8;
/** So many hashes fit beside a key, with what else stands there. */
const MOST_HASHES = 40;

/** What a list of a run's keys shows. */
export async function recordsIn(client: Client, keys: Keys, all: readonly Listed[]): Promise<Records> {
  const claims: Claim[] = [];
  const batches: BatchRecord[] = [];
  const [owned, shared, parts]: [OwnedRecord[], SharedRecord[], Part[]] = [[], [], []];
  for (const listed of all) {
    const { of, isPart } = keys.partsOf(listed.key) ?? {};
    if (!of) continue;
    const { kind, name } = of;
    const number = Number(name);
    if (isPart) parts.push({ ...of, ...listed, kind: "part", of: wholeOf(listed.key) });
    else if (kind === "batch" || kind === "pruned") {
      const info = opened(listed);
      batches.push({ ...of, ...listed, kind, number, info: isBatchInfo(info) ? info : undefined });
    } else if (kind === "claim") {
      const info = await infoOf(client, listed);
      const isDamaged = info !== undefined && !isClaimInfo(info);
      claims.push({ ...of, ...listed, kind, number, info: isClaimInfo(info) ? info : undefined, isDamaged });
    } else if (kind === "kept" || kind === "user") shared.push({ ...of, ...listed });
    else owned.push({ ...of, ...listed } as OwnedRecord);
  }
  return { claims, batches, owned, shared, parts };
}

/** Writes what is all there is under a key: beside it, or in it if it is too long. */
export function putInfo(client: Client, key: string, info: ClaimInfo | RunHead): Promise<void> {
  const whole = sealed(key, info);
  const [value, metadata] = fits(whole) ? ["", whole] : [JSON.stringify(whole), {}];
  return client.put(key, value, metadata);
}

/** What {@link putInfo} wrote: `null` if it is damaged, nothing if its key is listed and this location does not see it. */
export async function infoOf(client: Client, { key, metadata }: Listed): Promise<unknown> {
  if (metadata && Object.keys(metadata).length > 0) return opened({ key, metadata }) ?? null;
  const stored = await client.get(key);
  if (!stored) return undefined;
  try {
    return opened({ key, metadata: JSON.parse(new TextDecoder().decode(stored.bytes)) }) ?? null;
  } catch {
    return null;
  }
}

/**
 * What stands beside a key has a checksum of its own, against accidents: not all who read it read what stands below. It
 * is that of the key too, so that what was moved or copied is found.
 */
export function sealed(key: string, info: object): Metadata {
  return { ...info, check: checkOf(key, info) };
}

/** What was sealed; nothing if it is damaged. */
export function opened({ key, metadata }: Listed): unknown {
  // How many keys it is spread over is not known when it is sealed.
  const { check, keys: _, ...info } = (metadata ?? {}) as { readonly check?: unknown; readonly keys?: unknown };
  return check === checkOf(key, info) ? info : undefined;
}

/** Of the place in its namespace: as a whole that may get another name. */
function checkOf(key: string, info: object): number {
  return hashText(`${key.slice(key.indexOf("/", "heddle/".length))} ${JSON.stringify(info)}`);
}

/** The beginnings of hashes, to stand beside a key; nothing if they are too many. */
export function beginningsOf(hashes: Iterable<string>, most = MOST_HASHES): { readonly hashes?: string } {
  const all = [...hashes];
  return all.length > most ? {} : { hashes: all.map(beginningOf).join("") };
}

/** The beginnings that stand beside a key. */
export function beginningsIn(hashes: string): readonly string[] {
  return Array.from({ length: hashes.length / HASH_DIGITS }, (_, i) =>
    hashes.slice(i * HASH_DIGITS, (i + 1) * HASH_DIGITS),
  );
}

/** So much of a hash stands beside a key. */
export function beginningOf(hash: string): string {
  return hash.slice(0, HASH_DIGITS);
}
