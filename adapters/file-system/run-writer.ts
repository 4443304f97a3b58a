// Writes one epoch of one run: the only one who may, until somebody claims the next epoch.

import { statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { HeddleError } from "../../src/errors.js";
import type { Batch, WritePosition } from "../../src/ports.js";
import { claimAfter, isOvertaken, prolong } from "./claims.js";
import { isAbsent, onDisk, sync } from "./disk.js";
import { journalPath } from "./journal-files.js";
import { encodeBatch, encodeHeader, type Header } from "./records.js";
import type { ValueFiles } from "./value-files.js";

/** What a writer works on. */
export interface WriterSetup {
  readonly folder: string;
  readonly header: Header;
  readonly values: ValueFiles;
  /** Earlier files of the run, and folders with names in them, that a power cut must not lose. */
  readonly base: readonly string[];
}

/** Makes the journal file of a claimed epoch, to write to. */
export async function openWriter(setup: WriterSetup): Promise<RunWriter> {
  const path = journalPath(setup.folder, setup.header.epoch);
  return onDisk("Opening a run", path, async () => {
    const file = await open(path, "wx+");
    try {
      const header = encodeHeader(setup.header);
      await writeAt(file, header, 0);
      return new RunWriter(setup, file, path, header.byteLength);
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

/** The open journal file of an epoch. */
export class RunWriter {
  readonly epoch: number;
  readonly owner: string;
  readonly #setup: WriterSetup;
  readonly #file: FileHandle;
  readonly #path: string;
  #bytes: number;
  #events: number;
  #lastSeq: number | undefined;
  /** What a failed append left behind. */
  #failure: Error | undefined;
  /** The append and the renewal under way. */
  #busy: Promise<unknown> = Promise.resolve();
  #renewing: Promise<unknown> = Promise.resolve();
  #isReleased = false;
  /** Whether what this file builds on, and its name, are on the disk itself. */
  #isBaseSafe = false;

  constructor(setup: WriterSetup, file: FileHandle, path: string, bytes: number) {
    this.#setup = setup;
    this.#file = file;
    this.#path = path;
    this.#bytes = bytes;
    this.epoch = setup.header.epoch;
    this.owner = setup.header.owner;
    this.#events = setup.header.after?.events ?? 0;
  }

  /** One at a time: the second of two that are the same finds the first. */
  append({ seq }: WritePosition, batch: Batch): Promise<void> {
    const appending = this.#busy.then(() => this.#append(seq, batch));
    this.#busy = appending.catch(() => {});
    return appending;
  }

  /** False if the run is lost, or was given back. */
  async renew(untilMs: number): Promise<boolean> {
    if (this.#isReleased) return false;
    const renewing = this.#claim(untilMs);
    this.#renewing = renewing.catch(() => {});
    return renewing;
  }

  /** Gives the run back. */
  async release(): Promise<void> {
    this.#isReleased = true;
    try {
      // A renewal that comes last would bring the claim back to life.
      await this.#renewing;
      await this.#claim(0);
    } finally {
      await this.close();
    }
  }

  /** Claims the epoch after this one, and writes no more; false if the run is lost, or was given back. */
  async handOver(): Promise<boolean> {
    if (this.#isReleased) return false;
    this.#isReleased = true;
    const { folder, header } = this.#setup;
    try {
      await this.#check();
      if (!(await claimAfter(folder, this.epoch))) return false;
      // Since the last look the run may have been removed and made anew.
      const isMine = await this.#isThere();
      if (!isMine) await prolong(folder, this.epoch + 1, header.owner, 0).catch(() => {});
      return isMine;
    } catch (error) {
      if (isFenced(error)) return false;
      await prolong(folder, this.epoch, header.owner, 0).catch(() => {});
      throw error;
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#busy;
    await this.#file.close();
  }

  async #append(seq: number, batch: Batch): Promise<void> {
    const { run } = this.#setup.header;
    if (this.#lastSeq === seq && this.#events > seq) return;
    if (this.#failure) throw this.#failure;
    if (this.#events !== seq) {
      throw new HeddleError(
        "STORE_CONFLICT",
        `Run "${run}" has ${this.#events} events, the append was for position ${seq}.`,
      );
    }
    if (!(await this.#setup.values.expect(batch.refers))) {
      await this.#check();
      throw swept(run);
    }
    const bytes = await encodeBatch(batch, seq);
    try {
      await onDisk("Storing events", this.#path, () => this.#write(bytes, batch.durable));
      await this.#check();
    } catch (error) {
      // What stands there now is for the next owner to find out; a second batch at this place could leave half of both.
      this.#failure = await this.#reasonOf(error as Error);
      throw this.#failure;
    }
    this.#bytes += bytes.byteLength;
    this.#events += batch.events.length;
    this.#lastSeq = seq;
    await this.#setup.values.referred(batch.refers);
  }

  /** @throws HeddleError `FENCED` if this epoch is over. Whether what was written counts is then for the next owner. */
  async #check(): Promise<void> {
    const { folder, header } = this.#setup;
    if (isOvertaken(folder, this.epoch)) throw overtaken(header);
    if (!(await this.#isThere())) throw removed(header.run);
  }

  /** Why a write failed: if the run is gone its files are, which is no fault of the disk. */
  async #reasonOf(error: Error): Promise<Error> {
    const fenced = await this.#check().catch((refusal: Error) => refusal);
    return fenced && isFenced(fenced) ? fenced : error;
  }

  /** False if the run was removed: made anew, it has other files under the same names. */
  #isThere(): Promise<boolean> {
    return onDisk("Looking for a run", this.#path, async () => {
      const { ino } = await this.#file.stat({ bigint: true });
      return ino === inodeOf(this.#path);
    });
  }

  async #claim(untilMs: number): Promise<boolean> {
    try {
      await this.#check();
      await prolong(this.#setup.folder, this.epoch, this.owner, untilMs);
      return true;
    } catch (error) {
      if (isFenced(error)) return false;
      throw error;
    }
  }

  async #write(bytes: Buffer, durable: boolean): Promise<void> {
    try {
      await writeAt(this.#file, bytes, this.#bytes);
    } catch (error) {
      // The next owner would cut it off as well; this keeps a full disk from being fuller than it must.
      await this.#file.truncate(this.#bytes).catch(() => {});
      throw error;
    }
    if (!durable) return;
    const { values, base } = this.#setup;
    await values.sync();
    await this.#file.datasync();
    if (this.#isBaseSafe) return;
    for (const path of base) await sync(path);
    this.#isBaseSafe = true;
  }
}

/** Says who is to blame for a writer that may write no more. */
export function overtaken({ run, epoch }: Pick<Header, "run" | "epoch">): HeddleError {
  return new HeddleError("FENCED", `Run "${run}" was taken over by another owner; this one has epoch ${epoch}.`);
}

/** The same for a run that is gone. */
function removed(run: string): HeddleError {
  return new HeddleError("FENCED", `Run "${run}" was removed while it was executed.`);
}

/** The same for a run of which a large value is gone. */
function swept(run: string): HeddleError {
  return new HeddleError(
    "STORE_CONFLICT",
    `A large value of run "${run}" was removed by another process before the batch that refers to it: this one stood still in between. Restart the run.`,
  );
}

function isFenced(error: unknown): boolean {
  return error instanceof HeddleError && error.code === "FENCED";
}

function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
