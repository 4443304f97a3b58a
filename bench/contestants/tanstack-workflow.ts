// TanStack Workflow: a handler in which every node is a recorded step, started when the promises of its upstreams have
// settled. The workflow is declared once; its handler wires the promises at every run.

import { setMaxListeners } from "node:events";
import { createWorkflow, inMemoryRunStore, runWorkflow } from "@tanstack/workflow-core";
import type { Contestant } from "../contestant.js";
import { next } from "../graph.js";

export const tanstackWorkflow: Contestant = {
  name: "TanStack Workflow",
  kind: "peer",
  records: true,
  note: "its handler makes the promises of the graph, so a run contains wiring them",
  prepare({ labels, upstream, sinks }) {
    const nodes = upstream.map((ups, i) => ({
      ups,
      label: labels[i] as string,
      run: async (inputs: readonly number[]) => next(inputs),
    }));
    const workflow = createWorkflow({ id: "bench" }).handler(async (ctx) => {
      setMaxListeners(0, ctx.signal); // it listens once per running step
      const values: Promise<number>[] = [];
      for (const { ups, label, run } of nodes) {
        const inputs = Promise.all(ups.map((up) => values[up] as Promise<number>));
        values.push(inputs.then((got) => ctx.step(label, () => run(got))));
      }
      return Promise.all(sinks.map((i) => values[i]));
    });
    const runStore = inMemoryRunStore();
    let runs = 0;
    return async () => {
      const runId = `run ${++runs}`;
      let output: unknown;
      for await (const event of runWorkflow({ workflow, runStore, input: {}, runId })) {
        if (event.type === "RUN_ERRORED")
          throw Object.assign(new Error(event.error.message), { name: event.error.name });
        if (event.type === "RUN_FINISHED") output = event.output;
      }
      const steps = (await runStore.getEvents(runId)).length - 1;
      return { sinks: output as unknown[], recorded: steps, forget: () => runStore.deleteRun(runId, "finished") };
    };
  },
};
