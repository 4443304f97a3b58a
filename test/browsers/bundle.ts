// Makes scripts for runtimes that cannot load TypeScript or packages by themselves.

import { resolve } from "node:path";
import { type BuildOptions, build } from "esbuild";

/** The root of the repository. */
export const ROOT = resolve(import.meta.dirname, "../..");

/** Which heddle goes into a bundle. */
export interface BundleOptions {
  /** True for the package as users get it, which must have been built; otherwise the sources. */
  readonly built?: boolean;
  readonly esbuild?: BuildOptions;
}

/** Bundles scripts by their paths; returns their text, and that of what they share, by file name. */
export async function bundle(
  scripts: readonly string[],
  { built = false, esbuild }: BundleOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { outputFiles } = await build({
    bundle: true,
    format: "esm",
    target: "es2022",
    splitting: true,
    entryNames: "[name]",
    outdir: ROOT,
    // The paths of the root's tsconfig lead to the sources. Without them the package finds itself by its exports.
    // The build of the package imports chunks for their order alone, which warns of nothing here.
    logLevel: "error",
    ...(built ? { tsconfigRaw: {} } : { tsconfig: resolve(ROOT, "tsconfig.json") }),
    ...esbuild,
    entryPoints: [...scripts],
    write: false,
  });
  return new Map(outputFiles.map(({ path, text }) => [path.slice(ROOT.length + 1), text]));
}
