// The dags of the cases on executors: a worker that is tried serves all of them.

import { type AnyDag, type Context, chain, dag, list, map, node, type } from "../src/index.js";
import { KEPT } from "./values.js";

const Num = type<number>("Num");
const Text = type<string>("Text");
const Any = type<unknown>("Any");

/** The extra field of `ctx` that workers are to be served with. */
export const EXECUTOR_CONTEXT = { greeting: "hello" } as const;

/** Adds up what a map of short functions makes of `0` to `count - 1`. */
export const summing = dag("summing", {
  nodes: {
    give: node({
      input: { count: Num },
      output: list(Num),
      run: ({ count }) => Array.from({ length: count }, (_, i) => i),
    }),
    each: map(node({ input: { n: Num }, output: Num, run: ({ n }) => n * 2 })),
    sum: node({ input: { all: list(Num) }, output: Num, run: ({ all }) => all.reduce((a, b) => a + b, 0) }),
  },
  edges: chain("give", "each", "sum"),
});

const Shared = type<Int32Array>("Shared");
const Counted = type<Int32Array>("Counted");

/** Counts in memory that is shared, if there is such, and looks at it here. */
export const sharing = dag("sharing", {
  nodes: {
    make: node({
      output: Shared,
      inline: true,
      share: true,
      run: () => new Int32Array(new (globalThis.SharedArrayBuffer ?? ArrayBuffer)(4)),
    }),
    count: node({ input: { shared: Shared }, output: Num, run: ({ shared }) => Atomics.add(shared, 0, 1) }),
    countMore: node({
      input: { shared: Shared },
      output: Counted,
      run: ({ shared }) => {
        Atomics.add(shared, 0, 1);
        return shared;
      },
    }),
    look: node({
      input: { before: Num, shared: Shared, after: Counted },
      output: Num,
      inline: true,
      run: ({ shared }) => shared[0] ?? 0,
    }),
  },
  edges: [
    ["make", "count"],
    ["make", "countMore"],
    ["count", "look"],
    ["make", "look"],
    ["countMore", "look"],
  ],
});

/** Gives each kind of value, and takes it. */
export const passing = dag("passing", {
  nodes: {
    give: node({ input: { kind: Text }, output: Any, run: ({ kind }) => KEPT[kind]?.() }),
    take: node({ input: { value: Any }, output: Any, run: ({ value }) => value }),
  },
  edges: chain("give", "take"),
});

/** Says what it sees. */
export const seeing = dag("seeing", {
  nodes: {
    look: node({
      output: Any,
      run: (_: object, ctx: Context<{ greeting: string }>) => {
        ctx.progress(1, 2);
        ctx.log("a line", { with: ["data"] });
        const { runId, dag: name, label, path, attempt, epoch, idempotencyKey, greeting, signal } = ctx;
        return { runId, dag: name, label, path, attempt, epoch, idempotencyKey, greeting, aborted: signal.aborted };
      },
    }),
    later: node({
      output: Text,
      worker: true,
      run: async (_: object, ctx) => {
        await Promise.resolve();
        ctx.log("later");
        return ctx.path;
      },
    }),
  },
  edges: [],
});

/** Throws in many ways. */
export const throwing = dag("throwing", {
  nodes: {
    fail: node({
      input: { how: Text },
      output: Num,
      run: ({ how }) => {
        const cause = new RangeError("the cause");
        if (how === "error")
          throw Object.assign(new TypeError("the message", { cause }), { code: "E_CODE", rows: [1, { a: 2 }] });
        if (how === "aggregate") throw new AggregateError([cause, "a text"], "many");
        if (how === "text") throw "a text";
        if (how === "object") throw { a: [1] };
        if (how === "plain cause") throw new RangeError("with a plain cause", { cause: { a: [1] } });
        if (how === "no cause") throw new Error("with null", { cause: null });
        if (how === "function") throw Object.assign(new Error("with a function"), { call: () => 1, n: 1 });
        return 1;
      },
    }),
  },
  edges: [],
});

/** Fails at its first two tries. */
export const trying = dag("trying", {
  nodes: {
    again: node({
      output: Num,
      retry: { attempts: 3, delayMs: 0 },
      run: (_: object, { attempt }) => {
        if (attempt < 3) throw new Error(`try ${attempt}`);
        return attempt;
      },
    }),
  },
  edges: [],
});

/** Asks before it goes on. */
export const asking = dag("asking", {
  nodes: { ask: node({ output: Num, run: (_: object, ctx) => Number(ctx.pause("how many?", { least: 1 })) }) },
  edges: [],
});

/** Returns what cannot be cloned. */
export const returning = dag("returning", {
  nodes: {
    parser: node({ output: Any, run: () => ({ rows: [1, { parse: () => 1 }] }) }),
    taker: node({ input: { parser: Any }, output: Num, run: () => 1 }),
  },
  edges: chain("parser", "taker"),
});

/** Keeps its place busy for so many milliseconds, or forever. */
export const spinning = dag("spinning", {
  nodes: {
    spin: node({
      input: { how: Text },
      output: Num,
      run: ({ how }, { progress }) => {
        progress(1);
        const endless = how === "forever" ? Number.POSITIVE_INFINITY : Number(how);
        for (const until = performance.now() + endless; performance.now() < until; );
        return 1;
      },
    }),
  },
  edges: [],
});

/** Never ends, and has a limit. */
export const limited = dag("limited", {
  nodes: {
    spin: node({
      output: Num,
      timeoutMs: 100,
      run: () => {
        for (;;);
      },
    }),
  },
  edges: [],
});

/** Waits until it is told to stop. */
export const waiting = dag("waiting", {
  nodes: {
    wait: node({
      output: Num,
      worker: true,
      timeoutMs: 100,
      run: (_: object, { signal, log }) =>
        new Promise<number>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            log("told to stop");
            reject(signal.reason);
          });
        }),
    }),
  },
  edges: [],
});

/** Takes the worker with it. */
export const dying = dag("dying", {
  nodes: {
    die: node({
      input: { how: Text },
      output: Num,
      run: ({ how }) => {
        const { process, close } = globalThis as unknown as { process?: { exit?(): void }; close?(): void };
        if (how === "stray") {
          // Nobody catches it.
          Promise.reject(new Error("a stray rejection"));
        } else if (how === "exit") {
          if (process?.exit) process.exit();
          else close?.();
        }
        return 1;
      },
    }),
  },
  edges: [],
});

/** Has a node that stays, and one that may be somewhere else in another build. */
export const staying = dag("staying", {
  nodes: {
    here: node({ output: Text, inline: true, run: () => "here" }),
    loop: node({ output: Text, run: async () => "on the loop" }),
  },
  edges: [],
});

/** Another build of it than {@link newer}. */
const older = versioned("1");
/** Not to be served. */
export const newer = versioned("2");
/** Not to be served either. */
export const unserved = dag("unserved", { nodes: { one: node({ output: Num, run: () => 1 }) }, edges: [] });
/** Not to be served either. */
export const unservedWorker = dag("unserved worker", {
  nodes: { one: node({ output: Num, worker: true, run: () => 1 }) },
  edges: [],
});

function versioned(version: string) {
  return dag("versioned", { nodes: { one: node({ output: Num, version, run: () => 1 }) }, edges: [] });
}

/** What a worker is to serve. */
export const EXECUTOR_DAGS: readonly AnyDag[] = [
  summing,
  sharing,
  passing,
  seeing,
  throwing,
  trying,
  asking,
  returning,
  spinning,
  limited,
  waiting,
  dying,
  staying,
  older,
];
