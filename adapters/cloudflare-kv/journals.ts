// Writes batches, each under a key of its own, and heads beside them when a run begins or changes its status.

import { HeddleError } from "../../src/errors.js";
import type { Batch, RunHead, WritePosition } from "../../src/ports.js";
import { JOURNAL_FORMAT } from "../records.js";
import { encodeBody, pack, sizeOf } from "./body.js";
import type { BatchInfo, BatchLine } from "./checks.js";
import { type Client, fits } from "./client.js";
import type { Keys } from "./keys.js";
import type { Metadata } from "./namespace.js";
import type { Holding, Ownership } from "./ownership.js";
import { beginningsOf, putInfo, sealed } from "./records.js";
import { sumOf } from "./runs.js";
import { originsOf, type Values } from "./values.js";

/** What is written of one batch. */
export interface Written extends Omit<Batch, "durable"> {
  readonly runId: string;
  readonly seq: number;
  readonly pruned?: boolean;
}

/** The journals of one namespace. */
export class Journals {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #ownership: Ownership;
  readonly #values: Values;
  /** The last append of a holding, and the status that was listed last. */
  readonly #last = new WeakMap<Holding, { readonly seq: number; readonly events: number; readonly status: string }>();

  constructor(parts: { client: Client; keys: Keys; ownership: Ownership; values: Values }) {
    this.#client = parts.client;
    this.#keys = parts.keys;
    this.#ownership = parts.ownership;
    this.#values = parts.values;
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
    this.#last.set(held, { seq, events: end, status: batch.head.status });
    try {
      // The end of a run shows in the list of runs: that of one which was removed meanwhile must not come back.
      const { status } = batch.head;
      const isEnding = status !== "running" && status !== last?.status;
      if (isEnding && !(await this.#ownership.isOurs(runId, held))) this.#ownership.holding(runId, epoch, owner);
      await this.#values.link(runId, held.run, batch.events);
      await this.write(held, { ...batch, runId, seq });
      if (batch.head.status !== last?.status) await this.#list(held, batch.head);
    } catch (error) {
      // What stands there now is for the next owner to find out.
      this.#ownership.forget(runId);
      throw error;
    }
  }

  /** Writes a batch under the epoch of its holder. */
  async write(held: Holding, { runId, seq, events, values, refers, head, pruned }: Written): Promise<void> {
    const packed = await pack(values);
    const { epoch, ownerKey: owner } = held;
    const place = { heddle: JOURNAL_FORMAT, run: runId, epoch, owner, seq };
    const line: BatchLine = { ...place, head, events, refers, values: packed.texts };
    const body = await encodeBody(line, packed.parts);
    const payload = pruned ? 0 : sizeOf(packed);
    const info: BatchInfo = {
      events: events.length,
      begin: held.begin,
      bytes: Math.max(body.byteLength, payload),
      payload,
      sum: await sumOf(body),
      ...beginningsOf([...values.keys()]),
      ...(pruned ? { pruned } : {}),
      ...(originsOf(events, runId).size > 0 ? { reuses: true } : {}),
    };
    const record = { epoch, owner, kind: "batch", number: seq } as const;
    const key = this.#keys.record(held.run, record);
    await this.#client.put(key, body, withHead(key, info, head));
  }

  /** Lists a run under its newest head. */
  async #list({ run, epoch, ownerKey: owner }: Holding, head: RunHead): Promise<void> {
    const key = this.#keys.head(run, head.startedAt, { epoch, owner, events: head.events });
    await putInfo(this.#client, key, head);
  }
}

function withHead(key: string, info: BatchInfo, head: RunHead): Metadata {
  const whole = sealed(key, { ...info, head });
  return fits(whole) ? whole : sealed(key, info);
}
