// The files of a store as they are at one moment: to be put back, damaged and compared.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** What a directory holds, by path inside it. Folders end in a slash, and hold nothing themselves. */
export type Files = ReadonlyMap<string, Buffer>;

/** Makes an empty directory, in memory where the system has a place for that. It is gone when the test ends. */
export function quickDirectory(): string {
  const path = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "heddle-damage-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Reads all that is in a directory. */
export function filesIn(directory: string): Files {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return new Map(
    names.map((name) => {
      const path = join(directory, name);
      return statSync(path).isDirectory() ? [`${name}/`, Buffer.alloc(0)] : [name, readFileSync(path)];
    }),
  );
}

/** Makes a directory hold these files, and nothing else. */
export function putFiles(directory: string, files: Files): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
  for (const [name, bytes] of files) putFile(join(directory, name), bytes);
}

/** Makes one file, or a folder if the path ends in a slash, in place of what stands there. */
export function putFile(path: string, content: string | Uint8Array): void {
  const isFolder = path.endsWith("/");
  mkdirSync(isFolder ? path : dirname(path), { recursive: true });
  if (!isFolder) writeFileSync(path, content);
}

/** Makes a directory that holds these files. */
export function directoryOf(files: Files): string {
  const directory = quickDirectory();
  putFiles(directory, files);
  return directory;
}

/** Says what is new, gone or changed. */
export function changes(before: Files, after: Files): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (!old) return [`${name} is new`];
    if (!now) return [`${name} is gone`];
    return old.equals(now) ? [] : [`${name} has changed`];
  });
}
