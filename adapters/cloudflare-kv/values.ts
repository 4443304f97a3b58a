// Values: small ones in the batch that brought them, large ones under their hash, once for all runs. A run that refers to
// values of another says so under a key, so that these can be kept when the other run goes.

import { HeddleError } from "../../src/errors.js";
import type { JournalEvent, Origin } from "../../src/events.js";
import type { Batch, Encoded, ValueLocation } from "../../src/ports.js";
import { decodeBody, encodeBody, pack, unpack } from "./body.js";
import { isTexts } from "./checks.js";
import type { Client } from "./client.js";
import type { Keys } from "./keys.js";
import type { BatchRecord } from "./records.js";
import { HASH_DIGITS } from "./records.js";
import type { Runs, View } from "./runs.js";

const VIEW_MS = 1_000;

/** The values of one namespace. */
export class Values {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #runs: Runs;
  /** Values that this store put apart and that no batch has referred to, and those that it knows to be there. */
  readonly #apart = new Map<string, number>();
  readonly #views = new Map<string, { readonly view: Promise<View>; readonly at: number }>();
  /** Values that came with batches of this store, by run. */
  readonly #own = new Set<string>();
  /** What was said already: a key per run and value, and per pair of runs. */
  readonly #said = new Set<string>();

  constructor(client: Client, keys: Keys, runs: Runs) {
    this.#client = client;
    this.#keys = keys;
    this.#runs = runs;
  }

  /** Stores a value under its hash: whoever writes that key writes the same. */
  async put(hash: string, value: Encoded): Promise<void> {
    const packed = await pack([[hash, value]]);
    const body = await encodeBody(packed.texts, packed.parts);
    const bytes = value.text.length + packed.parts.reduce((sum, part) => sum + part.byteLength, 0);
    try {
      await this.#client.put(this.#keys.value(hash), body, { bytes });
    } catch (error) {
      // Refused again and again, since others have just stored it.
      if (!(await this.#client.get(this.#keys.value(hash)).catch(() => undefined))) throw error;
    }
    this.#apart.set(hash, bytes);
  }

  /**
   * Says, before a batch is written, which values it refers to that did not come with this run: those apart one by one,
   * those that a replay reuses by their run.
   */
  async refer(runId: string, run: string, { events, refers, values }: Batch): Promise<void> {
    const reused = events.filter((event) => event.type === "node-reused");
    const covered = JSON.stringify(reused);
    for (const hash of refers) {
      if (this.#apart.has(hash)) await this.use(hash, run);
      else if (!values.has(hash) && !this.#own.has(`${run} ${hash}`) && !covered.includes(hash))
        await this.use(hash, run);
    }
    for (const hash of values.keys()) this.#own.add(`${run} ${hash}`);
    for (const origin of new Set(reused.flatMap(originsOf))) {
      if (origin === runId) continue;
      await this.#say(this.#keys.dependent(await this.#runs.nameInKey(origin), run), { runId });
    }
  }

  /** Says that a run refers to a value that is stored apart. */
  use(hash: string, run: string, bytes = this.#apart.get(hash) ?? 0): Promise<void> {
    return this.#say(this.#keys.use(hash, run), { bytes });
  }

  /** @throws HeddleError `STORE_STALE` if it may be where this location does not see it yet. */
  async get(at: ValueLocation): Promise<Encoded | undefined> {
    const view = await this.#view(at.runId, false);
    const found = (await this.#inRun(view, at)) ?? (await this.apart(at.hash));
    if (found) return found;
    const now = await this.#view(at.runId, true);
    const later = await this.#inRun(now, at);
    if (later || now.history.broken !== "unseen") return later;
    throw this.#runs.brokenAt(now);
  }

  has(at: readonly ValueLocation[]): Promise<readonly boolean[]> {
    this.#views.clear();
    return Promise.all(at.map(async (one) => (await this.get(one)) !== undefined));
  }

  /** A value that is stored under its hash. @throws HeddleError `STORE_DAMAGED`. */
  async apart(hash: string): Promise<Encoded | undefined> {
    const stored = await this.#client.get(this.#keys.value(hash));
    if (!stored) return undefined;
    try {
      const { line, rest } = await decodeBody(stored.bytes);
      const value = isTexts(line) ? unpack(line, rest)?.get(hash) : undefined;
      if (value) return value;
    } catch {
      // Said below.
    }
    const advice = "Execute its node again: replay the run with `rerun`.";
    throw new HeddleError("STORE_DAMAGED", `The value under key "${this.#keys.value(hash)}" is damaged. ${advice}`);
  }

  /** Keys were removed. */
  forget(): void {
    this.#views.clear();
    this.#said.clear();
  }

  async #say(key: string, metadata: Record<string, unknown>): Promise<void> {
    if (this.#said.has(key)) return;
    await this.#client.put(key, "", metadata);
    this.#said.add(key);
  }

  /** A value that came with a batch of its run, or earlier: the batch of the event first, then those before it. */
  async #inRun(view: View, { hash, seq }: ValueLocation): Promise<Encoded | undefined> {
    const records = view.history.stretches.flatMap(({ batch, from }) => (from <= seq ? [batch] : []));
    let unseen: BatchRecord | undefined;
    for (const record of records.reverse().filter((one) => mayHold(one, hash))) {
      const batch = await this.#runs.batch(view.runId, record);
      const value = batch?.values.get(hash);
      if (value) return value;
      if (!batch) unseen = record;
    }
    if (unseen) throw this.#runs.unseenAt(view, unseen);
    return undefined;
  }

  /** Values are asked for one by one: a list is good for a second. */
  async #view(runId: string, isAnew: boolean): Promise<View> {
    const now = Date.now();
    const known = this.#views.get(runId);
    if (known && !isAnew && now - known.at < VIEW_MS) return known.view;
    const view = this.#runs.view(runId);
    this.#views.set(runId, { view, at: now });
    return view;
  }
}

function mayHold({ info }: BatchRecord, hash: string): boolean {
  const hashes = info?.hashes;
  if (hashes === undefined) return true;
  const digits = hash.slice(0, HASH_DIGITS);
  for (let i = 0; i < hashes.length; i += HASH_DIGITS) if (hashes.startsWith(digits, i)) return true;
  return false;
}

/** The runs from which an event takes values. */
function originsOf(event: JournalEvent): string[] {
  if (event.type !== "node-reused") return [];
  const consumed = Object.values(event.inputs).flatMap((refs) => refs.map(({ origin }) => origin));
  return [event.from, ...consumed].flatMap((origin: Origin | undefined) => origin?.runId ?? []);
}
