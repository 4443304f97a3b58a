// Which runs are old enough to go, or to lose their payloads; and what stays of these.

import { HeddleError, quoted, toError } from "../errors.js";
import type { JournalEvent, RunStatus } from "../events.js";
import { expectCount, expectNumber, expectOptions } from "../expect.js";
import type { Lease, RunHead, Skeleton, Store, StoreUsage } from "../ports.js";
import { hashOf } from "./values.js";

/** What to prune. `olderThan` and `maxBytes` choose runs; without both, all that `keep` does not protect are chosen. */
export interface PruneOptions {
  /** Runs in which nothing happened for so many milliseconds. */
  readonly olderThan?: number;
  /** So many of the newest runs stay as they are, whatever else is asked. */
  readonly keep?: number;
  /** The oldest runs, until the store takes no more than so many bytes. */
  readonly maxBytes?: number;
  /** The most runs in this call, the oldest first: where operations are counted. Default: no limit. */
  readonly limit?: number;
  /** Drops values and leaves references, edges and times, instead of removing whole runs. Default false. */
  readonly payloadsOnly?: boolean;
  /** Runs of these statuses alone. Default: those that have ended: `completed`, `failed`, `cancelled`. */
  readonly statuses?: readonly RunStatus[];
  /** Milliseconds since the epoch. Default: the clock of this machine. */
  readonly now?: number;
}

/** What was pruned. */
export interface Pruned {
  /** Runs that were removed, or lost their payloads; the oldest first. */
  readonly runs: readonly string[];
  /** Runs that were chosen and left, and why: they are being executed, cannot be read, or the store failed. */
  readonly left: readonly { readonly runId: string; readonly why: string }[];
  /** By how much less the store takes now; absent where that is not known: Workers KV tells only if it is asked for bytes. */
  readonly freedBytes?: number;
}

const OPTIONS = ["olderThan", "keep", "maxBytes", "limit", "payloadsOnly", "statuses", "now"];
const ENDED: readonly RunStatus[] = ["completed", "failed", "cancelled"];
const STATUSES: readonly string[] = [...ENDED, "running", "paused"];
const HEADS_AT_ONCE = 10_000;
const EVENTS_AT_ONCE = 5_000;
/** So many runs are held at a time while they are pruned, and so long. */
const RUNS_AT_ONCE = 50;
const LEASE_MS = 60_000;
const HASHED = /"#([0-9a-f]{64})"/g;

/** Prunes the runs of a store. @throws HeddleError `INVALID_OPTION`, `STORE_…` if no run could be pruned. */
export async function prune(store: Store, options: PruneOptions): Promise<Pruned> {
  const { olderThan, keep = 0, maxBytes, statuses = ENDED } = checked(options);
  const { limit = Number.POSITIVE_INFINITY, payloadsOnly = false, now = Date.now() } = options;
  const isCounted = maxBytes !== undefined || payloadsOnly || !store.capabilities.metered;
  const before = isCounted ? await store.usage() : undefined;
  const all = await allHeads(store);
  const mayGo = ({ status }: RunHead) => statuses.includes(status);
  const isOld = ({ updatedAt }: RunHead) => now - updatedAt > (olderThan ?? Number.POSITIVE_INFINITY);
  const candidates = all.slice(keep).filter(mayGo);
  const pruner = new Pruner(store, { payloadsOnly, limit, now });
  if (olderThan !== undefined) {
    await pruner.prune(candidates.filter(isOld), (head) => mayGo(head) && isOld(head), before);
  } else if (maxBytes === undefined) await pruner.prune(candidates, mayGo, before);
  if (maxBytes !== undefined) await pruner.pruneTo(maxBytes, candidates, mayGo);
  const { runs, left } = pruner;
  // What was pruned is told, also if the store grants no more.
  const after = runs.length === 0 ? before : before && (await store.usage().catch(() => undefined));
  return { runs, left, ...(before && after && { freedBytes: before.bytes - after.bytes }) };
}

function checked(options: PruneOptions): PruneOptions {
  expectOptions("prune", options, OPTIONS);
  const { olderThan, keep, maxBytes, limit, payloadsOnly, statuses, now } = options;
  if (olderThan === undefined && keep === undefined && maxBytes === undefined) {
    throw new HeddleError("INVALID_OPTION", "Say what to prune: give `olderThan`, `keep` or `maxBytes`.");
  }
  if (olderThan !== undefined) expectNumber("olderThan", olderThan, 0);
  if (keep !== undefined) expectCount("keep", keep, 0);
  if (maxBytes !== undefined) expectNumber("maxBytes", maxBytes, 0);
  if (limit !== undefined) expectCount("limit", limit);
  if (now !== undefined) expectNumber("now", now, 0);
  if (payloadsOnly !== undefined && typeof payloadsOnly !== "boolean") {
    throw new HeddleError("INVALID_OPTION", `Expected \`payloadsOnly\` to be true or false, got \`${payloadsOnly}\`.`);
  }
  if (statuses !== undefined) expectStatuses("statuses", statuses);
  return options;
}

/** Refuses what is no list of statuses. */
export function expectStatuses(option: string, statuses: unknown): void {
  if (Array.isArray(statuses) && statuses.every((status) => STATUSES.includes(status))) return;
  throw new HeddleError("INVALID_OPTION", `Expected \`${option}\` to be of ${quoted(STATUSES)}, got \`${statuses}\`.`);
}

async function allHeads(store: Store): Promise<RunHead[]> {
  const all: RunHead[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.heads({ limit: HEADS_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.heads);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

/** A run that is held to be pruned. */
interface Taken extends Lease {
  readonly runId: string;
  readonly owner: string;
  /** Absent if nothing is left of it but its place in the list. */
  readonly head: RunHead | undefined;
}

type MayGo = (head: RunHead) => boolean;

/** Prunes runs, each under a lease: what somebody executes is left alone. */
class Pruner {
  readonly runs: string[] = [];
  readonly left: { readonly runId: string; readonly why: string }[] = [];
  readonly #store: Store;
  readonly #payloadsOnly: boolean;
  readonly #limit: number;
  readonly #now: number;
  readonly #startedAt = Date.now();
  readonly #done = new Set<string>();
  #isOver = false;

  constructor(
    store: Store,
    { payloadsOnly, limit, now }: Required<Pick<PruneOptions, "payloadsOnly" | "limit" | "now">>,
  ) {
    this.#store = store;
    this.#payloadsOnly = payloadsOnly;
    this.#limit = limit;
    this.#now = now;
  }

  /** Prunes the oldest of these runs, which come newest first, until the store takes no more than that. */
  async pruneTo(maxBytes: number, candidates: readonly RunHead[], mayGo: MayGo): Promise<void> {
    while (!this.#isOver) {
      const usage = await this.#store.usage();
      const { bytes, runs } = usage;
      const sizes = new Map(runs.map((run) => [run.runId, this.#payloadsOnly ? run.payloadBytes : run.bytes]));
      const oldest: RunHead[] = [];
      // What runs share is freed with the last of them: so this may take several rounds.
      for (let left = bytes - maxBytes, i = candidates.length - 1; left > 0 && i >= 0; i--) {
        const head = candidates[i] as RunHead;
        if (this.#done.has(head.runId)) continue;
        oldest.unshift(head);
        left -= sizes.get(head.runId) ?? 0;
      }
      if (oldest.length === 0) return;
      await this.prune(oldest, mayGo, usage);
    }
  }

  /** Prunes these runs, which come newest first; those that may not go when they are held are left. */
  async prune(heads: readonly RunHead[], mayGo: MayGo, usage: StoreUsage | undefined): Promise<void> {
    // A skeleton has nothing left to lose, though values that it refers to may be there for others.
    const bare = new Set(usage?.runs.flatMap(({ runId, payloadBytes }) => (payloadBytes === 0 ? [runId] : [])));
    const oldestFirst = heads.toReversed().filter(({ runId }) => !this.#payloadsOnly || !bare.has(runId));
    for (const { runId } of heads) this.#done.add(runId);
    const atOnce = this.#store.capabilities.metered ? 1 : RUNS_AT_ONCE;
    for (let from = 0; from < oldestFirst.length && !this.#isOver; ) {
      const some = oldestFirst.slice(from, from + Math.min(atOnce, this.#limit - this.runs.length));
      from += some.length;
      try {
        await this.#pruneAll(some, mayGo);
      } catch (error) {
        // What was pruned until here must be told.
        if (this.runs.length === 0) throw error;
        this.#isOver = true;
        for (const { runId } of [...some, ...oldestFirst.slice(from)]) {
          if (!this.runs.includes(runId)) this.#leave(runId, error);
        }
      }
      this.#isOver ||= this.runs.length >= this.#limit;
    }
  }

  async #pruneAll(heads: readonly RunHead[], mayGo: MayGo): Promise<void> {
    const held: Taken[] = [];
    for (const { runId } of heads) {
      const taken = await this.#take(runId, mayGo).catch((error: unknown) => this.#leave(runId, error));
      if (taken) held.push(taken);
    }
    if (this.#payloadsOnly) await this.#reduceAll(held);
    else await this.#removeAll(held);
  }

  /** By a clock that goes on from the time that was given. */
  #time(): number {
    return this.#now + Date.now() - this.#startedAt;
  }

  #leave(runId: string, why: unknown): undefined {
    this.left.push({ runId, why: typeof why === "string" ? why : toError(why).message });
  }

  /** Takes a run over, so that nobody goes on with it meanwhile; nothing if somebody has it, or it may not go any more. */
  async #take(runId: string, mayGo: MayGo): Promise<Taken | undefined> {
    const now = this.#time();
    const owner = this.#store.newId(now);
    const lease = await this.#store.acquire(runId, owner, now, LEASE_MS);
    if ("heldBy" in lease) return this.#leave(runId, `Owner ${lease.heldBy} has it: it is being executed, or pruned.`);
    const head = await this.#store.head(runId);
    if (!head || mayGo(head)) return { ...lease, runId, owner, head };
    await this.#store.release(runId, lease.epoch);
    return this.#leave(runId, `It went on in the meantime, and is ${head.status}.`);
  }

  async #removeAll(held: readonly Taken[]): Promise<void> {
    const removed: string[] = [];
    try {
      // Since taking many takes a while, whether they are still held.
      for (const { runId, epoch } of held) {
        if (held.length === 1 || (await this.#store.renew(runId, epoch, this.#time(), LEASE_MS))) removed.push(runId);
        else this.#leave(runId, LOST);
      }
      if (removed.length > 0) await this.#store.remove(removed);
      this.runs.push(...removed);
    } catch (error) {
      await this.#release(held);
      throw error;
    }
  }

  async #reduceAll(held: readonly Taken[]): Promise<void> {
    const skeletons: Skeleton[] = [];
    for (const taken of held) {
      const { runId } = taken;
      const skeleton = await this.#reduce(taken).catch((error: unknown) => this.#leave(runId, error));
      if (skeleton) skeletons.push(skeleton);
      else await this.#release([taken]);
    }
    if (skeletons.length === 0) return;
    const lost = await this.#dropped(skeletons);
    for (const { runId } of skeletons) {
      if (lost.has(runId)) this.#leave(runId, LOST);
      else this.runs.push(runId);
    }
  }

  /** Drops values; returns the runs that somebody else had by then. */
  async #dropped(skeletons: readonly Skeleton[]): Promise<ReadonlySet<string>> {
    try {
      await this.#store.prune(skeletons);
      return new Set();
    } catch (error) {
      if ((error as HeddleError).code !== "FENCED") {
        await this.#release(skeletons);
        throw error;
      }
      const { runs } = await this.#store.usage();
      return new Set(runs.flatMap(({ runId, payloadBytes }) => (payloadBytes > 0 ? [runId] : [])));
    }
  }

  async #release(held: readonly { readonly runId: string; readonly epoch: number }[]): Promise<void> {
    for (const { runId, epoch } of held) await this.#store.release(runId, epoch).catch(() => {});
  }

  /** Records that a run is pruned, and tells what stays of it; nothing if it has nothing to lose. */
  async #reduce({ runId, epoch, owner, events: seq, head }: Taken): Promise<Skeleton | undefined> {
    if (!head) return undefined;
    const { keep, drop } = await valuesOf(this.#store, runId);
    if (drop.size === 0) return undefined;
    const events: JournalEvent[] = [{ type: "run-pruned", at: this.#now, epoch, owner }];
    const batch = { events, values: new Map(), refers: [], head: { ...head, events: seq + 1 }, durable: false };
    await this.#store.append(runId, { epoch, owner, seq }, batch);
    return { runId, epoch, keep };
  }
}

const LOST = "Somebody else took it over in the meantime.";

/**
 * The hashes of a run's values that are there: without some of them it cannot be looked at, the shapes of its dags and
 * the keys of its collections. The others can go.
 */
async function valuesOf(store: Store, runId: string): Promise<Record<"keep" | "drop", Set<string>>> {
  const [keep, drop] = [new Set<string>(), new Set<string>()];
  let seq = 0;
  for (let more = true; more; ) {
    const page = await store.read(runId, seq, EVENTS_AT_ONCE);
    for (const event of page.events) {
      if ("fingerprint" in event) keep.add(event.fingerprint).add(event.code);
      const keys = "composed" in event ? hashOf(event.composed?.keys) : undefined;
      if (keys !== undefined) keep.add(keys);
      for (const [, hash = ""] of JSON.stringify(event).matchAll(HASHED)) drop.add(hash);
    }
    seq += page.events.length;
    more = page.more;
  }
  const all = [...drop].filter((hash) => !keep.has(hash));
  const found = await store.hasValues(all.map((hash) => ({ hash, runId, seq: seq - 1 })));
  return { keep, drop: new Set(all.filter((_, i) => found[i])) };
}
