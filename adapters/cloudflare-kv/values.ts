// Values: small ones in the batch that brought them, large ones under keys of their own, all of them under their run. Two
// runs that store the same have it twice, so that removing one takes nothing from the other.

import { HeddleError } from "../../src/errors.js";
import type { Encoded, ValueLocation } from "../../src/ports.js";
import { decodeBody, encodeBody, pack, sizeOf, unpack } from "./body.js";
import { isTexts, isValuesInfo } from "./checks.js";
import type { Client, Listed } from "./client.js";
import type { Keys } from "./keys.js";
import type { Holding } from "./ownership.js";
import {
  type BatchRecord,
  beginningOf,
  beginningsIn,
  beginningsOf,
  type OwnedRecord,
  opened,
  type SharedRecord,
  sealed,
} from "./records.js";
import { AT_ONCE, LATER, type Runs, sumOf, type View } from "./runs.js";

/** The values of one namespace. */
export class Values {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #runs: Runs;

  constructor(client: Client, keys: Keys, runs: Runs) {
    this.#client = client;
    this.#keys = keys;
    this.#runs = runs;
  }

  /** Stores a large value of a run; one that stays does not count as payload. Returns its key. */
  async put(held: Holding, hash: string, value: Encoded, stays?: true): Promise<string> {
    const { body, info } = await packed([[hash, value]]);
    const key = this.#keys.owned(held.run, held, "value", hash);
    await this.#client.put(key, body, sealed(key, { ...info, ...(stays && { stays }) }));
    return key;
  }

  /** Stores values of a run for others. */
  async keep(run: string, values: ReadonlyMap<string, Encoded>): Promise<void> {
    const { body, info } = await packed([...values]);
    const key = this.#keys.kept(run, await sumOf(body));
    await this.#client.put(key, body, sealed(key, info));
  }

  /** @throws HeddleError `STORE_STALE` if it may be where this location does not see it yet. */
  async get(at: ValueLocation): Promise<Encoded | undefined> {
    const known = this.#runs.known(at.runId);
    // What was there then may stand elsewhere by now.
    const found = known && (await this.#find(known, at).catch(() => undefined));
    if (found) return found;
    const view = await this.#runs.view(at.runId);
    const later = await this.#find(view, at);
    if (later) return later;
    if (view.history.broken === "unseen") throw this.#runs.brokenAt(view);
    // A list may show it later than a read does: it came with an event, or before.
    const { batch } = view.history.stretches.find(({ to }) => to > at.seq) ?? {};
    if (!batch) return undefined;
    return (await this.#read(this.#keys.owned(view.run, batch, "value", at.hash)))?.get(at.hash);
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
  async under(runId: string, key: string): Promise<ReadonlyMap<string, Encoded>> {
    const values = await this.#read(key);
    if (values) return values;
    const what = `This location does not see all values of run "${runId}" yet`;
    throw new HeddleError("STORE_STALE", `${what}: those under key "${key}" are missing. ${LATER}`);
  }

  async #find(view: View, { hash, seq }: ValueLocation): Promise<Encoded | undefined> {
    let unseen: BatchRecord | undefined;
    for (const record of batchesWith(view, hash, seq)) {
      const batch = await this.#runs.batch(view.runId, record);
      const value = batch?.values.get(hash);
      // The batch is remembered, and what is handed out may be changed.
      if (value) return { ...value, parts: value.parts.map((part) => part.slice()) };
      if (!batch) unseen = record;
    }
    for (const { key } of apartWith(view, hash)) {
      const value = (await this.under(view.runId, key)).get(hash);
      if (value) return value;
    }
    if (unseen) throw this.#runs.unseenAt(view, unseen);
    return undefined;
  }

  async #isIn(view: View, at: ValueLocation): Promise<boolean> {
    const { hash, seq } = at;
    if (batchesWith(view, hash, seq).some(({ info }) => info?.hashes !== undefined)) return true;
    if (apartWith(view, hash).some((record) => valuesInfo(record)?.hashes !== undefined)) return true;
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

/** Values as they are stored under a key of their own, and what stands beside them. */
async function packed(values: readonly (readonly [string, Encoded])[]) {
  const all = await pack(values);
  const body = await encodeBody(all.texts, all.parts);
  return { body, info: { bytes: sizeOf(all), ...beginningsOf(values.map(([hash]) => hash)) } };
}

/** The keys of a run, besides its batches, that hold or may hold a value. */
function apartWith({ owned, shared }: View, hash: string): (OwnedRecord | SharedRecord)[] {
  const own = owned.filter(({ kind, name }) => kind === "value" && name === hash);
  return [...own, ...shared.filter((record) => record.kind === "kept" && mayHold(record, hash))];
}

function mayHold(record: SharedRecord, hash: string): boolean {
  const hashes = valuesInfo(record)?.hashes;
  return hashes === undefined || beginningsIn(hashes).includes(beginningOf(hash));
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
    const { hashes } = batch.info;
    if (hashes === undefined) others.push(batch);
    for (const beginning of beginningsIn(hashes ?? "")) {
      const same = known.get(beginning);
      if (same) same.push(batch);
      else known.set(beginning, [batch]);
    }
  }
  return { known, others };
}
