// The benchmark of the engine. `npm run bench` measures everything, `npm run bench -- engine heap` these sections alone,
// `npm run bench -- --small` everything at sizes that only show that it works.

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { EFFORTS, type Efforts, type Measured, measureEngine, printEngine, SMALL } from "./sections/engine.js";
import { files } from "./sections/files.js";
import { printGrowth } from "./sections/growth.js";
import { heap } from "./sections/heap.js";
import { indexedDb } from "./sections/indexeddb.js";
import { isolation } from "./sections/isolation.js";
import { kv } from "./sections/kv.js";
import { maps } from "./sections/map.js";
import { restart } from "./sections/restart.js";
import { workers } from "./sections/workers.js";

const SECTIONS = ["engine", "growth", "map", "files", "heap", "isolation", "restart", "indexeddb", "kv", "workers"];
const { values, positionals } = parseArgs({
  options: { small: { type: "boolean", default: false } },
  allowPositionals: true,
});
const { small } = values;
const chosen = SECTIONS.filter((section) => positionals.length === 0 || positionals.includes(section));
const unknown = positionals.filter((name) => !SECTIONS.includes(name));
if (unknown.length > 0) {
  console.error(`There is no section "${unknown.join('", "')}". Sections: ${SECTIONS.join(", ")}.`);
  process.exit(2);
}

let engine: Promise<Measured> | undefined;
const measured = () => {
  engine ??= measureEngine(efforts());
  return engine;
};
const RUN: Record<string, () => Promise<void>> = {
  engine: async () => printEngine(await measured()),
  growth: async () => printGrowth(await measured()),
  map: () => maps(small),
  files: () => files(small),
  heap: () => heap(small),
  isolation: () => isolation(small),
  restart: () => restart(small),
  indexeddb: () => indexedDb(small),
  kv: () => kv(small),
  workers: () => workers(small),
};

console.log(
  `Node ${process.version}, ${cpus().length} CPUs (${cpus()[0]?.model}), ${process.platform} ${process.arch}`,
);
for (const section of chosen) {
  console.log(`\n## ${section}\n`);
  const started = performance.now();
  await RUN[section]?.();
  console.error(`${section}: ${((performance.now() - started) / 1_000).toFixed(1)} s`);
}
// A peer's timers would hold the process for an hour.
process.exit();

/** For the growth alone, its two sizes do. */
function efforts(): Efforts {
  if (small) return SMALL;
  return new Map([...EFFORTS].filter(([size]) => chosen.includes("engine") || size === 1_000 || size === 100_000));
}
