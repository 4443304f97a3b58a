// The limit: a scheduler written for this benchmark alone, which counts unfinished upstreams and knows no failures.

import type { Contestant } from "../contestant.js";
import { type Graph, next } from "../graph.js";

type Node = (inputs: readonly number[]) => Promise<number>;

interface Declared {
  readonly graph: Graph;
  readonly nodes: readonly Node[];
}

/** What a record must say of one node. */
interface Entry {
  readonly label: string;
  readonly startedAt: number;
  readonly inputs: readonly number[];
  endedAt: number;
  output: number;
}

class ByHand {
  readonly #declared: Declared;
  readonly #entries: Entry[] | undefined;
  readonly #waiting: Uint32Array;
  readonly #values: number[];
  #left: number;
  #done: () => void = () => {};

  constructor(declared: Declared, entries?: Entry[]) {
    const { upstream, size } = declared.graph;
    this.#declared = declared;
    this.#entries = entries;
    this.#waiting = Uint32Array.from(upstream, ({ length }) => length);
    this.#values = new Array(size);
    this.#left = size;
  }

  async run(): Promise<number[]> {
    const { upstream, sinks } = this.#declared.graph;
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    for (const [i, { length }] of upstream.entries()) if (length === 0) this.#start(i);
    await done;
    return sinks.map((i) => this.#values[i] as number);
  }

  #start(i: number): void {
    const { graph, nodes } = this.#declared;
    const inputs = (graph.upstream[i] as number[]).map((up) => this.#values[up] as number);
    const entry = this.#entries && this.#enter(graph.labels[i] as string, inputs);
    (nodes[i] as Node)(inputs).then((value) => {
      if (entry) {
        entry.endedAt = Date.now();
        entry.output = value;
      }
      this.#complete(i, value);
    });
  }

  #enter(label: string, inputs: readonly number[]): Entry {
    const entry = { label, startedAt: Date.now(), inputs, endedAt: 0, output: 0 };
    this.#entries?.push(entry);
    return entry;
  }

  #complete(i: number, value: number): void {
    this.#values[i] = value;
    const { downstream } = this.#declared.graph;
    for (const down of downstream[i] as number[]) if (--(this.#waiting[down] as number) === 0) this.#start(down);
    if (--this.#left === 0) this.#done();
  }
}

function declare(graph: Graph): Declared {
  return { graph, nodes: graph.labels.map(() => async (inputs: readonly number[]) => next(inputs)) };
}

export const byHand: Contestant = {
  name: "by hand",
  kind: "by hand",
  records: false,
  prepare(graph) {
    const declared = declare(graph);
    return async () => ({ sinks: await new ByHand(declared).run(), recorded: 0 });
  },
};

export const byHandRecorded: Contestant = {
  name: "by hand, recorded",
  kind: "by hand",
  records: true,
  prepare(graph) {
    const declared = declare(graph);
    return async () => {
      const entries: Entry[] = [];
      const sinks = await new ByHand(declared, entries).run();
      return { sinks, recorded: entries.filter(({ endedAt }) => endedAt > 0).length };
    };
  },
};
