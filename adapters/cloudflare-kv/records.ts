// What stands beside the keys of a run, so that a list of them is enough to know how it stands. What does not fit there
// stands in the value.

import { hashText } from "../../src/hash-text.js";
import type { RunHead } from "../../src/ports.js";
import { type BatchInfo, type ClaimInfo, isBatchInfo, isClaimInfo } from "./checks.js";
import { type Client, fits, type Listed } from "./client.js";
import type { Keys, RecordKey } from "./keys.js";
import type { Metadata } from "./namespace.js";

/** An owner's claim, as it was first or as it was prolonged. */
export interface Claim extends RecordKey {
  readonly key: string;
  /** Nothing if it is damaged or not seen yet: the key alone shows that the epoch is taken. */
  readonly info: ClaimInfo | undefined;
  readonly isDamaged: boolean;
}

/** A batch that was listed. */
export interface BatchRecord extends RecordKey {
  readonly key: string;
  /** Nothing if what stands beside the key is damaged. */
  readonly info: BatchInfo | undefined;
}

/** As the owner of a claim: the run was removed, and nothing of an earlier epoch counts. No encoded name is this. */
export const NOBODY = "%";

/** How many digits of a hash stand beside a batch. */
export const HASH_DIGITS = 8;

/** The claims and batches of a run, as a list of its keys shows them. */
export async function recordsIn(client: Client, keys: Keys, listed: readonly Listed[]) {
  const claims: Claim[] = [];
  const batches: BatchRecord[] = [];
  for (const { key, metadata } of listed) {
    const record = keys.recordIn(key);
    if (record?.kind === "batch") {
      const info = opened(metadata);
      batches.push({ ...record, key, info: isBatchInfo(info) ? info : undefined });
    }
    if (record?.kind !== "claim") continue;
    const info = await infoOf(client, { key, metadata });
    claims.push({
      ...record,
      key,
      info: isClaimInfo(info) ? info : undefined,
      isDamaged: info !== undefined && !isClaimInfo(info),
    });
  }
  return { claims, batches };
}

/** Writes what is all there is under a key: beside it, or in it if it is too long. */
export function putInfo(client: Client, key: string, info: ClaimInfo | RunHead, ttlSeconds?: number): Promise<void> {
  const whole = sealed(info);
  const [value, metadata] = fits(whole) ? ["", whole] : [JSON.stringify(whole), {}];
  return client.put(key, value, metadata, ttlSeconds);
}

/** What {@link putInfo} wrote: `null` if it is damaged, nothing if its key is listed and this location does not see it. */
export async function infoOf(client: Client, { key, metadata }: Listed): Promise<unknown> {
  if (metadata && Object.keys(metadata).length > 0) return opened(metadata) ?? null;
  const stored = await client.get(key);
  if (!stored) return undefined;
  try {
    return opened(JSON.parse(new TextDecoder().decode(stored.bytes))) ?? null;
  } catch {
    return null;
  }
}

/** What stands beside keys has a checksum of its own, against accidents: not all who read it read what stands below. */
export function sealed(info: object): Metadata {
  return { ...info, check: hashText(JSON.stringify(info)) };
}

/** What was sealed; nothing if it is damaged. */
export function opened(metadata: unknown): unknown {
  // How many keys it is spread over is not known when it is sealed.
  const { check, keys: _, ...info } = (metadata ?? {}) as { readonly check?: unknown; readonly keys?: unknown };
  return check === hashText(JSON.stringify(info)) ? info : undefined;
}
