// A store in the memory of this process: for tests, and for runs that need not outlive it.

import { nanoid } from "nanoid";
import { sizeOf } from "../src/encoded.js";
import { HeddleError } from "../src/errors.js";
import type { JournalEvent } from "../src/events.js";
import { pageOfHeads } from "../src/heads.js";
import type {
  Batch,
  Codec,
  Encoded,
  HeadQuery,
  Held,
  JournalPage,
  Lease,
  RunHead,
  RunUsage,
  Skeleton,
  Store,
  StoreUsage,
  ValueLocation,
  WritePosition,
} from "../src/ports.js";
import { valueCodec } from "./codec.js";
import { expectStoreOptions } from "./store-options.js";

/** How a memory store works; all optional. */
export interface MemoryStoreOptions {
  /** Default: the codec all stores share. */
  readonly codec?: Codec;
}

interface StoredRun {
  readonly events: JournalEvent[];
  /** Hashes of the values this run refers to. */
  readonly hashes: Set<string>;
  /** Those of them that it keeps without its payloads. */
  skeleton: ReadonlySet<string>;
  head: RunHead | undefined;
  epoch: number;
  owner: string | undefined;
  leaseUntil: number;
  lastAppend: string | undefined;
}

/** Makes an empty store. Its runs are gone with the process. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  expectStoreOptions("a memory store", options, ["codec"]);
  return new MemoryStore(options.codec ?? valueCodec());
}

class MemoryStore implements Store {
  readonly capabilities = {
    fencing: "atomic",
    reads: "strong",
    batchedValueBytes: Number.POSITIVE_INFINITY,
    appendIntervalMs: 0,
    shared: false,
  } as const;
  readonly codec: Codec;
  readonly #runs = new Map<string, StoredRun>();
  /** Epochs outlive their runs: an owner of a run that was removed must not fit a new one of the same name. */
  readonly #epochs = new Map<string, number>();
  readonly #values = new Map<string, { readonly encoded: Encoded; users: number }>();
  #isClosed = false;

  constructor(codec: Codec) {
    this.codec = codec;
  }

  newId(now: number): string {
    return `${now.toString(36).padStart(9, "0")}-${nanoid(12)}`;
  }

  async acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held> {
    this.#check();
    const run = this.#runs.get(runId) ?? emptyRun();
    if (run.owner !== undefined && run.leaseUntil > now) return { heldBy: run.owner, untilMs: run.leaseUntil };
    this.#runs.set(runId, run);
    run.epoch = (this.#epochs.get(runId) ?? 0) + 1;
    this.#epochs.set(runId, run.epoch);
    run.owner = owner;
    run.leaseUntil = now + leaseMs;
    return { epoch: run.epoch, events: run.events.length };
  }

  async renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean> {
    this.#check();
    const run = this.#runs.get(runId);
    if (run?.epoch !== epoch || run.owner === undefined) return false;
    run.leaseUntil = now + leaseMs;
    return true;
  }

  async release(runId: string, epoch: number): Promise<void> {
    this.#check();
    const run = this.#runs.get(runId);
    if (run?.epoch !== epoch) return;
    run.owner = undefined;
    if (!run.head) this.#runs.delete(runId);
  }

  async append(
    runId: string,
    { epoch, seq, owner }: WritePosition,
    { events, values, refers, head }: Batch,
  ): Promise<void> {
    this.#check();
    const run = this.#runs.get(runId);
    const append = `${epoch} ${seq} ${owner}`;
    if (run?.lastAppend === append) return;
    if (run?.epoch !== epoch || run.owner !== owner) throw overtaken(runId, run, epoch);
    if (run.events.length !== seq) {
      throw new HeddleError(
        "STORE_CONFLICT",
        `Run "${runId}" has ${run.events.length} events, the append was for position ${seq}.`,
      );
    }
    for (const event of events) run.events.push(event);
    for (const [hash, encoded] of values) this.#put(hash, encoded);
    for (const hash of refers) this.#use(run, hash);
    run.head = head;
    run.lastAppend = append;
  }

  async read(runId: string, seq: number, limit: number): Promise<JournalPage> {
    this.#check();
    const all = this.#runs.get(runId)?.events ?? [];
    return { events: all.slice(seq, seq + limit), more: seq + limit < all.length };
  }

  async putValue(_runId: string, hash: string, encoded: Encoded): Promise<void> {
    this.#check();
    this.#put(hash, encoded);
  }

  async getValue({ hash }: ValueLocation): Promise<Encoded | undefined> {
    this.#check();
    return this.#values.get(hash)?.encoded;
  }

  async hasValues(at: readonly ValueLocation[]): Promise<readonly boolean[]> {
    this.#check();
    return at.map(({ hash }) => this.#values.has(hash));
  }

  async head(runId: string): Promise<RunHead | undefined> {
    this.#check();
    return this.#runs.get(runId)?.head;
  }

  async heads(query: HeadQuery) {
    this.#check();
    return pageOfHeads(
      [...this.#runs.values()].flatMap(({ head }) => head ?? []),
      query,
    );
  }

  async remove(runIds: readonly string[]): Promise<void> {
    this.#check();
    for (const runId of runIds) {
      const run = this.#runs.get(runId);
      this.#runs.delete(runId);
      for (const hash of run?.hashes ?? []) this.#letGo(hash);
    }
  }

  async prune(runs: readonly Skeleton[]): Promise<void> {
    this.#check();
    let fenced: HeddleError | undefined;
    for (const { runId, epoch, keep } of runs) {
      const run = this.#runs.get(runId);
      if (run?.epoch !== epoch || run.owner === undefined) {
        fenced = overtaken(runId, run, epoch);
        continue;
      }
      run.owner = undefined;
      run.skeleton = keep;
      for (const hash of run.hashes) if (!keep.has(hash) && run.hashes.delete(hash)) this.#letGo(hash);
    }
    if (fenced) throw fenced;
  }

  async usage(): Promise<StoreUsage> {
    this.#check();
    const runs: RunUsage[] = [];
    let bytes = 0;
    for (const { encoded } of this.#values.values()) bytes += sizeOf(encoded);
    for (const [runId, { head, events, hashes, skeleton }] of this.#runs) {
      if (!head) continue;
      const journal = JSON.stringify(events).length;
      const sizes = [...hashes].map((hash) => [hash, this.#sizeOf(hash)] as const);
      const all = sizes.reduce((sum, [, size]) => sum + size, 0);
      const payloadBytes = sizes.reduce((sum, [hash, size]) => (skeleton.has(hash) ? sum : sum + size), 0);
      runs.push({ runId, bytes: journal + all, payloadBytes });
      bytes += journal;
    }
    return { bytes, runs };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #check(): void {
    if (this.#isClosed) throw new HeddleError("STORE_UNAVAILABLE", "This memory store was closed. Make a new one.");
  }

  #sizeOf(hash: string): number {
    const value = this.#values.get(hash);
    return value ? sizeOf(value.encoded) : 0;
  }

  #put(hash: string, encoded: Encoded): void {
    if (!this.#values.has(hash)) this.#values.set(hash, { encoded, users: 0 });
  }

  #letGo(hash: string): void {
    const value = this.#values.get(hash);
    if (value && --value.users === 0) this.#values.delete(hash);
  }

  #use(run: StoredRun, hash: string): void {
    const value = this.#values.get(hash);
    if (!value || run.hashes.has(hash)) return;
    run.hashes.add(hash);
    value.users++;
  }
}

function overtaken(runId: string, run: StoredRun | undefined, epoch: number): HeddleError {
  if (!run) return new HeddleError("FENCED", `Run "${runId}" was removed while it was executed.`);
  return new HeddleError(
    "FENCED",
    `Run "${runId}" was taken over by another owner (epoch ${run.epoch}, this one has ${epoch}).`,
  );
}

function emptyRun(): StoredRun {
  return {
    events: [],
    hashes: new Set(),
    skeleton: new Set(),
    head: undefined,
    epoch: 0,
    owner: undefined,
    leaseUntil: 0,
    lastAppend: undefined,
  };
}
