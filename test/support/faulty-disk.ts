// The disk as a store sees it, which may die at its k-th step, or let something else happen before it.

import type * as Promises from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

type Disk = typeof Promises;
type Call = (...args: unknown[]) => Promise<unknown>;

/** What changes something there. Files that are opened to be read are not counted. */
const WRITING = new Set(["link", "mkdir", "rename", "rm", "utimes", "writeFile"]);
const READING = new Set(["readdir", "readFile", "stat", "statfs"]);
const OF_FILES = new Set(["appendFile", "datasync", "sync", "truncate", "write", "writeFile"]);

/** What happens before a step; it may throw. */
type Before = (step: string, path: string, halve: () => Promise<unknown>) => Promise<void> | void;

let before: Before | undefined;
let isInside = false;

/** Calls back before every step of a store on the disk, until the returned function is called. */
export function onEveryStep(callback: Before): () => void {
  before = callback;
  return () => {
    before = undefined;
  };
}

/** A disk that dies at step `k`, counted from 1, with half of it done if it is a write. */
export function dieAtStep(k: number) {
  let steps = 0;
  let died: string | undefined;
  const revive = onEveryStep(async (step, _path, halve) => {
    if (!died && (isReading(step) || ++steps < k)) return;
    if (!died) await halve();
    died ??= step;
    throw Object.assign(new Error("The process is dead (injected)."), { code: "EIO" });
  });
  return { revive, died: () => died };
}

/** True for steps that change nothing. */
export function isReading(step: string): boolean {
  return READING.has(step) || step === "open r";
}

/** Gives a module of the platform these faults: `vi.mock("node:fs/promises", (original) => faulty(original))`. */
export async function faulty(original: () => Promise<unknown>): Promise<Disk> {
  const disk = (await original()) as Disk;
  const wrapped = Object.fromEntries(
    Object.entries(disk).map(([name, call]) => {
      if (name === "open") return [name, opening(disk)];
      if (!WRITING.has(name) && !READING.has(name)) return [name, call];
      return [name, (...args: unknown[]) => pass(name, String(args[0])).then(() => (call as Call)(...args))];
    }),
  );
  return { ...wrapped, default: wrapped } as unknown as Disk;
}

function opening(disk: Disk): Disk["open"] {
  return async (path, flags) => {
    await pass(flags === "r" ? "open r" : "open", String(path));
    return guarded(await disk.open(path, flags), String(path));
  };
}

function guarded(file: FileHandle, path: string): FileHandle {
  return new Proxy(file, {
    get(target, name) {
      const value = target[name as keyof FileHandle] as unknown;
      if (typeof value !== "function") return value;
      const call = value.bind(target) as Call;
      if (!OF_FILES.has(String(name))) return call;
      return async (content: unknown, ...rest: unknown[]) => {
        const half = content instanceof Uint8Array ? content.subarray(0, content.byteLength >> 1) : undefined;
        await pass(
          `file ${String(name)}`,
          path,
          async () => half && (await call(half, ...(rest.length > 2 ? [] : rest))),
        );
        return call(content, ...rest);
      };
    },
  });
}

async function pass(step: string, path: string, halve: () => Promise<unknown> = async () => {}): Promise<void> {
  if (!before || isInside) return;
  isInside = true;
  try {
    await before(step, path, halve);
  } finally {
    isInside = false;
  }
}
