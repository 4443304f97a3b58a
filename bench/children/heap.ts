// The heap of one process that declares one dag and runs it once.

import { type Dag, DagProvenance, DagRunner, dag } from "heddle";
import { given, report } from "../child.js";
import { makeNode, plainNode, type Written, write } from "../contestants/heddle.js";
import { makeGraph, type Shape } from "../graph.js";
import { liveBytes, Peak } from "../heap.js";
import { type Place, recordsIn } from "../stores.js";

/** Bytes per node. */
export interface HeapResult {
  /** Nodes and edges as the user wrote them. */
  readonly written: number;
  /** What the dag keeps, those nodes included. */
  readonly declared: number;
  /** More than that, at the highest of the looks during the run. */
  readonly peak: number;
  /** More than that, after the run, while its result and its runner are held. */
  readonly kept: number;
}

const LOOKS = 5;

const { shape, size, place } = given<{ shape: Shape; size: number; place: Place | undefined }>();
const graph = makeGraph(shape, size);
const peak = new Peak();
const look = () => peak.look();
const looksAt = (i: number) => i % Math.ceil(size / LOOKS) === 0;
const before = liveBytes();
let written: Written | undefined = write(graph, (upstreams, i) =>
  looksAt(i) ? makeNode(upstreams, look) : plainNode(upstreams),
);
const atWritten = liveBytes();
const declared: Dag = dag("heap", written) as unknown as Dag;
written = undefined;
const atDeclared = liveBytes();
const records = place && (await recordsIn(place));
const runner = new DagRunner(declared, records ? { provenance: new DagProvenance(records.open()) } : {});
const result = await runner.run();
peak.look();
const atEnd = liveBytes();
await records?.remove();
const last = graph.labels.at(-1) as string;
if (result.outputs[last] !== graph.expected.at(-1)) throw new Error(`Node ${last} gave ${result.outputs[last]}.`);
const bytes = (from: number, to: number) => (to - from) / size;
const found: HeapResult = {
  written: bytes(before, atWritten),
  declared: bytes(before, atDeclared),
  peak: bytes(atDeclared, peak.bytes),
  kept: bytes(atDeclared, atEnd),
};
report({ result: found });
