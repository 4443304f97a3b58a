// Type-checks a project that uses the built package and exports what it makes of it, as a library would: names that
// are missing from the public entries show only there.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SOURCE = `
import { chain, type Context, DagProvenance, DagRunner, dag, list, node, optional, type Run, type RunResult, type } from "heddle";
import { type IndexedDbStore, indexedDbStore } from "heddle/adapters/indexeddb";
import { memoryStore } from "heddle/adapters/memory";
import { conformanceCases } from "heddle/conformance";

export const Text = type<string>("Text");
export const Texts = list(Text);
export const Maybe = optional(Text);
export const read = node({ input: { url: Text }, output: Text, run: async ({ url }, ctx: Context<{ base: string }>) => ctx.base + url });
export const count = node({ input: { text: Text, more: Maybe }, output: type<number>("Count"), run: ({ text }) => text.length });
export const counting = dag("counting", { nodes: { read, count }, edges: [...chain("read", "count")] });
export const provenance = new DagProvenance(memoryStore());
export const runner = new DagRunner(counting, { provenance, context: { base: "" } });
export const start = (url: string): Run<typeof counting.nodes, typeof counting.edges> => runner.run({ read: { url } });
export const end = async (url: string): Promise<RunResult<{ readonly count: number }>> => start(url);
export const kept: IndexedDbStore = indexedDbStore("kept", { namespace: "mine" });
export const pruned = new DagProvenance(kept).prune({ olderThan: 1_000, payloadsOnly: true });
export const foreseen = runner.planRestart("run");
export const names: readonly string[] = conformanceCases.map(({ name }) => name);
export const mocked = new DagRunner(counting, { context: { base: "" }, overrides: { read: node({ input: { url: Text }, output: Text, run: () => "" }) } });
// @ts-expect-error an override may not need more of its context than the node it stands for
export const needy = new DagRunner(dag("d", { nodes: { n: node({ output: Text, run: () => "" }) } }), { overrides: { n: node({ output: Text, run: (_, ctx: Context<{ api: string }>) => ctx.api }) } });
`;

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "heddle-consumer-"));
const installed = join(folder, "node_modules/heddle");
mkdirSync(join(folder, "node_modules"));
mkdirSync(installed);
cpSync(join(root, "dist"), join(installed, "dist"), { recursive: true });
cpSync(join(root, "package.json"), join(installed, "package.json"));
symlinkSync(join(root, "node_modules/@types"), join(folder, "node_modules/@types"));
writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
writeFileSync(join(folder, "main.ts"), SOURCE);

let failed = false;
for (const [module, moduleResolution, lib, types] of [
  ["nodenext", "nodenext", "ES2023", "--types node"],
  ["esnext", "bundler", "ES2023,DOM", "--typeRoots none"],
]) {
  const options = `--strict --declaration --outDir out --target es2022 --skipLibCheck false --exactOptionalPropertyTypes`;
  const args = `${options} --module ${module} --moduleResolution ${moduleResolution} --lib ${lib}`.split(" ");
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...args, ...types.split(" "), "main.ts"], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) console.log(`${moduleResolution}:\n${stdout}`);
  failed ||= status !== 0;
}
rmSync(folder, { recursive: true });
process.exitCode = failed ? 1 : 0;
