// The heap of one process that runs one map over many trivial elements.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DagProvenance, DagRunner, dag, list, map, node, type } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { memoryStore } from "heddle/adapters/memory";
import { given, report } from "../child.js";
import { liveBytes, Peak } from "../heap.js";
import { type Place, removeDirectory, temporaryDirectory } from "../stores.js";

/** In bytes. */
export interface MapHeap {
  /** The list of elements and the list of results. */
  readonly held: number;
  /** More than that, at the highest look. */
  readonly peak: number;
  /** The journal on disk. */
  readonly journal?: number;
}

const LOOKS = 10;

const { size, place } = given<{ size: number; place: Place | undefined }>();
const Num = type<number>("Num");
const peak = new Peak();
let calls = 0;
const add = node({
  input: { x: Num },
  output: Num,
  run: async ({ x }) => {
    if (++calls % Math.ceil(size / LOOKS) === 0) peak.look();
    return x + 0.5;
  },
});
const elements = Array.from({ length: size }, (_, i) => i);
const source = node({ output: list(Num), run: () => elements });
const over = dag("over", { nodes: { source, each: map(add) }, edges: [["source", "each"]] });
const directory = place === "files" ? await temporaryDirectory() : undefined;
const store = directory === undefined ? place && memoryStore() : fileSystemStore(directory);
const runner = new DagRunner(over, store ? { provenance: new DagProvenance(store) } : {});
const before = liveBytes();
const copy = elements.map((x) => x + 0.5);
const ofList = liveBytes() - before;
if (copy.length !== size) throw new Error("unreachable");
copy.length = 0;
const empty = liveBytes();
const result = await runner.run();
if (result.status !== "completed" || result.outputs.each.length !== size)
  throw new Error(`The map ended ${result.status}.`);
await store?.close();
const journal = directory === undefined ? undefined : sizeOf(directory);
if (directory !== undefined) await removeDirectory(directory);
const found: MapHeap = {
  held: 2 * ofList,
  peak: Math.max(0, peak.bytes - empty - ofList),
  ...(journal === undefined ? {} : { journal }),
};
report({ result: found });

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".jsonl"));
  return files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}
