// A file for workers of Node, made of a module in TypeScript.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "../browsers/bundle.js";

/** A file that is removed with {@link WorkerFile.remove}. */
export interface WorkerFile {
  readonly url: URL;
  remove(): void;
}

/** Bundles a module, by its path. */
export async function workerFile(path: string): Promise<WorkerFile> {
  const scripts = await bundle([path], { esbuild: { platform: "node", splitting: false } });
  const [text] = scripts.values();
  const folder = mkdtempSync(join(tmpdir(), "heddle-worker-"));
  const file = join(folder, "worker.mjs");
  writeFileSync(file, text ?? "");
  return { url: pathToFileURL(file), remove: () => rmSync(folder, { recursive: true }) };
}
