// What stands beside the keys of a run, so that a list of them is enough to know how it stands. What does not fit there
// stands in the value.

import type { RunHead } from "../../src/ports.js";
import { type Client, fits, type Listed } from "./client.js";
import type { Keys, RecordKey } from "./keys.js";
import type { Metadata } from "./namespace.js";

/** An owner's claim, as it was first or as it was prolonged. */
export interface Claim extends RecordKey {
  readonly key: string;
  readonly info: ClaimInfo;
}

/** What a claim says. */
export interface ClaimInfo {
  /** Milliseconds since the epoch: the run is held until then. */
  readonly until: number;
  /** The name of the owner, which in the key may be a hash. */
  readonly owner: string;
  /** Set when the run was given back: the number of events that its owner knew of. */
  readonly events?: number;
}

/** A batch that was listed. */
export interface BatchRecord extends RecordKey {
  readonly key: string;
  readonly metadata: unknown;
  /** Nothing if what stands beside the key is damaged. */
  readonly info: BatchInfo | undefined;
}

/** What is known of a batch without reading it. */
export interface BatchInfo {
  readonly events: number;
  /** All that is stored of it, and the part of that which pruning would drop. */
  readonly bytes: number;
  readonly payload: number;
  /** The beginning of the SHA-256 of what is stored, in hex. */
  readonly sum: string;
  /** The beginnings of the hashes of its values, if they are few. */
  readonly hashes?: string;
  /** Absent if it is too long. */
  readonly head?: RunHead;
  /** True if it was written anew without its payloads: it cuts nothing off. */
  readonly pruned?: true;
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
    if (record?.kind === "batch") batches.push({ ...record, key, metadata, info: batchInfo(metadata) });
    if (record?.kind !== "claim") continue;
    const info = claimInfo(metadata) ?? claimInfo(await infoIn(client, key));
    if (info) claims.push({ ...record, key, info });
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

function claimInfo(info: unknown): ClaimInfo | undefined {
  const { until, owner, events } = (info ?? {}) as Partial<Record<keyof ClaimInfo, unknown>>;
  if (typeof until !== "number" || typeof owner !== "string") return undefined;
  return { until, owner, ...(isCount(events) ? { events } : {}) };
}

function batchInfo(metadata: unknown): BatchInfo | undefined {
  const info = (metadata ?? {}) as Partial<Record<keyof BatchInfo, unknown>>;
  const isWhole = isCount(info.events) && isCount(info.bytes) && isCount(info.payload) && typeof info.sum === "string";
  return isWhole && (info.events as number) > 0 ? (info as unknown as BatchInfo) : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
