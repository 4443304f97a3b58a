// A run whose last node fails, and its restart: everything stored before must be found, and that node alone executed.

import { type Dag, DagProvenance, DagRunner, type Durability, dag, type Store } from "heddle";
import { makeNode, write } from "./contestants/heddle.js";
import { makeGraph, type Shape } from "./graph.js";

/** One such dag. */
export interface Restarting {
  /** Runs it until its last node fails; the id of the run. */
  fail(store: Store): Promise<string>;
  /** Restarts that run and returns the milliseconds. */
  restart(store: Store, runId: string): Promise<number>;
}

/** What nodes wait for, and how the run is recorded. */
export interface RestartingOptions {
  /** The last node awaits it when it does not fail. */
  readonly atLast?: () => unknown;
  /** All others await it. */
  readonly atOthers?: () => unknown;
  readonly durability?: Durability;
}

/** Declares it with so many nodes before the last. */
export function restarting(shape: Shape, stored: number, options: RestartingOptions = {}): Restarting {
  const { atLast, atOthers, ...recorded } = options;
  const graph = makeGraph(shape, stored + 1);
  const last = graph.labels[stored] as string;
  let executed = 0;
  let isBroken = true;
  let othersEnd = () => {};
  let others = Promise.resolve();
  const count = async () => {
    const isLast = ++executed === stored;
    await atOthers?.();
    // Those that end together do so in this turn of the loop.
    if (isLast) setTimeout(othersEnd);
  };
  const failOrLook = async () => {
    if (isBroken) {
      // Others beside it would be cancelled, and be executed by the restart.
      await others;
      throw new Error("It fails the first time.");
    }
    executed++;
    return atLast?.();
  };
  const declared: Dag = dag(
    "restart",
    write(graph, (upstreams, i) => makeNode(upstreams, i === stored ? failOrLook : count)),
  ) as unknown as Dag;
  return {
    async fail(store) {
      isBroken = true;
      executed = 0;
      others = new Promise((resolve) => {
        othersEnd = resolve;
      });
      const { runId, status } = await new DagRunner(declared, { provenance: new DagProvenance(store, recorded) }).run();
      if (status !== "failed") throw new Error(`The run that should fail is ${status}.`);
      return runId;
    },
    async restart(store, runId) {
      isBroken = false;
      executed = 0;
      const runner = new DagRunner(declared, { provenance: new DagProvenance(store, recorded) });
      const started = performance.now();
      const result = await runner.restart(runId);
      const ms = performance.now() - started;
      if (result.outputs[last] !== graph.expected.at(-1)) throw new Error(`The restart gave ${result.outputs[last]}.`);
      if (executed !== 1) throw new Error(`The restart executed ${executed} nodes instead of one.`);
      return ms;
    },
  };
}

/** Events are read in pages: calls `look` before each page, at most some 10 times in all, and waits for it. */
export function lookWhenReading(store: Store, stored: number, look: () => unknown): void {
  const read = store.read.bind(store);
  const pagesALook = 1 + Math.floor(stored / 25_000);
  let pages = 0;
  store.read = async (...page) => {
    if (++pages % pagesALook === 0) await look();
    return read(...page);
  };
}
