// Removes runs and payloads. Nothing is changed in place: a batch that loses its payloads is written anew beside itself
// before it goes. What is stopped half-way is taken up by the next one where it was left.

import type { HeddleError } from "../../src/errors.js";
import type { Encoded, Skeleton } from "../../src/ports.js";
import type { Client } from "./client.js";
import type { Heads } from "./heads.js";
import type { Journals } from "./journals.js";
import { type Keys, numbered, termIn } from "./keys.js";
import type { IsWanted, Links } from "./links.js";
import type { Holding, Ownership } from "./ownership.js";
import { type BatchRecord, beginningOf, beginningsIn, NOBODY, putInfo, type Records } from "./records.js";
import { isRemoved, type Runs, unlessDamaged, type View } from "./runs.js";
import { type Values, valuesInfo } from "./values.js";

/** What is removed from one namespace. */
export interface RetentionParts {
  readonly client: Client;
  readonly keys: Keys;
  readonly runs: Runs;
  readonly ownership: Ownership;
  readonly journals: Journals;
  readonly values: Values;
  readonly links: Links;
  readonly heads: Heads;
}

/** What others need is stored anew for them out of so many keys at a time, or so many bytes, before those go. */
const KEPT_AT_ONCE = { keys: 16, bytes: 4 << 20 } as const;

type AnyRecord = Records[keyof Records][number];

/** Removes and prunes. */
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
      try {
        await this.#prune(skeleton);
      } catch (error) {
        if ((error as HeddleError).code !== "FENCED") throw error;
        fenced = error as HeddleError;
      }
    }
    this.#parts.runs.clear();
    if (fenced) throw fenced;
  }

  /** Removes what is left of a run up to an epoch; its place in the list goes last, so that it can be found until then. */
  async finish(view: View, upTo = view.history.removedAt): Promise<void> {
    const { heads, links, runs, client } = this.#parts;
    const { batches, claims, owned, parts, shared } = view;
    const starts = await this.#startsOf(view);
    const isOld = ({ epoch = Number.POSITIVE_INFINITY }: { readonly epoch?: number }) => epoch <= upTo;
    const values = owned.filter(({ kind }) => kind === "value");
    // That it was removed stays for its owner to see.
    const over = claims.filter(({ owner, epoch }) => owner !== NOBODY || epoch < upTo);
    const isWanted = links.wantedIn(view);
    await this.#discard(view, [...batches, ...values, ...parts, ...over].filter(isOld), isWanted);
    await links.cut(
      view,
      owned.filter((record) => record.kind === "origin" && isOld(record)),
    );
    if (!isWanted) await client.delete([...shared, ...parts.filter(({ epoch }) => epoch === undefined)]);
    await heads.remove(view.run, upTo, starts);
    runs.clear();
  }

  async #remove(runId: string): Promise<void> {
    const { client, keys, runs, ownership } = this.#parts;
    const view = await runs.view(runId);
    ownership.forget(runId);
    const { claims, batches, owned, parts } = view;
    const epochs = [...claims, ...batches, ...owned, ...parts].map(({ epoch = 0 }) => epoch);
    if (epochs.length === 0) return this.finish(view);
    const starts = await this.#startsOf(view);
    const before = isRemoved(view) ? view.history.claim : undefined;
    if (before && starts.every((startedAt) => before.info?.starts?.includes(startedAt))) return this.finish(view);
    // First a new epoch, which its owner sees when it prolongs its claim, and which the next owner goes on from. It stays:
    // what an owner wrote before it saw that would count again.
    const epoch = before?.epoch ?? epochs.reduce((a, b) => Math.max(a, b)) + 1;
    const tombstone = keys.owned(view.run, { epoch, owner: NOBODY }, "claim", numbered((before?.number ?? -1) + 1));
    await putInfo(client, tombstone, { until: 0, owner: NOBODY, starts });
    await this.finish(view, epoch);
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
    const { runs, ownership, links } = this.#parts;
    const held = ownership.holding(runId, epoch);
    const expectOurs = () => ownership.expectOurs(runId, held);
    const view = await expectOurs();
    if (view.history.broken) throw runs.brokenAt(view);
    const stays = new Set([...(await this.#reduceBatches(view, keep)), ...(await this.#keepValues(view, held, keep))]);
    for (const claim of view.claims) if (claim.epoch === epoch || claim.owner === NOBODY) stays.add(claim.key);
    const { batches, owned, claims } = view;
    const parts = view.parts.filter(({ epoch: written }) => written !== undefined);
    const all = [...batches, ...owned.filter(({ kind }) => kind === "value"), ...parts, ...claims];
    const gone = all.filter((one) => !stays.has(one.kind === "part" ? one.of : one.key));
    const isWanted = links.wantedIn(view);
    await this.#discard(view, gone, isWanted && ((hash) => !keep.has(hash) && isWanted(hash)), expectOurs);
    await links.narrow(
      held,
      owned.filter(({ kind }) => kind === "origin"),
      keep,
    );
    await ownership.release(runId, epoch);
  }

  /**
   * Writes batches anew that have payloads, also those that do not count: what is seen elsewhere may decide that they do.
   * Returns the keys of those that stay, and of the new ones.
   */
  async #reduceBatches(view: View, keep: ReadonlySet<string>): Promise<readonly string[]> {
    const { runs, journals } = this.#parts;
    const { batches, history } = view;
    const anew = batches.filter(({ kind }) => kind === "pruned");
    const done = new Map(anew.map((batch) => [placeOf(batch), batch]));
    const stays: string[] = [];
    for (const batch of batches) {
      const { info, epoch, key } = batch;
      if (epoch <= history.removedAt) continue;
      if (!info?.payload) stays.push(key);
      // One that was stopped may have done that already.
      if (!info?.payload || holdsAll(done.get(placeOf(batch)), batch, keep)) continue;
      const read = await runs.batch(view.runId, batch);
      if (!read) throw runs.unseenAt(view, batch);
      stays.push(await journals.reduce(view, batch, read, keep));
    }
    return stays;
  }

  /** Stores large values once more that stay; the keys of those that do so already, and of the new ones. */
  async #keepValues(view: View, held: Holding, keep: ReadonlySet<string>): Promise<readonly string[]> {
    const { values } = this.#parts;
    const stays: string[] = [];
    for (const record of view.owned) {
      if (record.kind !== "value" || !keep.has(record.name)) continue;
      if (valuesInfo(record)?.stays) stays.push(record.key);
      else
        for (const [hash, one] of await values.under(view.runId, record.key))
          stays.push(await values.put(held, hash, one, true));
    }
    return stays;
  }

  /**
   * Removes keys of a run, some at a time. What others want of the values under them is stored for them first; `before`
   * is called before any of them goes.
   */
  async #discard(
    view: View,
    records: readonly AnyRecord[],
    isWanted: IsWanted | undefined,
    before?: () => Promise<unknown>,
  ): Promise<void> {
    const { client, values } = this.#parts;
    let [gone, wanted, bytes]: [AnyRecord[], Map<string, Encoded>, number] = [[], new Map(), 0];
    for (const [i, record] of records.entries()) {
      gone.push(record);
      for (const [hash, one] of isWanted && mayHold(record, isWanted) ? await this.#valuesIn(view, record) : [])
        if (isWanted?.(hash)) wanted.set(hash, one);
      bytes += bytesOf(record);
      const isFull = gone.length >= KEPT_AT_ONCE.keys || bytes >= KEPT_AT_ONCE.bytes;
      if (!isFull && i < records.length - 1) continue;
      if (wanted.size > 0) await values.keep(view.run, wanted);
      await before?.();
      await client.delete(gone);
      [gone, wanted, bytes] = [[], new Map(), 0];
    }
  }

  /** The values under a key; none if they are damaged, since these cannot be kept. */
  async #valuesIn(view: View, record: AnyRecord): Promise<ReadonlyMap<string, Encoded>> {
    const { runs, values } = this.#parts;
    const none = new Map<string, Encoded>();
    if (record.kind === "value") return (await unlessDamaged(values.under(view.runId, record.key))) ?? none;
    if (record.kind !== "batch" && record.kind !== "pruned") return none;
    // One that is damaged cannot be read.
    if (!record.info) return none;
    const read = await unlessDamaged(runs.batch(view.runId, record).then((batch) => batch ?? "unseen"));
    if (read === "unseen") throw runs.unseenAt(view, record);
    return read?.values ?? none;
  }
}

/** True if something that is wanted may stand under a key. */
function mayHold(record: AnyRecord, isWanted: IsWanted): boolean {
  if (record.kind === "value") return isWanted(record.name);
  if (record.kind !== "batch" && record.kind !== "pruned") return false;
  const hashes = record.info?.hashes;
  return hashes === undefined || beginningsIn(hashes).some(isWanted);
}

/** True if a batch that was written anew has what is to be kept of the one before it. */
function holdsAll(anew: BatchRecord | undefined, { info }: BatchRecord, keep: ReadonlySet<string>): boolean {
  if (!anew?.info) return false;
  const held = new Set(beginningsIn(anew.info.hashes ?? ""));
  const kept = new Set([...keep].map(beginningOf));
  return beginningsIn(info?.hashes ?? "").every((beginning) => !kept.has(beginning) || held.has(beginning));
}

function placeOf({ number, ...term }: Pick<BatchRecord, "epoch" | "owner" | "number">): string {
  return `${termIn(term)}/${number}`;
}

function bytesOf(record: AnyRecord): number {
  if (record.kind === "batch" || record.kind === "pruned") return record.info?.bytes ?? 0;
  return record.kind === "value" ? (valuesInfo(record)?.bytes ?? 0) : 0;
}
