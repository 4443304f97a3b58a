// Which runs are old enough to go, or to lose their payloads; and what stays of these.

import { expectCount, expectNumber, expectOptions } from "../definition/node.js";
import { HeddleError, quoted, toError } from "../errors.js";
import type { JournalEvent, RunStatus } from "../events.js";
import type { Lease, RunHead, Skeleton, Store } from "../ports.js";
import { hashOf } from "./values.js";

/** What to prune. `olderThan` and `maxBytes` choose runs; without both, all that `keep` does not protect are chosen. */
export interface PruneOptions {
  /** Runs in which nothing happened for so many milliseconds. */
  readonly olderThan?: number;
  /** So many of the newest runs stay as they are, whatever else is asked. */
  readonly keep?: number;
  /** The oldest runs, until the store takes no more than so many bytes. */
  readonly maxBytes?: number;
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
  /** Runs that were chosen and left, and why: they are being executed, or cannot be read. */
  readonly left: readonly { readonly runId: string; readonly why: string }[];
  /** By how much less the store takes now. */
  readonly freedBytes: number;
}

const OPTIONS = ["olderThan", "keep", "maxBytes", "payloadsOnly", "statuses", "now"];
const ENDED: readonly RunStatus[] = ["completed", "failed", "cancelled"];
const HEADS_AT_ONCE = 1_000;
const EVENTS_AT_ONCE = 5_000;
/** How long a run is held while it is pruned. */
const LEASE_MS = 60_000;

/** Prunes the runs of a store. @throws HeddleError `INVALID_OPTION`. */
export async function prune(store: Store, options: PruneOptions): Promise<Pruned> {
  const { olderThan, keep = 0, maxBytes, statuses = ENDED, now = Date.now() } = checked(options);
  const before = await store.usage();
  const all = await allHeads(store);
  const candidates = all.slice(keep).filter(({ status }) => statuses.includes(status));
  const isChosen = ({ updatedAt }: RunHead) =>
    olderThan === undefined ? maxBytes === undefined : now - updatedAt > olderThan;
  const pruner = new Pruner(store, options.payloadsOnly === true, now);
  await pruner.prune(candidates.filter(isChosen));
  if (maxBytes !== undefined) await pruner.pruneTo(maxBytes, candidates);
  const { bytes } = await store.usage();
  return { runs: pruner.runs, left: pruner.left, freedBytes: before.bytes - bytes };
}

function checked(options: PruneOptions): PruneOptions {
  expectOptions("prune", options, OPTIONS);
  const { olderThan, keep, maxBytes } = options;
  if (olderThan === undefined && keep === undefined && maxBytes === undefined) {
    throw new HeddleError("INVALID_OPTION", "Say what to prune: give `olderThan`, `keep` or `maxBytes`.");
  }
  if (olderThan !== undefined) expectNumber("olderThan", olderThan, 0);
  if (keep !== undefined && keep !== 0) expectCount("keep", keep);
  if (maxBytes !== undefined) expectNumber("maxBytes", maxBytes, 0);
  return options;
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

/** The right to a run, and whose it is. */
interface Taken extends Lease {
  readonly owner: string;
}

/** Prunes runs, each under a lease: what somebody executes is left alone. */
class Pruner {
  readonly runs: string[] = [];
  readonly left: { readonly runId: string; readonly why: string }[] = [];
  readonly #store: Store;
  readonly #payloadsOnly: boolean;
  readonly #now: number;
  readonly #done = new Set<string>();

  constructor(store: Store, payloadsOnly: boolean, now: number) {
    this.#store = store;
    this.#payloadsOnly = payloadsOnly;
    this.#now = now;
  }

  /** Prunes the oldest of these runs, newest first as they come, until the store takes no more than that. */
  async pruneTo(maxBytes: number, candidates: readonly RunHead[]): Promise<void> {
    for (;;) {
      const { bytes, runs } = await this.#store.usage();
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
      await this.prune(oldest);
    }
  }

  /** Prunes these runs, which come newest first. */
  async prune(heads: readonly RunHead[]): Promise<void> {
    const sizes = new Map((await this.#store.usage()).runs.map((run) => [run.runId, run.payloadBytes]));
    const skeletons: Skeleton[] = [];
    const removed: string[] = [];
    for (const head of heads.toReversed()) {
      const { runId } = head;
      this.#done.add(runId);
      // A skeleton has nothing left to lose.
      if (this.#payloadsOnly && sizes.get(runId) === 0) continue;
      try {
        const taken = await this.#take(runId);
        if (!taken) continue;
        if (this.#payloadsOnly) skeletons.push(await this.#reduce(head, taken));
        else removed.push(runId);
        this.runs.push(runId);
      } catch (error) {
        this.left.push({ runId, why: toError(error).message });
      }
    }
    if (removed.length > 0) await this.#store.remove(removed);
    if (skeletons.length > 0) await this.#store.prune(skeletons);
  }

  /** Takes a run over, so that nobody goes on with it meanwhile; nothing if somebody has it. */
  async #take(runId: string): Promise<Taken | undefined> {
    const owner = this.#store.newId(this.#now);
    const lease = await this.#store.acquire(runId, owner, this.#now, LEASE_MS);
    if (!("heldBy" in lease)) return { ...lease, owner };
    this.left.push({ runId, why: `It is being executed by owner ${lease.heldBy}.` });
    return undefined;
  }

  /** Records that a run is pruned, and finds out what stays of it. */
  async #reduce(head: RunHead, { epoch, owner, events: seq }: Taken): Promise<Skeleton> {
    const { runId } = head;
    try {
      const events: JournalEvent[] = [{ type: "run-pruned", at: this.#now, epoch, owner }];
      const batch = { events, values: new Map(), refers: [], head: { ...head, events: seq + 1 }, durable: false };
      await this.#store.append(runId, { epoch, owner, seq }, batch);
      return { runId, epoch, keep: await skeletonOf(this.#store, runId) };
    } catch (error) {
      await this.#store.release(runId, epoch).catch(() => {});
      throw error;
    }
  }
}

/** The values without which a run cannot be looked at: the shapes of its dags, and the keys of its collections. */
async function skeletonOf(store: Store, runId: string): Promise<ReadonlySet<string>> {
  const hashes = new Set<string>();
  const add = (hash: string | undefined) => hash !== undefined && hashes.add(hash);
  for (let seq = 0, more = true; more; ) {
    const page = await store.read(runId, seq, EVENTS_AT_ONCE);
    for (const event of page.events) {
      if ("fingerprint" in event) hashes.add(event.fingerprint).add(event.code);
      if ("composed" in event) add(hashOf(event.composed?.keys));
    }
    seq += page.events.length;
    more = page.more;
  }
  return hashes;
}

/** Says where values went. */
export function prunedNote(prunedAt: number | undefined): string {
  return prunedAt === undefined ? "" : ` Its payloads were pruned at ${new Date(prunedAt).toISOString()}.`;
}

/** A run that cannot go on. */
export function restartBlocked(runId: string, paths: readonly string[], prunedAt: number | undefined): HeddleError {
  return new HeddleError(
    "RESTART_BLOCKED",
    `Run "${runId}" cannot go on: recorded values that ${quoted(paths)} needs are gone from the store.${prunedNote(prunedAt)} Start a new run, or replay it with \`rerun\` and new \`inputs\`.`,
  );
}
