// What stands beside the keys of a run, so that a list of them is enough to know how it stands. What does not fit there
// stands in the value.

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
    if (record?.kind === "batch") batches.push({ ...record, key, info: isBatchInfo(metadata) ? metadata : undefined });
    if (record?.kind !== "claim") continue;
    const info = isClaimInfo(metadata) ? metadata : await infoIn(client, key);
    claims.push({ ...record, key, info: isClaimInfo(info) ? info : undefined });
  }
  return { claims, batches };
}

/** Writes what is all there is under a key: beside it, or in it if it is too long. */
export function putInfo(client: Client, key: string, info: ClaimInfo | RunHead): Promise<void> {
  const metadata = info as unknown as Metadata;
  return fits(metadata) ? client.put(key, "", metadata) : client.put(key, JSON.stringify(info), {});
}

/** What {@link putInfo} wrote into a key instead of beside it. */
export async function infoIn(client: Client, key: string): Promise<unknown> {
  const stored = await client.get(key);
  try {
    return JSON.parse(new TextDecoder().decode(stored?.bytes));
  } catch {
    return undefined;
  }
}
