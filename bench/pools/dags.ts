// The dags that heddle runs in workers here: what a worker serves is declared on both sides.

import { type AnyDag, type AnyNode, chain, dag, list, map, node, type } from "heddle";
import { write } from "../contestants/heddle.js";
import { makeGraph, next } from "../graph.js";
import { TASKS } from "./tasks.js";

const Num = type<number>("Num");
const Bytes = type<ArrayBuffer>("Bytes");
const NUMBER = { input: { given: Num }, output: Num };
const BYTES = { input: { given: Bytes }, output: Bytes };

/** The functions of tasks.ts, and `move`, which is `echo` of what is moved. */
export const NODES = {
  add: node({ ...NUMBER, run: ({ given }) => TASKS.add(given) }),
  spin: node({ ...NUMBER, run: ({ given }) => TASKS.spin(given) }),
  mix: node({ ...NUMBER, run: ({ given }) => TASKS.mix(given) }),
  echo: node({ ...BYTES, run: ({ given }) => TASKS.echo(given) }),
  move: node({ ...BYTES, transfer: true, run: ({ given }) => TASKS.echo(given) }),
};
/** For calling them one by one, without a run. */
export const single = dag("single", { nodes: NODES, edges: [] });

/** `add` for each number below `count`, so many at a time. */
export const adding = (atATime: number) => each(`adding, ${atATime} at a time`, NODES.add, atATime);
export const AT_A_TIME = [16, 1_000, 10_000];
/** `mix` for each. */
export const mixing = each("mixing", NODES.mix, 16);
/** Busy for a millisecond for each. */
export const spinning = each("spinning", node({ ...NUMBER, run: () => TASKS.spin(1) }), 16);

function each(name: string, one: typeof NODES.add, concurrency: number) {
  const give = node({
    input: { count: Num },
    output: list(Num),
    inline: true,
    run: ({ count }) => Array.from({ length: count }, (_, i) => i),
  });
  return dag(name, { nodes: { give, each: map(one, { concurrency }) }, edges: chain("give", "each") });
}

/** Never ends. */
export const endless = dag("endless", { nodes: { spin: NODES.spin }, edges: [] });
/** Does not end in time. */
export const TIME_OUT_MS = 50;
export const late = dag("late", {
  nodes: { spin: node({ ...NUMBER, timeoutMs: TIME_OUT_MS, run: ({ given }) => TASKS.spin(given) }) },
  edges: [],
});
/** Ends at once. */
export const short = dag("short", { nodes: { add: NODES.add }, edges: [] });

/** Where the bytes of {@link passing} come from, and where they end. */
export interface Held {
  bytes: ArrayBuffer;
}

/** Bytes from here through a worker and back. */
export function passing(isMoved: boolean, held: Held) {
  const give = node({ output: Bytes, inline: true, transfer: isMoved, run: () => held.bytes });
  const take = node({
    input: { given: Bytes },
    output: Num,
    inline: true,
    run: ({ given }) => {
      held.bytes = given;
      return given.byteLength;
    },
  });
  const nodes = { give, through: isMoved ? NODES.move : NODES.echo, take };
  return dag(isMoved ? "moving" : "copying", { nodes, edges: chain("give", "through", "take") });
}

/** So many tiny synchronous nodes, one after the other. */
export function chained(size: number) {
  const first: AnyNode = node({ output: Num, run: () => next([]) });
  const other: AnyNode = node({ ...NUMBER, run: ({ given }) => next([given]) });
  const written = write(makeGraph("chain", size), (upstreams) => (upstreams === 0 ? first : other));
  return dag(`chain of ${size}`, written);
}

const nothing: Held = { bytes: new ArrayBuffer(0) };
/** What workers serve, without the chains. */
export const SERVED: readonly AnyDag[] = [
  single,
  ...AT_A_TIME.map(adding),
  mixing,
  spinning,
  endless,
  late,
  short,
  passing(true, nothing),
  passing(false, nothing),
];
