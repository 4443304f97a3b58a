// A store in a directory, for Node, Deno and Bun: an append-only text file per run and owner, and large values by hash.
// Processes keep off each other without a database: an epoch is claimed by making a file that must not exist.

import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { customAlphabet } from "nanoid";
import { HeddleError } from "../src/errors.js";
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
  Skeleton,
  Store,
  StoreUsage,
  ValueLocation,
  WritePosition,
} from "../src/ports.js";
import { valueCodec } from "./codec.js";
import { claimNext, prolong } from "./file-system/claims.js";
import { isGone, onDisk } from "./file-system/disk.js";
import { checkLayout, LAYOUT, runNames, writeLayout } from "./file-system/layout.js";
import { folderName, runIdOf } from "./file-system/names.js";
import { Retention } from "./file-system/retention.js";
import { RunFolder } from "./file-system/run-folder.js";
import { openWriter, overtaken, type RunWriter } from "./file-system/run-writer.js";
import { sideBySide } from "./file-system/side-by-side.js";
import { ValueFiles } from "./file-system/value-files.js";
import { expectStoreOptions } from "./store-options.js";

/** How a file-system store works; all optional. */
export interface FileSystemStoreOptions {
  /** Default: the codec all stores share. */
  readonly codec?: Codec;
  /** Is told what was tolerated: the torn end of a journal, a run that cannot be listed. Default `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Makes a store in a directory, which is made if it is not there. Any number of processes may use it at once. The file
 * system must have hard links.
 */
export function fileSystemStore(directory: string, options: FileSystemStoreOptions = {}): Store {
  if (typeof directory !== "string" || directory === "") {
    throw new HeddleError("INVALID_OPTION", "Expected `directory` to be the path of a directory.");
  }
  expectStoreOptions("a file-system store", options, ["codec", "onWarning"]);
  const { codec = valueCodec(), onWarning = (message) => console.warn(message) } = options;
  return new FileSystemStore(directory, codec, onWarning);
}

/** Larger values would waste less of their last block than they would slow down reading events. */
const BATCHED_VALUE_BYTES = 1 << 14;
/** So many runs are remembered as far as they were read. */
const REMEMBERED_RUNS = 16;

const randomName = customAlphabet("0123456789abcdefghijklmnopqrstuvwxyz", 12);

class FileSystemStore implements Store {
  readonly capabilities = {
    fencing: "atomic",
    reads: "strong",
    batchedValueBytes: BATCHED_VALUE_BYTES,
    appendIntervalMs: 0,
    shared: true,
  } as const;
  readonly codec: Codec;
  readonly #warn: (message: string) => void;
  readonly #directory: string;
  readonly #runs: string;
  readonly #values: ValueFiles;
  readonly #retention: Retention;
  readonly #writers = new Map<string, RunWriter>();
  readonly #folders = new Map<string, RunFolder>();
  #checked: Promise<void> | undefined;
  #isPrepared = false;
  #isClosed = false;

  constructor(directory: string, codec: Codec, warn: (message: string) => void) {
    this.codec = codec;
    this.#warn = warn;
    this.#directory = directory;
    this.#runs = join(directory, "runs");
    this.#values = new ValueFiles(join(directory, "values"));
    this.#retention = new Retention({ directory, runs: this.#runs, values: this.#values, warn });
  }

  newId(now: number): string {
    return `${now.toString(36).padStart(9, "0")}-${randomName()}`;
  }

  // ---- ownership

  async acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held> {
    await this.#prepare();
    const folder = join(this.#runs, folderName(runId));
    // A damaged run is refused before anything is made there.
    await this.#folder(runId).end();
    await onDisk("Making a run", folder, () => mkdir(folder, { recursive: true }));
    const claim = await claimNext(folder, { owner, now, leaseMs });
    if ("heldBy" in claim) return claim;
    const { epoch } = claim;
    try {
      const { after, torn, paths } = await this.#folder(runId).end();
      if (torn > 0) this.#warn(`The last ${torn} bytes of run "${runId}" were never finished, and are passed over.`);
      const header = { heddle: LAYOUT, run: runId, epoch, owner, ...(after ? { after } : {}) };
      const base = [...paths, folder, this.#runs, this.#directory, dirname(resolve(this.#directory))];
      await this.#hold(runId, await openWriter({ folder, header, values: this.#values, base }));
      return { epoch, events: after?.events ?? 0 };
    } catch (error) {
      await prolong(folder, epoch, owner, 0).catch(() => {});
      throw error;
    }
  }

  async renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean> {
    await this.#check();
    const writer = this.#writers.get(runId);
    return writer?.epoch === epoch && writer.renew(now + leaseMs);
  }

  async release(runId: string, epoch: number): Promise<void> {
    await this.#check();
    const writer = this.#writers.get(runId);
    if (writer?.epoch !== epoch) return;
    this.#writers.delete(runId);
    await writer.release();
  }

  /** Keeps the writer of the newest epoch; older ones have lost. */
  async #hold(runId: string, writer: RunWriter): Promise<void> {
    const other = this.#writers.get(runId);
    if (other && other.epoch > writer.epoch) return writer.close();
    this.#writers.set(runId, writer);
    await other?.close();
  }

  // ---- journals

  async append(runId: string, at: WritePosition, batch: Batch): Promise<void> {
    if (this.#isClosed) throw closed(this.#directory);
    const writer = this.#writers.get(runId);
    if (writer?.epoch !== at.epoch || writer.owner !== at.owner) throw overtaken({ run: runId, epoch: at.epoch });
    await writer.append(at, batch);
  }

  async read(runId: string, seq: number, limit: number): Promise<JournalPage> {
    await this.#check();
    return this.#folder(runId).read(seq, limit);
  }

  // ---- values

  async putValue(_runId: string, hash: string, value: Encoded): Promise<void> {
    await this.#check();
    await this.#values.put(hash, value);
  }

  async getValue({ hash, runId }: ValueLocation): Promise<Encoded | undefined> {
    await this.#check();
    const get = () => this.#values.get(hash);
    // Asked again: when a run is pruned, what others need of it gets a file.
    return (await get()) ?? (await this.#folder(runId).value(hash)) ?? get();
  }

  async hasValues(at: readonly ValueLocation[]): Promise<readonly boolean[]> {
    await this.#check();
    for (const runId of new Set(at.map((one) => one.runId))) await this.#folder(runId).findValues();
    const found: boolean[] = [];
    for (const { hash, runId } of at) {
      found.push(this.#folder(runId).holds(hash) || (await this.#values.has(hash)));
    }
    return found;
  }

  // ---- the list of runs

  async head(runId: string): Promise<RunHead | undefined> {
    await this.#check();
    return this.#folder(runId).head();
  }

  async heads(query: HeadQuery) {
    await this.#check();
    const heads = await sideBySide(await runNames(this.#runs), (name) => this.#headOrWarning(name));
    return pageOfHeads(
      heads.flatMap((head) => head ?? []),
      query,
    );
  }

  // ---- retention

  async remove(runIds: readonly string[]): Promise<void> {
    await this.#check();
    await this.#retention.remove(runIds);
    for (const runId of runIds) {
      this.#folders.delete(folderName(runId));
      const writer = this.#writers.get(runId);
      this.#writers.delete(runId);
      await writer?.close();
    }
  }

  async prune(runs: readonly Skeleton[]): Promise<void> {
    await this.#check();
    await this.#retention.prune(
      runs.map((skeleton) => {
        const { runId, epoch } = skeleton;
        const writer = this.#writers.get(runId);
        if (writer?.epoch !== epoch) return { skeleton, writer: undefined };
        this.#writers.delete(runId);
        this.#folders.delete(folderName(runId));
        return { skeleton, writer };
      }),
    );
  }

  async usage(): Promise<StoreUsage> {
    await this.#check();
    return this.#retention.usage();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const writers = [...this.#writers.values()];
    this.#writers.clear();
    for (const writer of writers) await writer.close();
  }

  // ---- the directory

  /** Refuses a directory that a newer version made, and any call after the end. */
  #check(): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed(this.#directory));
    this.#checked ??= checkLayout(this.#directory).catch((error: unknown) => {
      this.#checked = undefined;
      throw error;
    });
    return this.#checked;
  }

  /** Makes the directory, and marks it as a store. */
  async #prepare(): Promise<void> {
    await this.#check();
    if (this.#isPrepared) return;
    await onDisk("Making the store", this.#directory, () => mkdir(this.#runs, { recursive: true }));
    await writeLayout(this.#directory);
    this.#isPrepared = true;
  }

  #folder(runId: string): RunFolder {
    const name = folderName(runId);
    const folder = this.#folders.get(name) ?? new RunFolder(join(this.#runs, name), runId);
    this.#folders.delete(name);
    this.#folders.set(name, folder);
    for (const oldest of this.#folders.keys()) {
      if (this.#folders.size <= REMEMBERED_RUNS) break;
      this.#folders.delete(oldest);
    }
    return folder;
  }

  async #headOrWarning(name: string): Promise<RunHead | undefined> {
    try {
      return await new RunFolder(join(this.#runs, name), runIdOf(name)).head();
    } catch (error) {
      if (isGone(error)) return undefined;
      if (!(error instanceof HeddleError) || !/^STORE_(DAMAGED|VERSION)$/.test(error.code)) throw error;
      this.#warn(`Not listed: ${error.message}`);
      return undefined;
    }
  }
}

function closed(directory: string): HeddleError {
  return new HeddleError("STORE_UNAVAILABLE", `The store in "${directory}" was closed. Make a new one.`);
}
