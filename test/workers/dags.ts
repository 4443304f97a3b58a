// Dags for the tests of pools, which their workers serve.

import { threadId } from "node:worker_threads";
import { dag, list, map, node, type } from "heddle";

const Num = type<number>("Num");
const Text = type<string>("Text");
const Key = type<number>("Key");
const Any = type<unknown>("Any");
const Other = type<unknown>("Other");
const Stream = type<ReadableStream>("Stream");

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

/** Moves its bytes to a node that fails as often as it is asked to. */
export const failing = dag("failing", {
  nodes: {
    make: node({ output: Bytes, inline: true, transfer: true, run: () => Uint8Array.of(1, 2, 3) }),
    last: node({
      ...adding,
      retry: { attempts: 2, delayMs: 0 },
      run: ({ bytes }) => {
        throw new Error(`fails with ${bytes.length}`);
      },
    }),
  },
  edges: [["make", "last"]],
});

/** Every element takes a table that is declared to be moved. */
const lookup = dag("lookup", {
  nodes: {
    key: node({ input: { n: Num }, output: Key, run: ({ n }) => n }),
    table: node({ output: Bytes, transfer: true, run: () => new Uint8Array(1) }),
    use: node({
      input: { key: Key, table: Bytes },
      output: Num,
      run: ({ key, table }) => (table[0] as number) + key,
    }),
  },
  edges: [
    ["key", "use"],
    ["table", "use"],
  ],
});
export const sharedTable = dag("sharedTable", {
  nodes: {
    give: node({ output: list(Num), run: () => [1, 2, 3, 4] }),
    table: node({ output: Bytes, transfer: true, inline: true, run: () => Uint8Array.of(100) }),
    all: map(lookup, { with: { table: "table" } }),
  },
  edges: [["give", "all"]],
});

/** What can be neither cloned nor looked at. */
class Strange {
  readonly call = () => 1;

  constructor() {
    const get = () => {
      throw new Error("do not look");
    };
    Object.defineProperty(this, "own", { enumerable: true, get });
  }
}

/** Gives or takes what is strange. */
export const strangers = dag("strangers", {
  nodes: {
    give: node({
      input: { from: Text },
      output: Any,
      run: ({ from }) => (from === "worker" ? new Strange() : 1),
    }),
    give2: node({
      input: { from: Text },
      output: Other,
      inline: true,
      run: ({ from }) => (from === "here" ? new Strange() : 1),
    }),
    take: node({ input: { one: Any, two: Other }, output: Num, run: () => 1 }),
  },
  edges: [
    ["give", "take"],
    ["give2", "take"],
  ],
});

/** Logs what changes, and what cannot be printed. */
export const talking = dag("talking", {
  nodes: {
    talk: node({
      output: Num,
      run: (_, { log }) => {
        const rows: number[] = [];
        for (let i = 0; i < 4; i++) {
          rows.length = 0;
          rows.push(i);
          log("rows", rows);
        }
        log("bare", Object.assign(Object.create(null), { call: () => 1 }));
        return 1;
      },
    }),
  },
  edges: [],
});

/** Makes a stream, and says something that cannot be cloned beside it. */
export const streaming = dag("streaming", {
  nodes: {
    make: node({
      output: Stream,
      transfer: true,
      share: true,
      run: (_, { log }) => {
        log("a", 1);
        log("b", () => {});
        return new ReadableStream({
          start(controller) {
            controller.enqueue("chunk");
            controller.close();
          },
        });
      },
    }),
    read: node({
      input: { stream: Stream },
      output: Text,
      run: async ({ stream }) => (await stream.getReader().read()).value,
    }),
  },
  edges: [["make", "read"]],
});

/** One call never settles and has a limit; beside it stands an effect. */
export const risky = dag("risky", {
  nodes: {
    wait: node({ output: Num, worker: true, timeoutMs: 50, run: () => new Promise<number>(() => {}) }),
  },
  edges: [],
});
export const paying = dag("paying", {
  nodes: {
    pay: node({
      output: Num,
      worker: true,
      effect: true,
      run: () => new Promise<number>((resolve) => setTimeout(resolve, 400, 5)),
    }),
  },
  edges: [],
});

/** Elements that end their worker, among others. */
export const exits = dag("exits", {
  nodes: {
    give: node({ input: { all: list(Num) }, output: list(Num), run: ({ all }) => [...all] }),
    each: map(
      node({
        input: { n: Num },
        output: Num,
        run: ({ n }) => {
          if (n < 0) process.exit(1);
          return n;
        },
      }),
      { onError: "collect" },
    ),
  },
  edges: [["give", "each"]],
});

/** Every element is moved into a worker, unless it holds what another one holds too. */
const Piece = type<Uint8Array>("Piece");
const measure = node({ input: { piece: Piece }, output: Num, run: ({ piece }) => piece.reduce((a, b) => a + b, 0) });
export const keptPieces: Uint8Array[] = [];
const pieces = node({
  input: { how: Text },
  output: list(Piece),
  inline: true,
  transfer: true,
  run: ({ how }) => {
    const all: Uint8Array[] = [1, 2, 3].map((n) => new Uint8Array(4).fill(n));
    if (how === "one twice") all.push(new Uint8Array(all[0]?.buffer as ArrayBuffer));
    keptPieces.splice(0, keptPieces.length, ...all);
    return all;
  },
});
export const inPieces = dag("inPieces", { nodes: { pieces, each: map(measure) }, edges: [["pieces", "each"]] });
export const inPiecesTwice = dag("inPiecesTwice", {
  nodes: { pieces, each: map(measure), again: map(measure) },
  edges: [
    ["pieces", "each"],
    ["pieces", "again"],
  ],
});
