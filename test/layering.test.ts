// The linter refuses what the layering forbids: one planted violation of each rule, in a copy of the folders.

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const VIOLATIONS = [
  ["the engine imports a package", "src/p1.ts", 'import { nanoid } from "nanoid";\nexport const id = nanoid;\n'],
  ["the engine imports an adapter", "src/p2.ts", 'import { a } from "../adapters/memory.js";\nexport const b = a;\n'],
  ["a part imports the index", "src/run/p3.ts", 'import { dag } from "../index.js";\nexport const d = dag;\n'],
  [
    "the index's own folder imports the index",
    "src/p4.ts",
    'import { dag } from "./index.js";\nexport const d = dag;\n',
  ],
  [
    "running imports the writer of records",
    "src/run/p5.ts",
    'import { a } from "../record/journal.js";\nexport const b = a;\n',
  ],
  [
    "a definition imports the runner",
    "src/definition/p6.ts",
    'import { a } from "../run/runner.js";\nexport const b = a;\n',
  ],
  [
    "a record imports the execution",
    "src/record/p7.ts",
    'import { a } from "../run/execution.js";\nexport const b = a;\n',
  ],
  ["an adapter imports another", "adapters/p8.ts", 'import { a } from "./memory.js";\nexport const b = a;\n'],
  [
    "an adapter imports the runner",
    "adapters/p9.ts",
    'import { a } from "../src/run/runner.js";\nexport const b = a;\n',
  ],
  [
    "a part of an adapter imports another adapter",
    "adapters/file-system/p12.ts",
    'import { a } from "../memory.js";\nexport const b = a;\n',
  ],
  [
    "a part of an adapter imports the runner",
    "adapters/file-system/p13.ts",
    'import { a } from "../../src/run/runner.js";\nexport const b = a;\n',
  ],
  ["a test imports the insides", "test/p10.ts", 'import { a } from "../src/run/runner.js";\nexport const b = a;\n'],
  [
    "an example imports the insides",
    "examples/p11.ts",
    'import { a } from "../adapters/memory.js";\nexport const b = a;\n',
  ],
  [
    "a conformance case imports a store",
    "conformance/p14.ts",
    'import { a } from "../adapters/memory.js";\nexport const b = a;\n',
  ],
  [
    "a conformance case imports a part of the engine",
    "conformance/p15.ts",
    'import { a } from "../src/ports.js";\nexport const b = a;\n',
  ],
] as const;

let folder: string;
let found: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "heddle-layering-"));
  const config = JSON.parse(await readFile(`${ROOT}biome.json`, "utf8"));
  await plant("biome.json", JSON.stringify({ ...config, $schema: undefined, vcs: { enabled: false } }));
  await cp(`${ROOT}package.json`, join(folder, "package.json"));
  await cp(`${ROOT}src`, join(folder, "src"), { recursive: true });
  for (const [, file, text] of VIOLATIONS) await plant(file, text);
  await plant("src/run/node.ts", 'import { join } from "node:path";\nexport const j = join;\n');
  await plant("adapters/undeclared.ts", 'import { g } from "not-declared";\nexport const h = g;\n');
  await plant("src/record/ring.ts", 'import type { B } from "./ring-too.js";\nexport type A = B[];\n');
  await plant("src/record/ring-too.ts", 'import type { A } from "./ring.js";\nexport type B = A[];\n');
  found = await lint();
});
afterAll(() => rm(folder, { recursive: true }));

async function plant(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), text);
}

/** One line for each complaint: `file rule`. */
function lint(): Promise<string> {
  const biome = `${ROOT}node_modules/.bin/biome`;
  return new Promise((resolve) => {
    execFile(
      biome,
      ["lint", "--max-diagnostics=none", "--reporter=github", "."],
      { cwd: folder },
      (_, stdout, stderr) => {
        const lines = `${stdout}\n${stderr}`.matchAll(/title=([\w/]+),file=([^,]+),/g);
        resolve([...lines].map(([, rule, file]) => `${file} ${rule}`).join("\n"));
      },
    );
  });
}

test.each(VIOLATIONS)("refused: %s", (_, file) => {
  expect(found).toContain(`${file} lint/style/noRestrictedImports`);
});

test.each([
  ["the engine imports a built-in of Node", "src/run/node.ts lint/correctness/noNodejsModules"],
  [
    "an adapter imports a package that is not declared",
    "adapters/undeclared.ts lint/correctness/noUndeclaredDependencies",
  ],
  ["two files import each other, if only types", "src/record/ring.ts lint/suspicious/noImportCycles"],
])("refused: %s", (_, complaint) => {
  expect(found).toContain(complaint);
});

test("nothing but what was planted is refused", () => {
  const planted = /p\d+\.ts|run\/node\.ts|undeclared\.ts|ring(-too)?\.ts/;
  expect(found.split("\n").filter((line) => !planted.test(line))).toEqual([]);
});
