// What the disk answers, in the words of a store.

import { open } from "node:fs/promises";
import { HeddleError } from "../../src/errors.js";

type SystemError = Error & { readonly code?: string };

/** True if a file or folder is not there. */
export function isAbsent(error: unknown): boolean {
  return (error as SystemError).code === "ENOENT";
}

/** True if a call failed because a file or folder is gone: somebody else removed it. */
export function isGone(error: unknown): boolean {
  return isAbsent(error) || (error instanceof HeddleError && error.cause !== undefined && isAbsent(error.cause));
}

/** True if a file is there already. */
export function isTaken(error: unknown): boolean {
  return (error as SystemError).code === "EEXIST";
}

/** Says what failed, where, and what to do, for whatever a call to the disk rejected with. */
export function diskError(error: unknown, doing: string, path: string): HeddleError {
  if (error instanceof HeddleError) return error;
  const { code = "", message } = error as SystemError;
  const failed = (why: string) => `${doing} failed at "${path}": ${why}`;
  if (code === "ENOSPC" || code === "EDQUOT") {
    const why = "the place is full. Free some and restart the run; what was stored is still there.";
    return new HeddleError("STORE_QUOTA", failed(why), { cause: error });
  }
  if (code === "EFBIG") {
    return new HeddleError("STORE_TOO_LARGE", failed("the file would be larger than allowed here."), { cause: error });
  }
  return new HeddleError("STORE_UNAVAILABLE", failed(REMEDIES[code] ?? `${message}.`), { cause: error });
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: "this process may not read or write there. Give it the right, or the store another directory.",
  EPERM: "the file system forbids it. The store needs a file system with hard links, and the right to write there.",
  EROFS: "the file system is read-only. Give the store another directory.",
  ENOTDIR: "a file stands where a directory should be. Give the store another directory.",
  EEXIST: "a file stands where a directory should be. Give the store another directory.",
  EMFILE: "this process has too many files open. Run fewer runs at a time, or raise the limit (ulimit -n).",
};

/** Runs a call to the disk; what it rejects with comes out as a {@link diskError}. */
export async function onDisk<T>(doing: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw diskError(error, doing, path);
  }
}

/** Like {@link onDisk}; gives nothing where there is no such file. */
export async function ifThere<T>(doing: string, path: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw diskError(error, doing, path);
  }
}

/** Brings a file, or the names in a folder, to the disk itself. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
