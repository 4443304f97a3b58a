// The files of threads/ as Node can start them.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { bundle } from "../test/browsers/bundle.js";

const THREADS = resolve(import.meta.dirname, "threads");
/** What is not written as an ES module asks for what Node has in its own way. */
const REQUIRE = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;

/** Files in a directory for temporary ones. */
export interface Files {
  path(name: string): string;
  remove(): void;
}

/** Bundles all of them, with the package as it was built. */
export async function threadFiles(): Promise<Files> {
  const scripts = readdirSync(THREADS).map((file) => resolve(THREADS, file));
  const esbuild = { platform: "node", splitting: false, banner: { js: REQUIRE } } as const;
  const bundled = await bundle(scripts, { built: true, esbuild });
  const folder = mkdtempSync(join(tmpdir(), "heddle-threads-"));
  for (const [name, text] of bundled) writeFileSync(join(folder, `${basename(name, ".js")}.mjs`), text);
  return { path: (name) => join(folder, `${name}.mjs`), remove: () => rmSync(folder, { recursive: true }) };
}
