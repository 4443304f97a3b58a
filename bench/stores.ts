// The places where heddle records in these measurements.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { memoryStore } from "heddle/adapters/memory";

export const PLACES = ["memory", "files"] as const;
export type Place = (typeof PLACES)[number];

/** Where records go for a while. */
export interface Records {
  /** The store as another process would open it; in memory there is only one. */
  open(): Store;
  /** Closes what was opened, and removes everything. */
  remove(): Promise<void>;
}

export async function recordsIn(place: Place): Promise<Records> {
  if (place === "memory") {
    const store = memoryStore();
    return { open: () => store, remove: () => store.close() };
  }
  const directory = await temporaryDirectory();
  const opened: Store[] = [];
  const open = () => {
    const store = fileSystemStore(directory);
    opened.push(store);
    return store;
  };
  const remove = async () => {
    for (const store of opened) await store.close();
    await removeDirectory(directory);
  };
  return { open, remove };
}

export function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "heddle-bench-"));
}

export function removeDirectory(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}
