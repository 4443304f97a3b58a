// Large values, one file each, named by the SHA-256 of what is in it: the lengths of the binary parts as a line of
// JSON, the text, then the parts. `sha256sum` checks them.

import { createHash, randomUUID } from "node:crypto";
import type { Dirent } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeddleError } from "../../src/errors.js";
import type { Encoded } from "../../src/ports.js";
import { ifThere, onDisk, sync } from "./disk.js";
import { type Bytes, bytesOf, inBytes } from "./records.js";

/** Times stand there in even milliseconds: of two that are as far apart as this, the later one is the greater. */
export const TIMES_APART_MS = 2;
/** What is added to a time once the batch has come that a value was put for. (Deno reads whole milliseconds only.) */
const BATCHED_MS = 1;
/** Some file systems round a little. */
const ROUNDING_MS = 0.1;

/** The hashes of values that somebody needs. */
export type Used = Pick<ReadonlySet<string>, "has">;

/** When journals were read, and since when nobody may have touched a value that is removed. */
export interface Looked {
  readonly startedAt: number;
  readonly untouchedSince: number;
}

/** The values in one directory. */
export class ValueFiles {
  readonly #directory: string;
  /** Files that a power cut could still undo. */
  readonly #unsynced = new Set<string>();
  /** When values were put here whose batch is still to come, and that nobody else has put since. */
  readonly #waiting = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Brings all that was put here since the last time to the disk itself. */
  async sync(): Promise<void> {
    if (this.#unsynced.size === 0) return;
    const paths = [...this.#unsynced];
    for (const path of [...paths, ...new Set(paths.map(dirname)), this.#directory]) {
      // What another process removed since is nobody's any more.
      await ifThere("Storing values", path, () => sync(path));
    }
    for (const path of paths) this.#unsynced.delete(path);
  }

  /** Stores a value, whole or not at all. */
  async put(hash: string, value: Encoded): Promise<void> {
    const path = this.#path(hash);
    const putAt = evenNow();
    await onDisk("Storing a value", path, async () => {
      // A damaged file is written anew: whoever stores a value needs it whole.
      this.#unsynced.add(path);
      if ((await touch(path, putAt)) && (await isWhole(path, hash))) return;
      await write(path, value, putAt);
    });
    this.#waiting.set(hash, putAt);
  }

  /** Tells, before the batch that refers to values is written, whether those which were put for it are still there. */
  async expect(hashes: readonly string[]): Promise<boolean> {
    const expectOne = async (hash: string) => {
      const putAt = this.#waiting.get(hash);
      if (putAt === undefined) return true;
      const path = this.#path(hash);
      const isOurs = await isUsedAt(path, putAt);
      // They count as just used: until the batch can be read, nobody removes them.
      const now = evenNow();
      const isThere = await touch(path, now);
      if (isOurs && isThere) this.#waiting.set(hash, now);
      else this.#waiting.delete(hash);
      return isThere;
    };
    return !(await Promise.all(hashes.map(expectOne))).includes(false);
  }

  /** Says that the batch has come: it keeps its values from now on, and those that were put for it may go with it. */
  async referred(hashes: readonly string[]): Promise<void> {
    const release = async (hash: string) => {
      const usedAt = this.#waiting.get(hash);
      const path = this.#path(hash);
      if (!this.#waiting.delete(hash) || usedAt === undefined || !(await isUsedAt(path, usedAt))) return;
      // Now: who read the journals before this moment may not have seen the batch.
      await touch(path, evenNow() + BATCHED_MS);
    };
    // Without that they stay a while longer than they must.
    await Promise.all(hashes.map((hash) => release(hash).catch(() => {})));
  }

  /** Stores a value of a run that goes, since others refer to it; by itself that does not count as being used. */
  async rescue(hash: string, value: Encoded, usedAt: number): Promise<void> {
    const path = this.#path(hash);
    await onDisk("Storing a value", path, async () => {
      this.#unsynced.add(path);
      if (await ifThere("Storing a value", path, () => isWhole(path, hash))) return;
      await write(path, value, even(usedAt));
    });
  }

  /** Reads a value. @throws HeddleError `STORE_DAMAGED` if it is not what was written. */
  async get(hash: string): Promise<Encoded | undefined> {
    const path = this.#path(hash);
    const bytes = await ifThere("Reading a value", path, () => readFile(path));
    if (!bytes) return undefined;
    if (hashOf(bytes) !== hash) {
      throw new HeddleError(
        "STORE_DAMAGED",
        `The value in "${path}" is damaged: its content does not fit its name. Put the file back from a copy, or execute its node again: replay the run with \`rerun\`.`,
      );
    }
    return decode(bytes);
  }

  /** True if a value is there; it then counts as just used. */
  has(hash: string): Promise<boolean> {
    return touch(this.#path(hash));
  }

  /**
   * Removes what is not in `used`, half-written files too, unless it was stored or asked for since `untouchedSince`. What
   * was put for a batch that had come before the journals were read, from `startedAt` on, need not wait so long.
   */
  async keepOnly(used: Used, { untouchedSince, startedAt }: Looked): Promise<void> {
    for (const [name, path] of await this.#files()) {
      const found = used.has(name) ? undefined : await ifThere("Removing a value", path, () => stat(path));
      if (!found?.isFile()) continue;
      const time = Math.floor(found.mtimeMs + ROUNDING_MS);
      const usedAt = even(time);
      const isBatched = time !== usedAt;
      if (usedAt <= (isBatched ? startedAt : untouchedSince)) await rm(path, { force: true });
    }
  }

  /** The bytes of each file, half-written ones too, by hash. */
  async sizes(): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for (const [name, path] of await this.#files()) {
      const found = await ifThere("Counting values", path, () => stat(path));
      if (found?.isFile()) sizes.set(name, found.size);
    }
    return sizes;
  }

  async #files(): Promise<[name: string, path: string][]> {
    const files: [string, string][] = [];
    for (const folder of await entries(this.#directory)) {
      if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
      const inside = join(this.#directory, folder.name);
      for (const { name } of await entries(inside)) if (OURS.test(name)) files.push([name, join(inside, name)]);
    }
    return files;
  }

  #path(hash: string): string {
    return join(this.#directory, hash.slice(0, 2), hash);
  }
}

/** Writes a file under another name, and names it when it is whole. */
async function write(path: string, value: Encoded, usedAt: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    const file = await open(draft, "wx");
    try {
      await file.writeFile(bytesOf(await inBytes(value)));
    } finally {
      await file.close();
    }
    await touch(draft, usedAt);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Marks a file as used at a time; false if it is not there. */
async function touch(path: string, usedAt = evenNow()): Promise<boolean> {
  const seconds = usedAt / 1_000;
  return (await ifThere("Storing a value", path, () => utimes(path, seconds, seconds).then(() => true))) ?? false;
}

function even(ms: number): number {
  return ms - (ms % TIMES_APART_MS);
}

function evenNow(): number {
  return even(Date.now());
}

/** True if a file was used last at this time. */
async function isUsedAt(path: string, time: number): Promise<boolean> {
  const found = await ifThere("Storing a value", path, () => stat(path));
  return found !== undefined && isNear(found.mtimeMs, time);
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) < ROUNDING_MS;
}

/** Values, and what was half written of them. */
const OURS = /^[0-9a-f]{64}(\..*\.draft)?$/;

async function entries(path: string): Promise<Dirent[]> {
  return (await ifThere("Listing values", path, () => readdir(path, { withFileTypes: true }))) ?? [];
}

async function isWhole(path: string, hash: string): Promise<boolean> {
  return (await stat(path)).isFile() && hashOf(await readFile(path)) === hash;
}

function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function decode(bytes: Buffer): Bytes {
  const textStart = bytes.indexOf(10) + 1;
  const lengths = JSON.parse(bytes.toString("utf8", 0, textStart)) as readonly number[];
  let end = bytes.byteLength - lengths.reduce((sum, length) => sum + length, 0);
  const text = bytes.toString("utf8", textStart, end);
  const parts = lengths.map((length) => {
    const part = Uint8Array.from(bytes.subarray(end, end + length));
    end += length;
    return part;
  });
  return { text, parts };
}
