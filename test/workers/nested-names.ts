// Dags in a dag, whose nodes tell where they stand: served in a worker, and run inline beside it.

import { isMainThread } from "node:worker_threads";
import { dag, list, map, node, type } from "heddle";
import { serve } from "heddle/worker";

const Num = type<number>("Num");
const Text = type<string>("Text");
const tell = node({ input: { n: Num }, output: Text, run: (_, ctx) => ctx.dag });

export const outer = dag("outer", {
  nodes: {
    one: node({ output: Num, run: () => 1 }),
    give: node({ output: list(Num), run: () => [1] }),
    sub: dag("inner", { nodes: { tell } }),
    each: map(dag("element", { nodes: { tell } })),
  },
  edges: [
    ["one", "sub"],
    ["give", "each"],
  ],
});

if (!isMainThread) serve(outer);
