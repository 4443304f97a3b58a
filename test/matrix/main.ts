// Runs the conformance cases of the built package on every store in every runtime that has it:
// `npm run test:matrix`, or `npm run test:matrix -- firefox bun` for some.

import { writeFileSync } from "node:fs";
import process from "node:process";
import { countsOf, report } from "./report.js";
import { type RuntimeResult, runCases } from "./run-cases.js";
import type { Runtime } from "./runtime.js";
import { chromium, firefox, webkit } from "./runtimes/browsers.js";
import { bun, deno, node } from "./runtimes/processes.js";
import { workerd } from "./runtimes/workerd.js";

const RUNTIMES: Readonly<Record<string, Runtime>> = { node, chromium, firefox, webkit, workerd, deno, bun };

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in RUNTIMES));
if (unknown.length > 0) throw new Error(`No runtime is called ${unknown}. There are ${Object.keys(RUNTIMES)}.`);

const results: RuntimeResult[] = [];
for (const [name, runtime] of Object.entries(RUNTIMES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = performance.now();
  results.push(await runCases(runtime));
  console.error(`${runtime.name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
console.log(report(results));

const counts = countsOf(results);
if (process.env.MATRIX_RESULTS) writeFileSync(process.env.MATRIX_RESULTS, JSON.stringify(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
