// Observable runtime: a variable per node, all observed as the cells of a notebook are. Declared once; a run redefines
// the sources, and the runtime recomputes what depends on them.

import { Runtime } from "@observablehq/runtime";
import type { Contestant } from "../contestant.js";
import { type Graph, next } from "../graph.js";

interface Sinks {
  values: Map<string, number>;
  all: () => void;
  failed: (error: unknown) => void;
}

export const observable: Contestant = {
  name: "Observable runtime",
  kind: "peer",
  records: false,
  note: "its build contains one computation, since it computes what is defined",
  async prepare(graph) {
    const { labels, upstream, sinks } = graph;
    const found: Sinks = { values: new Map(), all: () => {}, failed: () => {} };
    const module = new Runtime().module();
    const observer = observerOf(graph, found);
    const isSink = new Set(sinks);
    const compute = (define: () => void) =>
      new Promise<void>((resolve, reject) => {
        found.values.clear();
        found.all = resolve;
        found.failed = reject;
        define();
      });
    const variables = upstream.map((_, i) => module.variable(isSink.has(i) ? observer : true));
    await compute(() => {
      for (const [i, variable] of variables.entries()) {
        variable.define(labels[i] as string, upstream[i]?.map((up) => labels[up] as string) ?? [], async (...inputs) =>
          next(inputs),
        );
      }
    });
    const sources = [...variables.entries()].filter(([i]) => upstream[i]?.length === 0);
    return async () => {
      await compute(() => {
        for (const [i, source] of sources) source.define(labels[i] as string, [], async () => next([]));
      });
      return { sinks: sinks.map((i) => found.values.get(labels[i] as string)), recorded: 0 };
    };
  },
};

/** Collects the values of the sinks. */
function observerOf({ sinks }: Graph, found: Sinks) {
  return {
    fulfilled(value: number, name: string) {
      found.values.set(name, value);
      if (found.values.size === sinks.length) found.all();
    },
    rejected(error: unknown) {
      found.failed(error);
    },
  };
}
