// The programs of the README compile and run as they stand there.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { compile } from "./support/compile.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const readme = await readFile(`${ROOT}README.md`, "utf8");
const [first = "", composites = "", pausing = "", serving = "", workers = "", browser = "", edge = ""] = [
  ...readme.matchAll(/```ts\n(.*?)```/gs),
].map(([, text]) => text);

test("the programs of the README compile", () => {
  expect(compile(first).errors).toEqual([]);
  expect(compile(composites).errors).toEqual([]);
  const counting = `${first.slice(0, first.indexOf("const runner"))}export { wordCount };`;
  const imported = 'import { wordCount } from "./word-count.js";\n';
  for (const program of [serving, workers]) {
    expect(program).toContain(imported);
    const whole = program.replace(imported, counting).replace('import { DagRunner } from "heddle";', "");
    expect(compile(whole).errors).toEqual([]);
  }
  expect(compile(browser).errors).toEqual([]);
  expect(browser).toContain("indexedDbStore(");
  expect(compile(edge).errors).toEqual([]);
  expect(edge).toContain("cloudflareKvStore(");
  const prelude = `
    import { node, type } from "heddle";
    import { z } from "zod";
    const Order = type<{ total: number }>("Order");
    const Approved = type<{ order: { total: number }; approved: boolean }>("Approved");
  `;
  expect(compile(`${prelude}${pausing}export { approve };`).errors).toEqual([]);
});

test.each([
  ["first", first, "6"],
  ["second", composites, "30"],
])("the %s program of the README prints what it says", async (_, program, printed) => {
  const bundle = await build({
    stdin: { contents: program, loader: "ts", resolveDir: ROOT },
    bundle: true,
    format: "esm",
    platform: "node",
    minify: true,
    write: false,
    alias: { heddle: `${ROOT}src/index.ts`, "heddle/adapters/memory": `${ROOT}adapters/memory.ts` },
  });
  const script = bundle.outputFiles[0]?.text ?? "";
  const running = promisify(execFile)("node", ["--input-type=module"]);
  running.child.stdin?.end(script);
  const { stdout } = await running;
  expect(stdout).toBe(`${printed}\n`);
  expect(program).toContain(`// ${printed}`);
});
