// Tries whether a peer can execute a graph at all: it may overflow the stack, or never end.

import { given, report } from "../child.js";
import { makeGraph, type Shape } from "../graph.js";
import { CONTESTANTS } from "../sections/engine.js";

const { name, shape, size } = given<{ name: string; shape: Shape; size: number }>();
const contestant = CONTESTANTS.find((candidate) => candidate.name === name);
if (!contestant) throw new Error(`There is no contestant "${name}".`);
const graph = makeGraph(shape, size);
try {
  const run = await contestant.prepare(graph);
  await run();
  report({});
} catch (error) {
  report({ failed: String(error).slice(0, 100) });
}
