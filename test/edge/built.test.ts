// The built package in bare workerd, without Node compatibility: what the edge really runs.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, test } from "vitest";

const WORKER = `
import { chain, DagProvenance, DagRunner, dag, list, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";

const Words = type("Words");
const Count = type("Count");
const split = node({ input: { text: type("Text") }, output: Words, run: ({ text }) => new Map([[0, text.split(" ")]]) });
const count = node({ input: { words: Words }, output: Count, run: async ({ words }) => words.get(0).length });
const total = node({ input: { counts: list(Count) }, output: Count, run: ({ counts }) => counts.reduce((a, b) => a + b, 0) });
const words = dag("words", {
  nodes: { split, count, again: count, total },
  edges: [...chain("split", "count", "total"), ["split", "again"], ["again", "total"]],
});

export default {
  async fetch() {
    const provenance = new DagProvenance(memoryStore());
    const runner = new DagRunner(words, { provenance });
    const first = await runner.run({ split: { text: "to be or not" } });
    const second = await runner.replay(first.runId, { rerun: ["again"], mode: "downstream" });
    const { executions } = await provenance.inspect(second.runId);
    return Response.json({ first, second, statuses: executions.map(({ path, status }) => path + " " + status) });
  },
};`;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILT = `${ROOT}node_modules/.cache/heddle/workerd`;

test("the built engine runs, records and replays in workerd without Node compatibility", async () => {
  await promisify(execFile)("npx", ["tsup", "--no-dts", "--silent", "--out-dir", BUILT], { cwd: ROOT });
  const bundle = await build({
    stdin: { contents: WORKER, resolveDir: ROOT },
    bundle: true,
    format: "esm",
    write: false,
    alias: { heddle: `${BUILT}/index.js`, "heddle/adapters/memory": `${BUILT}/adapters/memory.js` },
  });
  const script = bundle.outputFiles[0]?.text ?? "";
  const miniflare = new Miniflare({ modules: true, compatibilityDate: "2026-04-01", script });
  try {
    const response = await miniflare.dispatchFetch("http://localhost/");
    expect(await response.json()).toMatchObject({
      first: { status: "completed", outputs: { total: 8 } },
      second: { status: "completed", outputs: { total: 8 } },
      statuses: ["split reused", "again completed", "count reused", "total completed"],
    });
  } finally {
    await miniflare.dispose();
  }
});
