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

/** The hashes of values that somebody needs. */
export type Used = Pick<ReadonlySet<string>, "has">;

/** The values in one directory. */
export class ValueFiles {
  readonly #directory: string;
  /** Files that a power cut could still undo. */
  readonly #unsynced = new Set<string>();

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
    await onDisk("Storing a value", path, async () => {
      // A damaged file is written anew: whoever stores a value needs it whole.
      this.#unsynced.add(path);
      if ((await touch(path)) && (await isWhole(path, hash))) return;
      await write(path, value);
    });
  }

  /** Stores a value of a run that goes, since others refer to it; by itself that does not count as being used. */
  async rescue(hash: string, value: Encoded, usedAt: number): Promise<void> {
    const path = this.#path(hash);
    await onDisk("Storing a value", path, async () => {
      this.#unsynced.add(path);
      if (await ifThere("Storing a value", path, () => isWhole(path, hash))) return;
      await write(path, value, new Date(usedAt));
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

  /** Removes what is not in `used` and was not stored or asked for since `untouchedSince`, half-written files too. */
  async keepOnly(used: Used, untouchedSince: number): Promise<void> {
    for (const [name, path] of await this.#files()) {
      const found = used.has(name) ? undefined : await ifThere("Removing a value", path, () => stat(path));
      // Whole milliseconds, as in `untouchedSince`: what was stored just before must not seem younger.
      if (found?.isFile() && Math.floor(found.mtimeMs) <= untouchedSince) await rm(path, { force: true });
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
async function write(path: string, value: Encoded, usedAt?: Date): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    const file = await open(draft, "wx");
    try {
      await file.writeFile(bytesOf(await inBytes(value)));
    } finally {
      await file.close();
    }
    if (usedAt) await utimes(draft, usedAt, usedAt);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Marks a file as just used; false if it is not there. */
async function touch(path: string): Promise<boolean> {
  const now = new Date();
  return (await ifThere("Storing a value", path, () => utimes(path, now, now).then(() => true))) ?? false;
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
