// Writes the journal of one run: collects events, stores them in batches and in order, and keeps the right to write.

import { HeddleError, toError } from "../errors.js";
import type { JournalEvent, Ref, RunStatus } from "../events.js";
import type { Clock, Encoded, RunHead, Store } from "../ports.js";
import type { Recorder } from "../run/recording.js";
import type { RecordedOutput } from "./fold.js";
import type { RunReader } from "./reader.js";
import { type Hashed, hashEncoded, hashOf, hashRef, inlineRef, sizeOf } from "./values.js";

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
  readonly reader: RunReader;
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

/** The {@link Recorder} over a store. */
export class JournalWriter implements Recorder {
  readonly epoch: number;
  readonly storesFirst: boolean;
  readonly #setup: JournalSetup;
  readonly #keptHashes = new Set<string>();
  #status: RunStatus;
  #updatedAt: number;
  #seq: number;
  #pending: JournalEvent[] = [];
  #pendingSize = 0;
  #held: Held[] = [];
  /** Whether the pending batch must outlive a power cut. */
  #durable = false;
  /** Where the latest progress of a path stands in the pending batch. */
  #progress = new Map<string, number>();
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
    return this.#pending.length >= BACKLOG_BATCHES * BATCH_EVENTS || this.#pendingSize >= BACKLOG_BATCHES * BATCH_SIZE;
  }

  keep(value: unknown, assign: (ref: Ref) => void): number {
    return this.keepEncoded(encode(this.#setup.store, value), assign);
  }

  /** Like {@link keep}, for what is encoded already. `hashed` refers to it by hash also if it is small. */
  keepEncoded(encoded: Encoded, assign: (ref: Ref) => void, hashed = false): number {
    const size = sizeOf(encoded);
    const ref = hashed ? undefined : inlineRef(encoded);
    if (ref !== undefined) assign(ref);
    else this.#held.push({ encoded, assign });
    this.#pendingSize += size;
    return size;
  }

  add(event: JournalEvent): void {
    if (this.#lost || this.#closed) return;
    this.#setup.observe(event);
    if (event.type === "node-progress" && this.#replaceProgress(event)) return;
    this.#pending.push(event);
    this.#updatedAt = event.at;
    if (event.type.startsWith("run-")) this.#status = statusAfter(event);
    if (this.#setup.durability === "exit") return;
    if (this.#pending.length >= BATCH_EVENTS || this.#pendingSize >= BATCH_SIZE) this.#writeSoon();
    else this.#stopBatchTimer ??= this.#setup.clock.after(this.#batchMs(), () => this.#writeSoon());
  }

  stored(durable = false): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost);
    if (durable) this.#durable = true;
    if (this.#pending.length === 0) return this.#writing ?? Promise.resolve();
    // One write at a time; all that is added until the next one begins shares it.
    this.#next ??= (this.#writing ?? Promise.resolve()).then(() => this.#write());
    return this.#next;
  }

  load(output: RecordedOutput): unknown {
    return this.#setup.reader.value(output);
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

  #replaceProgress(event: JournalEvent & { type: "node-progress" }): boolean {
    const key = `${event.path} ${event.attempt}`;
    const at = this.#progress.get(key);
    if (at !== undefined) this.#pending[at] = event;
    else this.#progress.set(key, this.#pending.length);
    return at !== undefined;
  }

  #writeSoon(): void {
    this.stored().catch(() => {});
  }

  async #write(): Promise<void> {
    this.#next = undefined;
    if (this.#closed) return;
    const [events, held, durable] = [this.#pending, this.#held, this.storesFirst || this.#durable];
    this.#durable = false;
    this.#pending = [];
    this.#held = [];
    this.#pendingSize = 0;
    this.#progress = new Map();
    this.#stopBatchTimer?.();
    this.#stopBatchTimer = undefined;
    this.#writing = this.#append(events, held, durable).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #append(events: readonly JournalEvent[], held: readonly Held[], durable: boolean): Promise<void> {
    const { store, owner, epoch, head } = this.#setup;
    const at = { epoch, owner, seq: this.#seq };
    const now: RunHead = {
      ...head,
      status: this.#status,
      updatedAt: this.#updatedAt,
      events: this.#seq + events.length,
    };
    try {
      const hashed = await Promise.all(held.map(({ encoded }) => hashEncoded(encoded)));
      const values = await this.#place(held, hashed, durable);
      const refers = [...new Set([...hashed.map(({ hash }) => hash), ...reusedHashes(events)])];
      await store.append(head.runId, at, { events, values, refers, head: now, durable });
      this.#seq += events.length;
    } catch (error) {
      this.#lose(toError(error));
      throw error;
    }
  }

  /** Hands out the references, stores the large values apart, and returns the others for the batch. */
  async #place(held: readonly Held[], hashed: readonly Hashed[], durable: boolean): Promise<Map<string, Encoded>> {
    const { store } = this.#setup;
    const values = new Map<string, Encoded>();
    for (const [i, { encoded, assign }] of held.entries()) {
      const { hash, bytes } = hashed[i] as Hashed;
      assign(hashRef(hash));
      if (this.#keptHashes.has(hash)) continue;
      this.#keptHashes.add(hash);
      if (bytes > store.capabilities.batchedValueBytes) await store.putValue(hash, encoded, durable);
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

function reusedHashes(events: readonly JournalEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type !== "node-reused") return [];
    const consumed = Object.values(event.inputs).flatMap((refs) => refs.map(({ value }) => value));
    return [event.output, ...consumed].flatMap((ref) => hashOf(ref) ?? []);
  });
}
