// Makes scripts that tests start as processes of their own: one file each, so that they start fast.

import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { temporaryDirectory } from "../support/stores.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Bundles a script, by its path from this folder, with heddle; returns the path of what node can run. */
export async function bundle(script: string, options: BuildOptions = {}): Promise<string> {
  const outfile = join(temporaryDirectory(), "script.mjs");
  await build({
    ...options,
    entryPoints: [resolve(ROOT, "test/processes", script)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    // Its paths lead to the sources.
    tsconfig: join(ROOT, "tsconfig.json"),
  });
  return outfile;
}
