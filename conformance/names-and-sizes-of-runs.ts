// Whole runs with names of any signs, and with very large and repeated values.

import { type AnyNode, DagProvenance, DagRunner, dag, node, parsePath, type } from "../src/index.js";
import { ManualClock } from "./clock.js";
import { again, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { NAMES } from "./names.js";
import { patternOf } from "./patterns.js";
import { completed } from "./running.js";

const Any = type<unknown>("Any");

/** Cases on whole runs with odd names and large values. */
export const namesAndSizesOfRuns = casesOf("whole run", {
  async "labels may have any name"(createStore) {
    const store = createStore();
    // Refused by every dag: labels like integers, whose order would change, and one that is no key of plain objects.
    const labels = NAMES.filter((name) => !/^(\d+|__proto__)$/.test(name));
    const nodes = Object.fromEntries(labels.map((label) => [label, node({ output: Any, run: () => label })]));
    const it = dag("labels", { nodes: nodes as Record<string, AnyNode> });
    const runner = new DagRunner(it, { provenance: new DagProvenance(store), clock: new ManualClock() });
    const { runId } = await completed(runner.run());
    const later = new DagProvenance(again(createStore, store));
    const { executions } = await later.inspect(runId);
    const recorded = executions.map(({ label }) => label);
    expectData(recorded.toSorted(), labels.toSorted(), "the labels");
    for (const { path, label } of executions) {
      expectEqual(parsePath(path)[0]?.label, label, "the label in the path");
      expectEqual(await later.loadOutput(runId, path), label, "the output");
    }
  },

  async "runs and dags may have any name"(createStore) {
    const store = createStore();
    for (const name of NAMES) {
      const it = dag(name, { nodes: { only: node({ output: Any, run: () => name }) } });
      const runner = new DagRunner(it, { provenance: new DagProvenance(store), clock: new ManualClock() });
      await completed(runner.run({}, { runId: name }));
    }
    const later = new DagProvenance(again(createStore, store));
    for (const name of NAMES) {
      expectEqual((await later.getRun(name))?.dag, name, "the name of the dag");
      expectEqual(await later.loadOutput(name, "only"), name, "the output");
      expectData(
        (await later.listRuns({ dag: name })).runs.map(({ runId }) => runId),
        [name],
        "the runs of one dag",
      );
    }
  },

  async "a value of 50 MB goes through a run and comes back equal"(createStore) {
    const store = createStore();
    const large = patternOf(50_000_000);
    const make = node({ output: Any, share: true, run: () => ({ name: "large", large }) });
    const it = dag("large", { nodes: { make } });
    const runner = new DagRunner(it, { provenance: new DagProvenance(store), clock: new ManualClock() });
    const { runId } = await completed(runner.run());
    const later = new DagProvenance(again(createStore, store));
    expectEqual(await later.loadOutput(runId, "make"), { name: "large", large }, "the output");
  },

  async "empty values go through a run and come back equal"(createStore) {
    const store = createStore();
    const values = ["", [], {}, new Map(), new Set(), new Uint8Array(), undefined, new ArrayBuffer(0)];
    const nodes = values.map((value, i) => [`n${i}`, node({ output: Any, run: () => value })] as const);
    const it = dag("empty", { nodes: Object.fromEntries(nodes) as Record<string, AnyNode> });
    const runner = new DagRunner(it, { provenance: new DagProvenance(store), clock: new ManualClock() });
    const { runId } = await completed(runner.run());
    const later = new DagProvenance(again(createStore, store));
    for (const [i, value] of values.entries()) {
      expectEqual(await later.loadOutput(runId, `n${i}`), value, `output ${i}`);
    }
  },

  async "a value that several nodes and runs return is stored once, or once for each run"(createStore) {
    const store = createStore();
    const { batchedValueBytes, valuesByRun } = store.capabilities;
    const bytes = Number.isFinite(batchedValueBytes) ? batchedValueBytes + 1 : 200_000;
    const times = valuesByRun ? 2 : 1;
    const make = () => node({ output: Any, share: true, run: () => patternOf(bytes) });
    const it = dag("same", { nodes: { a: make(), b: make(), c: make() } });
    const runner = new DagRunner(it, { provenance: new DagProvenance(store), clock: new ManualClock() });
    const runs = [await completed(runner.run()), await completed(runner.run())];
    const later = new DagProvenance(again(createStore, store));
    const { bytes: taken } = await later.usage();
    const isOnce = taken >= times * bytes * 0.9 && taken < times * bytes * 1.5;
    expect(isOnce, `A value of ${bytes} bytes takes ${taken} bytes.`);
    await later.removeRun((runs[0] as (typeof runs)[number]).runId);
    for (const label of ["a", "b", "c"]) {
      const output = await later.loadOutput((runs[1] as (typeof runs)[number]).runId, label);
      expectEqual(output, patternOf(bytes), `the output of ${label}`);
    }
  },
});
