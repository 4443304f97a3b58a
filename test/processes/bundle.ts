// Makes scripts that tests start as processes of their own: one file each, so that they start fast.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { temporaryDirectory } from "../support/stores.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Bundles a script of this folder with heddle, and returns the path of what node can run. */
export async function bundle(script: string): Promise<string> {
  const outfile = join(temporaryDirectory(), "script.mjs");
  await build({
    entryPoints: [join(ROOT, "test/processes", script)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    alias: { heddle: `${ROOT}src/index.ts`, "heddle/adapters/file-system": `${ROOT}adapters/file-system.ts` },
  });
  return outfile;
}
