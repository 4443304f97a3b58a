// Random nested dags of synchronous functions, the same for a seed in every thread, and what they come to.

import { type AnyDag, type AnyNode, chain, type Dag, dag, list, map, node, type Retry, type } from "heddle";
import { Draws } from "../support/mutate-records.js";

/** How many there are, named `nested 1` and so on. */
export const SEEDS = 12;

const Num = type<number>("Num");
const LARGE = 1_000_003;

/** What a worker that was killed had is tried again; nothing else is. */
const retry: Retry = {
  attempts: 10_000,
  delayMs: 0,
  when: (error) => (error as { code?: unknown }).code === "WORKER_DIED",
};

/** Nodes in a row from one number to one, and what they make of it. */
interface Piece {
  readonly nodes: readonly AnyNode[];
  evaluate(n: number): number;
}

/** A random dag with one source and one sink, called `root`. */
export interface Nested {
  readonly root: AnyDag;
  evaluate(n: number): number;
}

/** The dag of a seed. */
export function nestedOf(seed: number): Nested {
  const draws = new Draws(seed);
  const { inner, evaluate } = subDag(`nested ${seed}`, draws, 2);
  return { root: inner, evaluate };
}

/** All of them. */
export const allNested: readonly AnyDag[] = Array.from({ length: SEEDS }, (_, i) => nestedOf(i + 1).root);

function subDag(name: string, draws: Draws, depth: number) {
  const pieces = [
    step(draws),
    ...Array.from({ length: 2 + draws.below(2) }, () => piece(name, draws, depth)),
    step(draws),
  ];
  const all = pieces.flatMap(({ nodes }) => nodes);
  const labels = all.map((_, i) => `n${i}`);
  const nodes = Object.fromEntries(all.map((one, i) => [`n${i}`, one]));
  const inner = dag(name, { nodes, edges: chain(...labels) as never }) as unknown as Dag<never, never>;
  return { inner: inner as unknown as AnyDag & AnyNode, evaluate: evaluated(pieces) };
}

function piece(name: string, draws: Draws, depth: number): Piece {
  if (depth === 0) return step(draws);
  const kind = draws.below(3);
  if (kind === 0) return step(draws);
  const { inner, evaluate } = subDag(`${name}.${draws.below(LARGE)}`, draws, depth - 1);
  if (kind === 1) return { nodes: [inner], evaluate };
  const count = 2 + draws.below(4);
  const spread = (n: number) => Array.from({ length: count }, (_, i) => (n + i) % LARGE);
  const sum = (all: readonly number[]) => all.reduce((a, b) => (a + b) % LARGE, 0);
  return {
    nodes: [
      node({ input: { n: Num }, output: list(Num), retry, run: ({ n }) => spread(n) }),
      map(inner as never) as unknown as AnyNode,
      node({ input: { all: list(Num) }, output: Num, retry, run: ({ all }) => sum(all) }),
    ],
    evaluate: (n) => sum(spread(n).map(evaluate)),
  };
}

function step(draws: Draws): Piece {
  const [factor, busyMs] = [1 + draws.below(1_000), draws.below(4)];
  const evaluate = (n: number) => (n * factor + 7) % LARGE;
  const run = ({ n }: { readonly n: number }) => {
    for (const until = performance.now() + busyMs; performance.now() < until; );
    return evaluate(n);
  };
  return { nodes: [node({ input: { n: Num }, output: Num, retry, run })], evaluate };
}

function evaluated(pieces: readonly Piece[]) {
  return (n: number) => pieces.reduce((value, { evaluate }) => evaluate(value), n);
}
