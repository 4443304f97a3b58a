// Dags for the tests of pools, which their workers serve.

import { threadId } from "node:worker_threads";
import { dag, list, map, node, type } from "heddle";

const Num = type<number>("Num");
const Text = type<string>("Text");

/** Busy for so many milliseconds, and says in which thread. */
export const busy = dag("busy", {
  nodes: {
    work: node({
      input: { ms: Num },
      output: Num,
      run: ({ ms }) => {
        for (const until = performance.now() + ms; performance.now() < until; );
        return threadId;
      },
    }),
  },
  edges: [],
});

/** Each element is busy for so many milliseconds; `-1` is forever. */
export const many = dag("many", {
  nodes: {
    give: node({ input: { all: list(Num) }, output: list(Num), run: ({ all }) => [...all] }),
    each: map(
      node({
        input: { ms: Num },
        output: Num,
        run: ({ ms }) => {
          for (const until = performance.now() + ms; ms < 0 || performance.now() < until; );
          return ms;
        },
      }),
    ),
    sum: node({ input: { all: list(Num) }, output: Num, run: ({ all }) => all.reduce((a, b) => a + b, 0) }),
  },
  edges: [
    ["give", "each"],
    ["each", "sum"],
  ],
});

/** Dies in many ways. */
export const deaths = dag("deaths", {
  nodes: {
    die: node({
      input: { how: Text },
      output: Num,
      run: ({ how }) => {
        if (how === "exit") process.exit(7);
        if (how === "memory") for (const all: unknown[] = []; ; ) all.push(new Array(100_000).fill(1));
        if (how === "stray") Promise.reject(new Error("nobody catches this"));
        if (how === "later") {
          setTimeout(() => {
            throw new Error("nobody catches that");
          });
        }
        return 1;
      },
    }),
  },
  edges: [],
});

/** Must not be called twice. */
export const effects = dag("effects", {
  nodes: {
    pay: node({ output: Num, worker: true, effect: true, run: () => new Promise<number>(() => {}) }),
    wait: node({ output: Num, worker: true, run: () => new Promise<number>((resolve) => setTimeout(resolve, 300, 5)) }),
  },
  edges: [],
});

const Bytes = type<Uint8Array>("Bytes");
const kept: Uint8Array[] = [];
const adding = {
  input: { bytes: Bytes },
  output: Num,
  run: ({ bytes }: { readonly bytes: Uint8Array }) => bytes.reduce((a, b) => a + b, 0),
};

/** Nodes with outputs that are moved, and what the first of them returned in this thread. */
export const movingNodes = {
  kept,
  make: node({
    output: Bytes,
    inline: true,
    transfer: true,
    run: () => {
      const bytes = Uint8Array.of(1, 2, 3);
      kept.push(bytes);
      return bytes;
    },
  }),
  last: node(adding),
  lastWithRetry: node({ ...adding, retry: { attempts: 2 } }),
};

/** Moves what it makes to its last consumer. */
export const moving = dag("moving", {
  nodes: { make: movingNodes.make, last: movingNodes.last },
  edges: [["make", "last"]],
});

/** Comes out of a worker and goes into one. */
export const passing = dag("passing", {
  nodes: {
    make: node({ output: Bytes, transfer: true, run: () => new Uint8Array(1 << 20).fill(1) }),
    last: node({ ...adding, run: ({ bytes }) => bytes.length }),
  },
  edges: [["make", "last"]],
});
