// Values: small ones in the batch that brought them, large ones under keys of their own, all of them under their run. Two
// runs that store the same have it twice, so that removing one takes nothing from the other. A replay takes values from
// the runs that made them: each pair is linked under both, so that these values can be kept when their run goes.

import { HeddleError } from "../../src/errors.js";
import type { JournalEvent, Origin } from "../../src/events.js";
import type { Encoded, ValueLocation } from "../../src/ports.js";
import { decodeBody, encodeBody, pack, sizeOf, unpack } from "./body.js";
import { isTexts, isValuesInfo } from "./checks.js";
import type { Client, Listed } from "./client.js";
import type { Keys, NamedKey } from "./keys.js";
import {
  type BatchRecord,
  beginningOf,
  beginningsIn,
  beginningsOf,
  type NamedRecord,
  opened,
  sealed,
} from "./records.js";
import { AT_ONCE, type Runs, sumOf, type View } from "./runs.js";

/** The values of one namespace. */
export class Values {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #runs: Runs;
  /** Links that were written already. */
  readonly #linked = new Set<string>();

  constructor(client: Client, keys: Keys, runs: Runs) {
    this.#client = client;
    this.#keys = keys;
    this.#runs = runs;
  }

  /** Stores a large value for a run. */
  async put(runId: string, hash: string, value: Encoded): Promise<void> {
    const run = await this.#runs.nameInKey(runId);
    await this.#write(run, "value", [[hash, value]]);
  }

  /** Stores a large value of a run once more, so that it does not count as payload. */
  async putToStay(run: string, hash: string, value: Encoded): Promise<void> {
    await this.#write(run, "value", [[hash, value]], true);
  }

  /** Stores values of a run for others. */
  async keep(run: string, values: ReadonlyMap<string, Encoded>): Promise<void> {
    await this.#write(run, "kept", [...values]);
  }

  /** Says, before a batch is written, from which other runs it takes values. */
  async link(runId: string, run: string, events: readonly JournalEvent[]): Promise<void> {
    for (const originId of originsOf(events, runId)) {
      const origin = await this.#runs.nameInKey(originId);
      const user = this.#keys.named(origin, { kind: "user", name: run });
      if (this.#linked.has(user)) continue;
      const back = this.#keys.named(run, { kind: "origin", name: origin });
      await this.#client.put(back, "", sealed(back, { runId: originId }));
      await this.#client.put(user, "", sealed(user, { runId }));
      this.#linked.add(user);
    }
  }

  /** @throws HeddleError `STORE_STALE` if it may be where this location does not see it yet. */
  async get(at: ValueLocation): Promise<Encoded | undefined> {
    const known = this.#runs.known(at.runId);
    const found = known && (await this.#find(known, at));
    if (found) return found;
    const view = await this.#runs.view(at.runId);
    const later = await this.#find(view, at);
    if (later) return later;
    if (view.history.broken === "unseen") throw this.#runs.brokenAt(view);
    // A list may show it later than a read does.
    const key = this.#keys.named(view.run, { kind: "value", name: at.hash });
    return (await this.#read(key))?.get(at.hash);
  }

  /** What stands beside keys tells of most values whether they are there. @throws HeddleError `STORE_STALE`. */
  async has(at: readonly ValueLocation[]): Promise<readonly boolean[]> {
    const views = new Map<string, View>();
    for (const { runId } of at) if (!views.has(runId)) views.set(runId, await this.#runs.view(runId));
    const found: boolean[] = [];
    for (let i = 0; i < at.length; i += AT_ONCE) {
      const some = at.slice(i, i + AT_ONCE);
      found.push(...(await Promise.all(some.map((one) => this.#isIn(views.get(one.runId) as View, one)))));
    }
    return found;
  }

  /** The values under a key that was listed. @throws HeddleError `STORE_DAMAGED`, `STORE_STALE`. */
  async under(view: View, { key }: NamedRecord): Promise<ReadonlyMap<string, Encoded>> {
    const values = await this.#read(key);
    if (values) return values;
    const advice = "Try again in a minute; what is missing for longer has expired or was removed.";
    const what = `This location does not see all values of run "${view.runId}" yet`;
    throw new HeddleError("STORE_STALE", `${what}: those under key "${key}" are missing. ${advice}`);
  }

  /** Links were removed. */
  forget(): void {
    this.#linked.clear();
  }

  async #write(
    run: string,
    kind: NamedKey["kind"],
    values: readonly (readonly [string, Encoded])[],
    stays?: true,
  ): Promise<void> {
    const packed = await pack(values);
    const body = await encodeBody(packed.texts, packed.parts);
    const hashes = values.map(([hash]) => hash);
    const name = kind === "value" ? (hashes[0] as string) : await sumOf(body);
    const info = { bytes: sizeOf(packed), ...beginningsOf(hashes), ...(stays && { stays }) };
    const key = this.#keys.named(run, { kind, name });
    await this.#client.put(key, body, sealed(key, info));
  }

  async #find(view: View, { hash, seq }: ValueLocation): Promise<Encoded | undefined> {
    for (const record of namedWith(view, hash)) {
      const value = (await this.under(view, record)).get(hash);
      if (value) return value;
    }
    let unseen: BatchRecord | undefined;
    for (const record of batchesWith(view, hash, seq)) {
      const batch = await this.#runs.batch(view.runId, record);
      const value = batch?.values.get(hash);
      if (value) return value;
      if (!batch) unseen = record;
    }
    if (unseen) throw this.#runs.unseenAt(view, unseen);
    return undefined;
  }

  async #isIn(view: View, at: ValueLocation): Promise<boolean> {
    const { hash, seq } = at;
    if (batchesWith(view, hash, seq).some(({ info }) => info?.hashes !== undefined)) return true;
    if (namedWith(view, hash).some((record) => valuesInfo(record)?.hashes !== undefined)) return true;
    if (await this.#find(view, at)) return true;
    if (view.history.broken === "unseen") throw this.#runs.brokenAt(view);
    return false;
  }

  async #read(key: string): Promise<ReadonlyMap<string, Encoded> | undefined> {
    const stored = await this.#client.get(key);
    if (!stored) return undefined;
    try {
      const { line, rest } = await decodeBody(stored.bytes);
      const values = isTexts(line) ? unpack(line, rest) : undefined;
      if (values) return values;
    } catch {
      // Said below.
    }
    const advice = "Execute their nodes again: replay the run with `rerun`.";
    throw new HeddleError("STORE_DAMAGED", `The values under key "${key}" are damaged. ${advice}`);
  }
}

/** What stands beside values; nothing if it is damaged. */
export function valuesInfo(listed: Listed) {
  const info = opened(listed);
  return isValuesInfo(info) ? info : undefined;
}

/** The other runs from which events take values. */
export function originsOf(events: readonly JournalEvent[], runId: string): ReadonlySet<string> {
  const origins = new Set<string>();
  const add = (origin: Origin | undefined) => origin && origin.runId !== runId && origins.add(origin.runId);
  for (const event of events) {
    if (event.type !== "node-reused") continue;
    add(event.from);
    for (const refs of Object.values(event.inputs)) for (const { origin } of refs) add(origin);
  }
  return origins;
}

/** The keys of a run, besides its batches, that hold or may hold a value. */
function namedWith({ named }: View, hash: string): NamedRecord[] {
  const mayHold = (record: NamedRecord) => {
    if (record.kind === "value") return record.name === hash;
    return record.kind === "kept" && beginningsIn(valuesInfo(record)?.hashes)?.includes(beginningOf(hash)) !== false;
  };
  return named.filter(mayHold);
}

/** The batches of a run by the beginnings of the hashes in them, and those that must be read to know them. */
interface Holders {
  readonly known: ReadonlyMap<string, readonly BatchRecord[]>;
  readonly others: readonly BatchRecord[];
}

const holders = new WeakMap<View, Holders>();

/**
 * The batches that hold or may hold a value: that of the event first, then those before it; at last those that do not
 * count any more, since their run is being removed or pruned. A value is what its hash says, wherever it stands.
 */
function batchesWith(view: View, hash: string, seq: number): BatchRecord[] {
  let found = holders.get(view);
  if (!found) {
    found = holdersIn(view);
    holders.set(view, found);
  }
  const { known, others } = found;
  return [...(known.get(beginningOf(hash)) ?? []), ...others].filter(({ number }) => number <= seq);
}

function holdersIn({ history, batches }: View): Holders {
  const counted = history.stretches.map(({ batch }) => batch).reverse();
  const known = new Map<string, BatchRecord[]>();
  const others: BatchRecord[] = [];
  for (const batch of new Set([...counted, ...batches])) {
    if (!batch.info) continue;
    const beginnings = beginningsIn(batch.info.hashes);
    if (!beginnings) others.push(batch);
    for (const beginning of beginnings ?? []) {
      const same = known.get(beginning);
      if (same) same.push(batch);
      else known.set(beginning, [batch]);
    }
  }
  return { known, others };
}
