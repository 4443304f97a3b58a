// Writes the journal of one run: collects events, stores them in batches and in order, and keeps the right to write.

import { sizeOf } from "../encoded.js";
import { HeddleError, toError } from "../errors.js";
import type { ErrorRecord, JournalEvent, NodeReused, Ref, RunStatus } from "../events.js";
import type { Clock, Encoded, RunHead, Store } from "../ports.js";
import type { Recorder } from "../run/recording.js";
import { type Hashed, hashEncoded, hashOf, hashRef, inlineRef } from "./values.js";

/**
 * When events are stored. `sync`: a downstream starts after its upstream's completion is stored. `async`: behind the
 * execution, in order, with a bounded backlog. `exit`: when the run pauses or ends.
 */
export type Durability = "sync" | "async" | "exit";

/** How long events may wait for others to share their batch, in milliseconds. */
const BATCH_MS = 20;
/** A batch is written at once from this many events or this much encoded on. */
const BATCH_EVENTS = 1_000;
const BATCH_SIZE = 1 << 20;
/** From this many batches waiting on, nothing new starts. */
const BACKLOG_BATCHES = 4;

/** What a journal writer works on. */
export interface JournalSetup {
  readonly store: Store;
  readonly clock: Clock;
  readonly observe: (event: JournalEvent) => void;
  readonly durability: Durability;
  readonly owner: string;
  readonly epoch: number;
  readonly leaseMs: number;
  /** The head as it is before the first batch of this writer. */
  readonly head: RunHead;
}

interface Held {
  readonly encoded: Encoded;
  readonly assign: (ref: Ref) => void;
}

/** What the next append carries. */
class Pending {
  readonly events: JournalEvent[] = [];
  /** Characters and bytes of all values encoded for it. */
  size = 0;
  readonly held: Held[] = [];
  /** Values whose names are known. */
  hashed: readonly Hashed[] = [];
  /** Names of values that are stored elsewhere, and referred to from here. */
  readonly reused: string[] = [];
  /** Where the latest progress of a path stands among the events. */
  readonly progress = new Map<string, number>();
  /** Whether it must outlive a power cut. */
  durable = false;
}

/** The {@link Recorder} over a store. */
export class JournalWriter implements Recorder {
  readonly epoch: number;
  readonly storesFirst: boolean;
  readonly #setup: JournalSetup;
  readonly #keptHashes = new Set<string>();
  #status: RunStatus;
  #updatedAt: number;
  #seq: number;
  #pending = new Pending();
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #stopBatchTimer: (() => void) | undefined;
  #stopLeaseTimer: (() => void) | undefined;
  #lost: Error | undefined;
  #tellLost: ((error: Error) => void) | undefined;
  #closed = false;

  constructor(setup: JournalSetup) {
    this.#setup = setup;
    this.epoch = setup.epoch;
    this.storesFirst = setup.durability === "sync";
    this.#status = setup.head.status;
    this.#updatedAt = setup.head.updatedAt;
    this.#seq = setup.head.events;
    this.#keepLease();
  }

  get congested(): boolean {
    if (this.#setup.durability === "exit") return false;
    return this.#fills(BACKLOG_BATCHES);
  }

  keep(value: unknown, assign: (ref: Ref) => void): number {
    const encoded = encode(this.#setup.store, value);
    const size = sizeOf(encoded);
    const ref = inlineRef(encoded);
    if (ref !== undefined) assign(ref);
    else this.#pending.held.push({ encoded, assign });
    this.#pending.size += size;
    return size;
  }

  /** Stores values with the event that is added next, which knows their hashes. */
  keepHashed(values: readonly Hashed[]): void {
    this.#pending.hashed = values;
  }

  add(event: JournalEvent): void {
    if (this.#lost || this.#closed) return;
    this.#setup.observe(event);
    if (event.type === "node-progress" && this.#replaceProgress(event)) return;
    this.#pending.events.push(event);
    this.#updatedAt = event.at;
    if (event.type === "node-reused") for (const hash of hashesOf(event)) this.#pending.reused.push(hash);
    if (event.type.startsWith("run-")) this.#status = statusAfter(event);
    if (this.#setup.durability === "exit") return;
    if (this.#fills(1)) this.#writeSoon();
    else this.#stopBatchTimer ??= this.#setup.clock.after(this.#batchMs(), () => this.#writeSoon());
  }

  stored(durable = false): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost);
    if (durable) this.#pending.durable = true;
    if (this.#pending.events.length === 0) return this.#writing ?? Promise.resolve();
    // One write at a time; all that is added until the next one begins shares it.
    this.#next ??= (this.#writing ?? Promise.resolve()).then(() => this.#write());
    return this.#next;
  }

  onLost(callback: (error: Error) => void): void {
    if (this.#lost) callback(this.#lost);
    else this.#tellLost = callback;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopBatchTimer?.();
    this.#stopLeaseTimer?.();
    const { store, head, epoch } = this.#setup;
    await (this.#next ?? this.#writing)?.catch(() => {});
    // A store that cannot even release the run lets its lease run out.
    await store.release(head.runId, epoch).catch(() => {});
  }

  #batchMs(): number {
    return Math.max(BATCH_MS, this.#setup.store.capabilities.appendIntervalMs);
  }

  /** True if so many batches wait to be written. */
  #fills(batches: number): boolean {
    const { events, size } = this.#pending;
    return events.length >= batches * BATCH_EVENTS || size >= batches * BATCH_SIZE;
  }

  #replaceProgress(event: JournalEvent & { type: "node-progress" }): boolean {
    const { events, progress } = this.#pending;
    const key = `${event.path} ${event.attempt}`;
    const at = progress.get(key);
    if (at !== undefined) events[at] = event;
    else progress.set(key, events.length);
    return at !== undefined;
  }

  #writeSoon(): void {
    this.stored().catch(() => {});
  }

  async #write(): Promise<void> {
    this.#next = undefined;
    if (this.#closed) return;
    const pending = this.#pending;
    this.#pending = new Pending();
    this.#stopBatchTimer?.();
    this.#stopBatchTimer = undefined;
    this.#writing = this.#append(pending).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #append({ events, held, hashed, reused, durable: asked }: Pending): Promise<void> {
    const { store, owner, epoch, head } = this.#setup;
    const at = { epoch, owner, seq: this.#seq };
    const durable = asked || this.storesFirst;
    const now: RunHead = {
      ...head,
      status: this.#status,
      updatedAt: this.#updatedAt,
      events: this.#seq + events.length,
    };
    try {
      const all = [...hashed, ...(await Promise.all(held.map(name)))];
      const values = await this.#place(all);
      const refers = [...new Set([...all.map(({ hash }) => hash), ...reused])];
      await store.append(head.runId, at, { events, values, refers, head: now, durable });
      this.#seq += events.length;
    } catch (error) {
      this.#lose(toError(error));
      throw error;
    }
  }

  /** Stores the large values apart, and returns the others for the batch. */
  async #place(all: readonly Hashed[]): Promise<Map<string, Encoded>> {
    const { store, head } = this.#setup;
    const values = new Map<string, Encoded>();
    for (const { encoded, hash, bytes } of all) {
      if (this.#keptHashes.has(hash)) continue;
      this.#keptHashes.add(hash);
      if (bytes > store.capabilities.batchedValueBytes) await store.putValue(head.runId, hash, encoded);
      else values.set(hash, encoded);
    }
    return values;
  }

  #keepLease(): void {
    const { store, clock, epoch, leaseMs, head } = this.#setup;
    const renew = async () => {
      // A store that does not answer now may answer next time; every append checks the epoch anyway.
      const held = await store.renew(head.runId, epoch, clock.now(), leaseMs).catch(() => true);
      if (this.#closed) return;
      if (held) this.#keepLease();
      else
        this.#lose(
          new HeddleError(
            "FENCED",
            `Run "${head.runId}" was taken over by another owner. Watch it there, or restart it when it has ended.`,
          ),
        );
    };
    this.#stopLeaseTimer = clock.after(leaseMs / 3, () => void renew());
  }

  #lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#tellLost?.(error);
  }
}

/** Encodes a value. @throws HeddleError `NOT_KEEPABLE` with the path inside the value and what to do. */
function encode(store: Store, value: unknown): Encoded {
  try {
    return store.codec.encode(value);
  } catch (error) {
    const { message } = toError(error);
    throw new HeddleError("NOT_KEEPABLE", message, { cause: error });
  }
}

function statusAfter({ type }: JournalEvent): RunStatus {
  return type === "run-started" || type === "run-resumed" ? "running" : (type.slice("run-".length) as RunStatus);
}

/** Names a value, and hands out the reference to it. @throws HeddleError `NOT_KEEPABLE` if a Blob cannot be read. */
async function name({ encoded, assign }: Held): Promise<Hashed> {
  const hashed = await hashEncoded(encoded).catch((error: unknown) => {
    const advice = "Files that change on the disk cannot: read them in the node and return what is in them.";
    throw new HeddleError("NOT_KEEPABLE", `A value cannot be read to be stored (${error}). ${advice}`, {
      cause: error,
    });
  });
  assign(hashRef(hashed.hash));
  return hashed;
}

function hashesOf({ output, inputs, composed, failure }: NodeReused): string[] {
  const consumed = Object.values(inputs).flatMap((refs) => refs.map(({ value }) => value));
  return [output, composed?.keys, ...ownOf(failure?.error), ...consumed].flatMap((ref) => hashOf(ref) ?? []);
}

/** What an error and its causes refer to. */
function ownOf(error: ErrorRecord | undefined): (Ref | undefined)[] {
  return error ? [error.own, ...ownOf(error.cause), ...(error.errors ?? []).flatMap(ownOf)] : [];
}
