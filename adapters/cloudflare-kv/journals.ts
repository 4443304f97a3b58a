// Writes batches, each under a key of its own, and heads beside them when a run begins or changes its status.

import { HeddleError } from "../../src/errors.js";
import type { Batch, RunHead, WritePosition } from "../../src/ports.js";
import { JOURNAL_FORMAT } from "../records.js";
import { encodeBody, pack, sizeOf } from "./body.js";
import type { BatchInfo, BatchLine } from "./checks.js";
import { type Client, fits } from "./client.js";
import { type Keys, numbered, type Term } from "./keys.js";
import type { Links } from "./links.js";
import type { Metadata } from "./namespace.js";
import type { Holding, Ownership } from "./ownership.js";
import { type BatchRecord, beginningsOf, putInfo, sealed } from "./records.js";
import { type StoredBatch, sumOf, type View } from "./runs.js";

/** What is written of one batch, and where. */
interface Written extends Term, Pick<BatchInfo, "begin" | "on">, Pick<Batch, "events" | "values" | "head"> {
  readonly kind: BatchRecord["kind"];
  /** Its run in keys. */
  readonly run: string;
  readonly runId: string;
  readonly seq: number;
}

/** The journals of one namespace. */
export class Journals {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #ownership: Ownership;
  readonly #links: Links;
  /** The last append of a holding, and the status that was listed last. */
  readonly #last = new WeakMap<Holding, { readonly seq: number; readonly events: number; readonly status: string }>();

  constructor(parts: { client: Client; keys: Keys; ownership: Ownership; links: Links }) {
    this.#client = parts.client;
    this.#keys = parts.keys;
    this.#ownership = parts.ownership;
    this.#links = parts.links;
  }

  async append(runId: string, { epoch, seq, owner }: WritePosition, batch: Batch): Promise<void> {
    const held = this.#ownership.holding(runId, epoch, owner);
    const last = this.#last.get(held);
    const end = seq + batch.events.length;
    if (last?.seq === seq && last.events === end) return;
    if (held.events !== seq) {
      const message = `Run "${runId}" has ${held.events} events, the append was for position ${seq}.`;
      throw new HeddleError("STORE_CONFLICT", message);
    }
    // At once, so that a second append to the same place is refused while this one is under way.
    held.events = end;
    const { events, values, head } = batch;
    this.#last.set(held, { seq, events: end, status: head.status });
    try {
      // The end of a run shows in the list of runs: that of one which was removed meanwhile must not come back.
      const isEnding = head.status !== "running" && head.status !== last?.status;
      if (isEnding) await this.#ownership.expectOurs(runId, held);
      await this.#links.add(held, { runId, seq, batch });
      await this.#write({ ...held, kind: "batch", runId, seq, events, values, head });
      if (head.status !== last?.status) await this.#list(held, head);
    } catch (error) {
      // What stands there now is for the next owner to find out.
      this.#ownership.forget(runId);
      throw error;
    }
  }

  /** Writes a batch anew, where it stands, without the values that are not to be kept. Returns the new key. */
  async reduce(
    { run, runId }: View,
    batch: BatchRecord,
    read: StoredBatch,
    keep: ReadonlySet<string>,
  ): Promise<string> {
    const { epoch, owner, number: seq, info } = batch;
    const values = new Map([...read.values].filter(([hash]) => keep.has(hash)));
    const place = { run, runId, epoch, owner, seq, begin: info?.begin ?? 0, ...(info?.on && { on: info.on }) };
    return this.#write({ ...place, kind: "pruned", events: read.events, values, head: read.head });
  }

  /** Returns its key. */
  async #write({ kind, run, runId, epoch, owner, seq, begin, on, events, values, head }: Written): Promise<string> {
    const packed = await pack(values);
    const place = { heddle: JOURNAL_FORMAT, run: runId, epoch, owner, seq };
    const line: BatchLine = { ...place, head, events, values: packed.texts };
    const body = await encodeBody(line, packed.parts);
    const payload = kind === "pruned" ? 0 : sizeOf(packed);
    const info: BatchInfo = {
      events: events.length,
      begin,
      ...(on && { on }),
      bytes: Math.max(body.byteLength, payload),
      payload,
      sum: await sumOf(body),
      ...beginningsOf(values.keys()),
    };
    const key = this.#keys.owned(run, { epoch, owner }, kind, numbered(seq));
    await this.#client.put(key, body, withHead(key, info, head));
    return key;
  }

  /** Lists a run under its newest head. */
  async #list(held: Holding, head: RunHead): Promise<void> {
    await putInfo(this.#client, this.#keys.head(held.run, head.startedAt, held, head.events), head);
  }
}

function withHead(key: string, info: BatchInfo, head: RunHead): Metadata {
  const whole = sealed(key, { ...info, head });
  return fits(whole) ? whole : sealed(key, info);
}
