// Removes runs and payloads, and counts what is there. Nothing is changed in place: a run that loses its payloads is
// written anew under the epoch of its holder, its last batch first, so that whatever is seen of it says the same.

import { HeddleError } from "../../src/errors.js";
import type { Skeleton, StoreUsage } from "../../src/ports.js";
import type { Client, Listed } from "./client.js";
import type { Heads } from "./heads.js";
import type { Journals } from "./journals.js";
import { type Keys, nameOfKey } from "./keys.js";
import type { Ownership } from "./ownership.js";
import { NOBODY, putInfo, recordsIn } from "./records.js";
import type { Batch, Runs, View } from "./runs.js";
import type { Values } from "./values.js";

/** What is removed from one namespace. */
export interface RetentionParts {
  readonly client: Client;
  readonly keys: Keys;
  readonly runs: Runs;
  readonly ownership: Ownership;
  readonly journals: Journals;
  readonly values: Values;
  readonly heads: Heads;
}

/** So long the key stays that shows the owner of a removed run that it is gone: 30 days. */
const TOMBSTONE_SECONDS = 30 * 86_400;

/** Removes, prunes and counts. */
export class Retention {
  readonly #parts: RetentionParts;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  async remove(runIds: readonly string[]): Promise<void> {
    for (const runId of runIds) await this.#remove(runId);
    this.#parts.runs.forget();
    this.#parts.values.forget();
  }

  async prune(runs: readonly Skeleton[]): Promise<void> {
    let fenced: HeddleError | undefined;
    for (const skeleton of runs) {
      const held = this.#parts.ownership.find(skeleton.runId, skeleton.epoch);
      if (held && (await this.#parts.ownership.isOurs(skeleton.runId, held))) await this.#prune(skeleton);
      else fenced = notHeld(skeleton);
    }
    this.#parts.runs.forget();
    this.#parts.values.forget();
    if (fenced) throw fenced;
  }

  async usage(): Promise<StoreUsage> {
    const { client, keys } = this.#parts;
    const [records, values, uses] = (await Promise.all(
      [keys.records(), keys.values(), keys.uses()].map((prefix) => client.list(prefix)),
    )) as [readonly Listed[], readonly Listed[], readonly Listed[]];
    const byRun = new Map<string, Listed[]>();
    for (const one of records) {
      const record = keys.recordIn(one.key);
      if (record?.kind === "batch") byRun.set(record.run, [...(byRun.get(record.run) ?? []), one]);
    }
    const apart = new Map<string, number>();
    for (const { key, metadata } of uses) {
      const run = lastPart(key);
      apart.set(run, (apart.get(run) ?? 0) + bytesIn(metadata));
    }
    let bytes = values.reduce((sum, { metadata }) => sum + bytesIn(metadata), 0);
    const used = [];
    for (const [run, listed] of byRun) {
      const { batches } = await recordsIn(client, keys, listed);
      const own = batches.reduce((sum, { info }) => sum + (info?.bytes ?? 0), 0);
      const payload = batches.reduce((sum, { info }) => sum + (info?.payload ?? 0), 0);
      const shared = apart.get(run) ?? 0;
      bytes += own;
      used.push({ runId: await this.#nameOf(run, listed), bytes: own + shared, payloadBytes: payload + shared });
    }
    return { bytes, runs: used };
  }

  /** The name of a run, which in its keys may be a hash. */
  async #nameOf(run: string, listed: readonly Listed[]): Promise<string> {
    const short = nameOfKey(run);
    if (short !== undefined) return short;
    const { batches } = await recordsIn(this.#parts.client, this.#parts.keys, listed);
    for (const { info, key } of batches) {
      if (info?.head) return info.head.runId;
      const name = await this.#parts.runs.nameIn(key);
      if (name !== undefined) return name;
    }
    return run;
  }

  async #remove(runId: string): Promise<void> {
    const { client, keys, runs, ownership, heads } = this.#parts;
    const view = await runs.view(runId);
    const { run, listed, history } = view;
    await this.#rescue(view, new Set());
    ownership.forget(runId);
    const starts = await this.#startsOf(view);
    if (listed.length > 0) {
      // First a new epoch, which its owner sees when it prolongs its claim, and which the next owner goes on from.
      const tombstone = { epoch: history.epoch + 1, owner: NOBODY, kind: "claim", number: 0 } as const;
      const info = { until: 0, owner: NOBODY, starts };
      await putInfo(client, keys.record(run, tombstone), info, TOMBSTONE_SECONDS);
    }
    await client.delete(listed);
    await this.#letGoOf(run, new Set());
    // Last: a run that is only half removed can still be found.
    for (const startedAt of starts) await heads.remove(run, startedAt);
  }

  /** When a run was started, also as one of the same name that was removed while its owner went on. */
  async #startsOf(view: View): Promise<readonly number[]> {
    const { client, keys, runs } = this.#parts;
    const { batches, claims } = await recordsIn(client, keys, view.listed);
    const starts = new Set(batches.flatMap(({ info }) => info?.head?.startedAt ?? []));
    for (const { info } of claims) for (const startedAt of info?.starts ?? []) starts.add(startedAt);
    // It stands in the batch if there was no room beside it.
    const head = starts.size > 0 ? undefined : await runs.head(view).catch(() => undefined);
    return head ? [head.startedAt] : [...starts];
  }

  /** Writes a run anew without its payloads, and removes what was written before. */
  async #prune({ runId, epoch, keep }: Skeleton): Promise<void> {
    const { client, keys, runs, ownership, journals } = this.#parts;
    const view = await runs.view(runId);
    if (view.history.broken) throw runs.brokenAt(view);
    const held = ownership.find(runId, epoch);
    if (!held) throw notHeld({ runId });
    await this.#rescue(view, keep);
    const { stretches } = view.history;
    const mine = (owner: string, of: number) => owner === held.ownerKey && of === epoch;
    for (const { batch, from, to } of stretches.toReversed()) {
      // What this epoch has written itself has no values.
      if (mine(batch.owner, batch.epoch)) continue;
      const read = await runs.batch(runId, batch);
      if (!read) throw runs.unseenAt(view, batch);
      const events = read.events.slice(from - batch.number, to - batch.number);
      await journals.write(held, { ...reduced(read, keep), events, runId, seq: from, pruned: true });
    }
    const old = view.listed.filter(({ key }) => {
      const record = keys.recordIn(key);
      return record && !mine(record.owner, record.epoch);
    });
    await client.delete(old);
    await this.#letGoOf(view.run, keep);
    await ownership.release(runId, epoch);
  }

  /** Stores apart those values of a run that other runs refer to and that it will not keep. */
  async #rescue(view: View, keep: ReadonlySet<string>): Promise<void> {
    const { client, keys, runs, values } = this.#parts;
    const [dependents, uses] = await Promise.all([client.list(keys.dependents(view.run)), client.list(keys.uses())]);
    /** Who wants a value of this run; and who wants any, as far as it cannot be told. */
    const wanted = new Map<string, Set<string>>();
    const everything: string[] = [];
    const want = (hash: string, run: string) => wanted.set(hash, (wanted.get(hash) ?? new Set()).add(run));
    /** What of this run is stored apart already. */
    const apart = new Map<string, number>();
    for (const { key, metadata } of uses) {
      const [hash = "", run = ""] = key.slice(keys.uses().length).split("/");
      if (run === view.run) apart.set(hash, bytesIn(metadata));
      else want(hash, run);
    }
    if (wanted.size + dependents.length === 0) return;
    for (const dependent of dependents) {
      const run = lastPart(dependent.key);
      const refers = await this.#refers(dependent);
      if (!refers) everything.push(run);
      for (const hash of refers ?? []) want(hash, run);
    }
    const usersOf = (hash: string) => (keep.has(hash) ? [] : [...(wanted.get(hash) ?? []), ...everything]);
    for (const [hash, bytes] of apart) for (const run of usersOf(hash)) await values.use(hash, run, bytes);
    for (const { batch } of view.history.stretches) {
      const read = await unlessDamaged(runs.batch(view.runId, batch));
      if (read === undefined) throw runs.unseenAt(view, batch);
      // What is damaged cannot be kept.
      for (const [hash, value] of read === "damaged" ? [] : read.values) {
        const users = usersOf(hash);
        if (users.length > 0) await values.put(hash, value);
        for (const run of users) await values.use(hash, run);
      }
    }
    if (keep.size === 0) await client.delete(dependents);
  }

  /** The hashes that a run refers to; nothing if it cannot be told, since some of it is damaged or not seen. */
  async #refers({ key, metadata }: Listed): Promise<readonly string[] | undefined> {
    const { runs } = this.#parts;
    const { runId = nameOfKey(lastPart(key)) } = (metadata ?? {}) as { readonly runId?: unknown };
    if (typeof runId !== "string") return undefined;
    const { history } = await runs.view(runId);
    if (history.broken) return undefined;
    const hashes: string[] = [];
    for (const { batch } of history.stretches) {
      const read = await unlessDamaged(runs.batch(runId, batch));
      if (read === undefined || read === "damaged") return undefined;
      hashes.push(...read.refers);
    }
    return hashes;
  }

  /** A run refers no more to values that are stored apart, except these; what nobody refers to goes. */
  async #letGoOf(run: string, keep: ReadonlySet<string>): Promise<void> {
    const { client, keys } = this.#parts;
    const uses = await client.list(keys.uses());
    const own = uses.filter(({ key }) => key.endsWith(`/${run}`));
    for (const use of own) {
      const hash = use.key.split("/").at(-2) as string;
      if (keep.has(hash)) continue;
      const isUsed = uses.some(({ key }) => key !== use.key && key.startsWith(keys.uses(hash)));
      if (!isUsed) await client.delete(await client.list(keys.value(hash)));
      await client.delete([use]);
    }
  }
}

function reduced({ values, refers, head }: Batch, keep: ReadonlySet<string>) {
  return {
    values: new Map([...values].filter(([hash]) => keep.has(hash))),
    refers: refers.filter((hash) => keep.has(hash)),
    head,
  };
}

function bytesIn(metadata: unknown): number {
  const { bytes } = (metadata ?? {}) as { readonly bytes?: unknown };
  return Number.isSafeInteger(bytes) ? (bytes as number) : 0;
}

/** What is read; nothing if this location does not see it. */
async function unlessDamaged(reading: Promise<Batch | undefined>): Promise<Batch | "damaged" | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as HeddleError).code === "STORE_DAMAGED") return "damaged";
    throw error;
  }
}

/** Of the key of a dependent or of a use: the run. */
function lastPart(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

function notHeld({ runId }: Pick<Skeleton, "runId">): HeddleError {
  return new HeddleError("FENCED", `Run "${runId}" is not held any more, so it cannot be pruned.`);
}
