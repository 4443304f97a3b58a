// The stores that all tests of stores run on. Each call makes an empty one; directories are removed at the end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Store } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { memoryStore } from "heddle/adapters/memory";
import { onTestFinished } from "vitest";

/** Stores by name, closed at the end of the test. */
export const STORES: Readonly<Record<string, () => Store>> = {
  memory: () => closing(memoryStore()),
  files: () => closing(fileSystemStore(temporaryDirectory())),
};

function closing(store: Store): Store {
  onTestFinished(() => store.close());
  return store;
}

const directories: string[] = [];
process.once("exit", () => {
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});

/** Makes an empty directory that is gone when the process ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "heddle-store-"));
  directories.push(path);
  return path;
}
