// A small dag with a fan-out and a fan-in, whose functions count their executions and can be made to fail or pause.

import { type Context, dag, list, node, type } from "../src/index.js";
import { Calls } from "./running.js";

const Num = type<number>("Num");
const Rows = type<{ readonly rows: readonly string[]; readonly at: Date }>("Rows");

/** How the functions behave; may be changed between runs. */
export interface SampleState {
  /** The path that fails. */
  fails?: string;
  /** The path that asks before it goes on. */
  asks?: string;
  /** What is done before a function goes on. */
  before?: (path: string) => Promise<void> | void;
}

/** `start` feeds `left` and `right`, which feed `sum`; `table` is large, and stands behind `sum`. */
export function sampleDag(state: SampleState = {}) {
  const calls = new Calls();
  const step = async ({ path, pause }: Context) => {
    calls.add(path);
    await state.before?.(path);
    if (state.fails === path) throw new RangeError(`${path} is broken`);
    return state.asks === path ? (pause("go on?", { path }) as number) : 0;
  };
  const start = node({ input: { n: Num }, output: Num, run: async ({ n }, ctx) => n + (await step(ctx)) });
  const left = node({ input: { n: Num }, output: Num, run: async ({ n }, ctx) => n * 10 + (await step(ctx)) });
  const right = node({ input: { n: Num }, output: Num, run: async ({ n }, ctx) => -n + (await step(ctx)) });
  const sum = node({
    input: { all: list(Num) },
    output: Num,
    run: async ({ all }, ctx) => all.reduce((a, b) => a + b, 0) + (await step(ctx)),
  });
  const table = node({
    input: { n: Num },
    output: Rows,
    run: async ({ n }, ctx) => {
      const at = new Date(n + (await step(ctx)));
      return { rows: Array.from({ length: 100 }, (_, i) => `row ${i} of ${n}`), at };
    },
  });
  const sample = dag("sample", {
    nodes: { start, left, right, sum, table },
    edges: [
      ["start", "left"],
      ["start", "right"],
      ["left", "sum"],
      ["right", "sum"],
      ["sum", "table"],
    ],
  });
  return { sample, calls, state };
}

/** The paths of the sample, in order of name. */
export const SAMPLE_PATHS = ["left", "right", "start", "sum", "table"];

/** What `table` returns for this input, if nothing disturbs the run. */
export function sampleOutput(n: number): { readonly table: { readonly rows: readonly string[]; readonly at: Date } } {
  const total = 9 * n;
  return { table: { rows: Array.from({ length: 100 }, (_, i) => `row ${i} of ${total}`), at: new Date(total) } };
}
