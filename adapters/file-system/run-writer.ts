// Writes one epoch of one run: the only one who may, until somebody claims the next epoch.

import { statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { HeddleError } from "../../src/errors.js";
import type { Batch, WritePosition } from "../../src/ports.js";
import { isOvertaken, prolong } from "./claims.js";
import { isAbsent, onDisk } from "./disk.js";
import { journalPath } from "./journal-files.js";
import { encodeBatch, encodeHeader, type Header } from "./records.js";
import { sync } from "./value-files.js";

/** What a writer works on. */
export interface WriterSetup {
  readonly folder: string;
  readonly header: Header;
  /** Folders whose names a power cut must not lose. */
  readonly folders: readonly string[];
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
  #last: string | undefined;
  /** Whether the names of the file and its folders are on the disk itself. */
  #isNameSafe = false;

  constructor(setup: WriterSetup, file: FileHandle, path: string, bytes: number) {
    this.#setup = setup;
    this.#file = file;
    this.#path = path;
    this.#bytes = bytes;
    this.epoch = setup.header.epoch;
    this.owner = setup.header.owner;
    this.#events = setup.header.after?.events ?? 0;
  }

  async append({ seq }: WritePosition, batch: Batch): Promise<void> {
    if (this.#last === `${seq}`) return;
    const { run } = this.#setup.header;
    if (this.#events !== seq) {
      throw new HeddleError(
        "STORE_CONFLICT",
        `Run "${run}" has ${this.#events} events, the append was for position ${seq}.`,
      );
    }
    const bytes = encodeBatch(batch, seq);
    await onDisk("Storing events", this.#path, () => this.#write(bytes, batch.durable));
    await this.check();
    this.#bytes += bytes.byteLength;
    this.#events += batch.events.length;
    this.#last = `${seq}`;
  }

  /** @throws HeddleError `FENCED` if this epoch is over: what was written may be cut off, and nobody has read it. */
  async check(): Promise<void> {
    const { folder, header } = this.#setup;
    if (isOvertaken(folder, this.epoch)) throw overtaken(header);
    // A run that was removed and made anew has other files under the same names.
    const [mine, there] = [await this.#file.stat({ bigint: true }), inodeOf(this.#path)];
    if (mine.ino !== there) throw removed(header.run);
  }

  /** False if the run is lost. */
  async renew(untilMs: number): Promise<boolean> {
    try {
      await this.check();
      await prolong(this.#setup.folder, this.epoch, this.owner, untilMs);
      return true;
    } catch (error) {
      if (error instanceof HeddleError && error.code === "FENCED") return false;
      throw error;
    }
  }

  /** Gives the run back. */
  async release(): Promise<void> {
    try {
      await this.renew(0);
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    return this.#file.close();
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
    await this.#file.datasync();
    if (this.#isNameSafe) return;
    for (const folder of this.#setup.folders) await sync(folder);
    this.#isNameSafe = true;
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
