// The file that marks a directory as a store, and says how it is laid out.

import { randomUUID } from "node:crypto";
import { link, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HeddleError } from "../../src/errors.js";
import { ifThere, isTaken, onDisk } from "./disk.js";
import { isFolderName } from "./names.js";

/** The version of this layout: of the files, their places and their lines. */
export const LAYOUT = 1;

/** Refuses a directory that a newer version made. @throws HeddleError `STORE_VERSION`, `STORE_DAMAGED`. */
export async function checkLayout(directory: string): Promise<void> {
  const path = layoutPath(directory);
  const text = await ifThere("Opening the store", path, () => readFile(path, "utf8"));
  const layout = text === undefined ? LAYOUT : layoutOf(text);
  if (layout === undefined) {
    throw new HeddleError("STORE_DAMAGED", `"${path}" is not what a store writes. Is "${directory}" a store?`);
  }
  if (layout > LAYOUT) throw newer(path, layout);
}

/** Marks a directory as a store. */
export async function writeLayout(directory: string): Promise<void> {
  const path = layoutPath(directory);
  const draft = `${path}.${randomUUID()}.draft`;
  await onDisk("Making the store", path, async () => {
    try {
      // An empty file, which a power cut could leave, would lock the whole store.
      await writeFile(draft, `${JSON.stringify({ store: "heddle", layout: LAYOUT })}\n`, { flush: true });
      // Only if it is not there: it may be that of a newer version by now.
      await link(draft, path).catch((error) => (isTaken(error) ? undefined : Promise.reject(error)));
    } finally {
      await rm(draft, { force: true });
    }
  });
}

/** The names of the folders of all runs, which are inside one. */
export async function runNames(runs: string): Promise<string[]> {
  const entries = (await ifThere("Listing runs", runs, () => readdir(runs, { withFileTypes: true }))) ?? [];
  return entries.flatMap((entry) => (entry.isDirectory() && isFolderName(entry.name) ? [entry.name] : []));
}

/** A complaint about what a newer version wrote. */
export function newer(path: string, layout: number): HeddleError {
  return new HeddleError(
    "STORE_VERSION",
    `"${path}" was written by a newer heddle (layout ${layout}; this one reads ${LAYOUT}). Read it with that one.`,
  );
}

function layoutPath(directory: string): string {
  return join(directory, "heddle.json");
}

function layoutOf(text: string): number | undefined {
  try {
    const { store, layout } = JSON.parse(text) as { store?: unknown; layout?: unknown };
    return store === "heddle" && typeof layout === "number" ? layout : undefined;
  } catch {
    return undefined;
  }
}
