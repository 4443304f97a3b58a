// Runs the conformance cases of the built package on every store in every runtime that has it, and the tests that need
// Firefox: `npm run test:matrix`, or `npm run test:matrix -- firefox bun` for some. Installs what is missing for those.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { countsOf, report } from "./report.js";
import { type RuntimeResult, runCases } from "./run-cases.js";
import type { Runtime } from "./runtime.js";
import { chromium, firefox, webkit } from "./runtimes/browsers.js";
import { bun, deno, node } from "./runtimes/processes.js";
import { workerd } from "./runtimes/workerd.js";

const RUNTIMES: Readonly<Record<string, Runtime>> = { node, chromium, firefox, webkit, workerd, deno, bun };
const BROWSERS = ["chromium", "firefox", "webkit"];

const given = process.argv.slice(2);
const unknown = given.filter((name) => !(name in RUNTIMES));
if (unknown.length > 0) throw new Error(`No runtime is called ${unknown}. There are ${Object.keys(RUNTIMES)}.`);
const wanted = given.length === 0 ? Object.keys(RUNTIMES) : given;

const browsers = BROWSERS.filter((name) => wanted.includes(name));
if (browsers.length > 0) run("node", "scripts/set-up-browsers.mjs", ...browsers);
if (wanted.includes("deno") || wanted.includes("bun")) run("npm", "--prefix", "test/matrix/engines", "ci");
if (wanted.includes("firefox")) run("npx", "vitest", "run", "--project", "matrix");

const results: RuntimeResult[] = [];
for (const [name, runtime] of Object.entries(RUNTIMES)) {
  if (!wanted.includes(name)) continue;
  const started = performance.now();
  results.push(await runCases(runtime));
  console.error(`${runtime.name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
console.log(report(results));

const counts = countsOf(results);
if (process.env.MATRIX_RESULTS) writeFileSync(process.env.MATRIX_RESULTS, JSON.stringify(counts));
// A test that failed has said so, and has set the code.
process.exitCode ||= counts.failed === 0 ? 0 : 1;

/** What fails here is not the end: the table still tells of the runtimes that are there. */
function run(command: string, ...args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
