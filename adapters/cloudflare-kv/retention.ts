// Removes runs and payloads, and counts what is there. Nothing is changed in place: a run that loses its payloads is
// written anew under the epoch of its holder. What is stopped half-way is taken up by the next one where it was left.

import { HeddleError } from "../../src/errors.js";
import type { Encoded, Skeleton, StoreUsage } from "../../src/ports.js";
import { isLinkInfo } from "./checks.js";
import type { Client, Listed } from "./client.js";
import type { Heads } from "./heads.js";
import type { Journals } from "./journals.js";
import { type Keys, nameOfKey } from "./keys.js";
import type { Ownership } from "./ownership.js";
import {
  type BatchRecord,
  type Claim,
  type NamedRecord,
  NOBODY,
  opened,
  putInfo,
  type Records,
  recordsIn,
} from "./records.js";
import { isRemoved, type Runs, type StoredBatch, type View } from "./runs.js";
import { type Values, valuesInfo } from "./values.js";

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
/** What others need is stored anew for them out of so many keys at a time, or so many bytes, before those go. */
const KEPT_AT_ONCE = { keys: 16, bytes: 4 << 20 } as const;

type AnyRecord = Claim | BatchRecord | NamedRecord;

/** Removes, prunes and counts. */
export class Retention {
  readonly #parts: RetentionParts;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  async remove(runIds: readonly string[]): Promise<void> {
    for (const runId of runIds) await this.#remove(runId);
  }

  async prune(runs: readonly Skeleton[]): Promise<void> {
    let fenced: HeddleError | undefined;
    for (const skeleton of runs) {
      const held = this.#parts.ownership.find(skeleton.runId, skeleton.epoch);
      if (held && (await this.#parts.ownership.isOurs(skeleton.runId, held))) await this.#prune(skeleton);
      else fenced = notHeld(skeleton);
    }
    this.#forget();
    if (fenced) throw fenced;
  }

  async usage(): Promise<StoreUsage> {
    const { client, keys } = this.#parts;
    const byRun = new Map<string, Listed[]>();
    for (const listed of await client.list(keys.run())) {
      const run = keys.partsOf(listed.key)?.run;
      if (run === undefined) continue;
      const same = byRun.get(run);
      if (same) same.push(listed);
      else byRun.set(run, [listed]);
    }
    let bytes = 0;
    const runs = [];
    for (const [run, listed] of byRun) {
      const records = await recordsIn(client, keys, listed);
      const size = sizeOf(records);
      bytes += size.bytes;
      // What is there for others alone is no run.
      if (records.batches.length > 0) runs.push({ runId: await this.#nameOf(run, records), ...size });
    }
    return { bytes, runs };
  }

  /** Removes what is left of a run that was removed; its place in the list goes last, so that it can be found until then. */
  async finish(view: View): Promise<void> {
    const { heads } = this.#parts;
    const starts = await this.#startsOf(view);
    await this.#clear(view);
    for (const startedAt of starts) await heads.remove(view.run, startedAt);
    this.#forget();
  }

  async #remove(runId: string): Promise<void> {
    const { client, keys, runs, ownership } = this.#parts;
    const view = await runs.view(runId);
    ownership.forget(runId);
    if (!isRemoved(view) && view.claims.length + view.batches.length > 0) {
      // First a new epoch, which its owner sees when it prolongs its claim, and which the next owner goes on from.
      const tombstone = { epoch: view.history.epoch + 1, owner: NOBODY, kind: "claim", number: 0 } as const;
      const info = { until: 0, owner: NOBODY, starts: await this.#startsOf(view) };
      await putInfo(client, keys.record(view.run, tombstone), info, TOMBSTONE_SECONDS);
    }
    await this.finish(view);
  }

  /** Removes all keys of a run except the one that says so, and what others need. */
  async #clear(view: View): Promise<void> {
    const { client } = this.#parts;
    const { batches, claims, named } = view;
    const tombstone = isRemoved(view) ? view.history.claim : undefined;
    const isWanted = await this.#wantedIn(view);
    const gone = [...batches, ...named.filter(({ kind }) => kind === "value"), ...claims];
    await this.#discard(
      view,
      gone.filter((one) => one !== tombstone),
      isWanted,
    );
    for (const link of named.filter(({ kind }) => kind === "origin")) {
      await this.#letGo(view, link);
      await client.delete([link]);
    }
    if (!isWanted) await client.delete(named.filter(({ kind }) => kind === "kept" || kind === "user"));
  }

  /** When a run was started, also as one of the same name that was removed while its owner went on. */
  async #startsOf(view: View): Promise<readonly number[]> {
    const starts = new Set(view.batches.flatMap(({ info }) => info?.head?.startedAt ?? []));
    for (const { info } of view.claims) for (const startedAt of info?.starts ?? []) starts.add(startedAt);
    if (starts.size > 0) return [...starts];
    // It stands in the batch if there was no room beside it.
    const head = await this.#parts.runs.head(view).catch(() => undefined);
    return head ? [head.startedAt] : [];
  }

  /** Writes a run anew without its payloads, and removes what was written before. */
  async #prune({ runId, epoch, keep }: Skeleton): Promise<void> {
    const { runs, ownership, journals, values } = this.#parts;
    const view = await runs.view(runId);
    if (view.history.broken) throw runs.brokenAt(view);
    const held = ownership.find(runId, epoch);
    if (!held) throw notHeld({ runId });
    const stays = new Set<AnyRecord>();
    for (const { batch, from, to } of view.history.stretches) {
      const isMine = batch.owner === held.ownerKey && batch.epoch === epoch;
      // What was written anew already, by one that was stopped, has no payloads; nor has what this epoch has written.
      if (isMine || batch.info?.pruned) {
        stays.add(batch);
        continue;
      }
      const read = await runs.batch(runId, batch);
      if (!read) throw runs.unseenAt(view, batch);
      const events = read.events.slice(from - batch.number, to - batch.number);
      await journals.write(held, { ...reduced(read, keep), events, runId, seq: from, pruned: true });
    }
    for (const claim of view.claims) if (claim.epoch === epoch && claim.owner === held.ownerKey) stays.add(claim);
    for (const record of view.named) {
      if (record.kind !== "value" || !keep.has(record.name)) continue;
      stays.add(record);
      const value = valuesInfo(record)?.stays ? undefined : await values.under(view, record);
      for (const [hash, one] of value ?? []) await values.putToStay(view.run, hash, one);
    }
    const isWanted = await this.#wantedIn(view);
    const all = [...view.batches, ...view.named.filter(({ kind }) => kind === "value"), ...view.claims];
    await this.#discard(
      view,
      all.filter((one) => !stays.has(one)),
      isWanted && ((hash) => !keep.has(hash) && isWanted(hash)),
    );
    for (const link of view.named.filter(({ kind }) => kind === "origin")) await this.#letGo(view, link, keep);
    await ownership.release(runId, epoch);
  }

  /** Removes keys of a run. What others want of the values under them is stored for them first, some at a time. */
  async #discard(
    view: View,
    records: readonly AnyRecord[],
    isWanted: ((hash: string) => boolean) | undefined,
  ): Promise<void> {
    const { client, values } = this.#parts;
    if (!isWanted) return client.delete(records);
    let [gone, wanted, bytes]: [AnyRecord[], Map<string, Encoded>, number] = [[], new Map(), 0];
    for (const [i, record] of records.entries()) {
      gone.push(record);
      for (const [hash, value] of await this.#valuesIn(view, record)) if (isWanted(hash)) wanted.set(hash, value);
      bytes += bytesOf(record);
      const isFull = gone.length >= KEPT_AT_ONCE.keys || bytes >= KEPT_AT_ONCE.bytes;
      if (!isFull && i < records.length - 1) continue;
      if (wanted.size > 0) await values.keep(view.run, wanted);
      await client.delete(gone);
      [gone, wanted, bytes] = [[], new Map(), 0];
    }
  }

  /** The values under a key; none if they are damaged, since these cannot be kept. */
  async #valuesIn(view: View, record: AnyRecord): Promise<ReadonlyMap<string, Encoded>> {
    const { runs, values } = this.#parts;
    if (record.kind === "value") return (await unlessDamaged(values.under(view, record))) ?? new Map();
    // One that is damaged cannot be read, and some have no values.
    if (record.kind !== "batch" || !record.info || record.info.hashes === "") return new Map();
    const read = await unlessDamaged(runs.batch(view.runId, record).then((batch) => batch ?? "unseen"));
    if (read === "unseen") throw runs.unseenAt(view, record);
    return read?.values ?? new Map();
  }

  /** Which values of a run others refer to; nothing if it is none. */
  async #wantedIn({ named }: View): Promise<((hash: string) => boolean) | undefined> {
    const wanted = new Set<string>();
    for (const link of named) {
      const refers = link.kind === "user" ? await this.#refersOf(link) : [];
      // It cannot be told: then all.
      if (!refers) return () => true;
      for (const hash of refers) wanted.add(hash);
    }
    return wanted.size > 0 ? (hash) => wanted.has(hash) : undefined;
  }

  /** What a run refers to that others stored; nothing if it cannot be told, since some of it is damaged or not seen. */
  async #refersOf(link: NamedRecord): Promise<readonly string[] | undefined> {
    const { runs } = this.#parts;
    const runId = runIdOf(link);
    if (runId === undefined) return undefined;
    const { history } = await runs.view(runId);
    // It may be about to write what it refers to.
    const isBeginning = history.events === 0 && (history.claim?.info?.until ?? 0) > 0;
    if (history.broken || isBeginning) return undefined;
    const hashes: string[] = [];
    for (const { batch } of history.stretches) {
      if (!batch.info?.reuses) continue;
      const read = await unlessDamaged(runs.batch(runId, batch));
      if (!read) return undefined;
      hashes.push(...read.refers);
    }
    return hashes;
  }

  /** A run takes no more values from another, except these: what is kept there for it alone goes. */
  async #letGo(user: View, link: NamedRecord, keep?: ReadonlySet<string>): Promise<void> {
    const { client, keys, runs } = this.#parts;
    const back = keys.named(link.name, { kind: "user", name: user.run });
    if (!keep) await client.delete([{ key: back, metadata: undefined }]);
    const runId = runIdOf(link);
    if (runId === undefined) return;
    const origin = await runs.view(runId);
    // The list may still show what was deleted.
    const named = origin.named.filter(({ key }) => keep || key !== back);
    const kept = named.filter(({ kind }) => kind === "kept");
    if (kept.length === 0) return;
    const isWanted = await this.#wantedIn({ ...origin, named });
    for (const one of kept) {
      const hashes = isWanted
        ? [...((await unlessDamaged(this.#parts.values.under(origin, one))) ?? new Map()).keys()]
        : [];
      if (!isWanted || !hashes.some(isWanted)) await client.delete([one]);
    }
    if (!isWanted && origin.batches.length === 0) await client.delete(named.filter(({ kind }) => kind === "user"));
  }

  #forget(): void {
    this.#parts.runs.forget();
    this.#parts.values.forget();
  }

  /** The name of a run, which in its keys may be a hash. */
  async #nameOf(run: string, { batches }: Records): Promise<string> {
    const short = nameOfKey(run);
    if (short !== undefined) return short;
    for (const { info, key } of batches) {
      if (info?.head) return info.head.runId;
      const name = await this.#parts.runs.nameIn(key);
      if (name !== undefined) return name;
    }
    return run;
  }
}

function reduced({ values, refers, head }: StoredBatch, keep: ReadonlySet<string>) {
  return {
    values: new Map([...values].filter(([hash]) => keep.has(hash))),
    refers: refers.filter((hash) => keep.has(hash)),
    head,
  };
}

function sizeOf({ batches, named }: Records): { readonly bytes: number; readonly payloadBytes: number } {
  const apart = named.map((record) => ({ kind: record.kind, ...valuesInfo(record) }));
  const bytes = [...batches.map(({ info }) => info?.bytes ?? 0), ...apart.map((one) => one.bytes ?? 0)];
  const goes = apart.filter(({ kind, stays }) => kind === "value" && !stays);
  const payload = [...batches.map(({ info }) => info?.payload ?? 0), ...goes.map((one) => one.bytes ?? 0)];
  return { bytes: sum(bytes), payloadBytes: sum(payload) };
}

function bytesOf(record: AnyRecord): number {
  if (record.kind === "batch") return record.info?.bytes ?? 0;
  return record.kind === "claim" ? 0 : (valuesInfo(record)?.bytes ?? 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** The run that a link leads to; nothing if it cannot be told. */
function runIdOf(link: NamedRecord): string | undefined {
  const info = opened(link);
  return isLinkInfo(info) ? info.runId : nameOfKey(link.name);
}

/** What is read; nothing if it is damaged. */
async function unlessDamaged<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as HeddleError).code === "STORE_DAMAGED") return undefined;
    throw error;
  }
}

function notHeld({ runId }: Pick<Skeleton, "runId">): HeddleError {
  return new HeddleError("FENCED", `Run "${runId}" is not held any more, so it cannot be pruned.`);
}
