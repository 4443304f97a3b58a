// How long one process takes to look at a run with many children that it did not make.

import { DagProvenance, DagRunner, dag, list, map, node, type } from "heddle";
import { given, report } from "../child.js";
import { milliseconds } from "../measure.js";
import { type Place, recordsIn } from "../stores.js";

/** In milliseconds. */
export interface InspectTimes {
  readonly tree: number;
  /** The composites alone, with how many of their children are in which status. */
  readonly counts: number;
  /** A hundred children from the middle, when nothing was read before, and when something was. */
  readonly firstPage: number;
  readonly nextPage: number;
  /** The output of the map, put together. */
  readonly output: number;
}

const PAGE = 100;

const { size, place } = given<{ size: number; place: Place }>();
const Num = type<number>("Num");
const source = node({ output: list(Num), run: () => Array.from({ length: size }, (_, i) => i) });
const add = node({ input: { x: Num }, output: Num, run: ({ x }) => x + 1 });
const over = dag("over", { nodes: { source, each: map(add) }, edges: [["source", "each"]] });
const records = await recordsIn(place);
const { runId } = await new DagRunner(over, { provenance: new DagProvenance(records.open()) }).run();

const open = () => new DagProvenance(records.open());
const page = (provenance: DagProvenance, offset: number) => async () => {
  const { executions } = await provenance.inspect(runId, { under: "each", offset, limit: PAGE });
  if (executions.length !== PAGE || executions[0]?.path !== `each[${offset}]`) throw new Error("The wrong page.");
};
const paging = open();
const result: InspectTimes = {
  firstPage: await milliseconds(page(paging, size / 2)),
  nextPage: await milliseconds(page(paging, size / 2 + PAGE)),
  counts: await milliseconds(() => open().inspect(runId, { depth: 0 })),
  tree: await milliseconds(() => open().inspect(runId)),
  output: await milliseconds(() => open().loadOutput(runId, "each")),
};
await records.remove();
report({ result });
