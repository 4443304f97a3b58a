// p-graph orders functions and passes no data: they read and write an array that they share.

import { PGraph } from "p-graph";
import type { Contestant } from "../contestant.js";
import { next } from "../graph.js";

export const pGraph: Contestant = {
  name: "p-graph",
  kind: "peer",
  records: false,
  note: "passes no data: its functions share an array",
  prepare({ size, labels, upstream, sinks }) {
    let values: number[] = [];
    const nodes = new Map(
      upstream.map((ups, i) => [
        labels[i] as string,
        {
          run: async () => {
            values[i] = next(ups.map((up) => values[up] as number));
          },
        },
      ]),
    );
    const edges = upstream.flatMap((ups, i) =>
      ups.map((up): [string, string] => [labels[up] as string, labels[i] as string]),
    );
    const graph = new PGraph(nodes, edges);
    return async () => {
      values = new Array(size);
      await graph.run();
      return { sinks: sinks.map((i) => values[i]), recorded: 0 };
    };
  },
};
