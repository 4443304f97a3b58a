// Long computations share the one thread with the rest of the process: Ctrl-C, the writing of records, the display.

import { setImmediate, setTimeout } from "node:timers/promises";
import type { BaseContext, Executor } from "heddle";

/**
 * To be awaited between two steps of a long computation, `done` of `total`: says how far it is, and now and then gives
 * the event loop its turn. Rejects when the computation is to stop.
 */
export type Pace = (done: number, total: number) => Promise<void>;

/** Short enough that nobody notices, long enough that the turns cost nothing. */
const SLICE_MS = 20;

/** The pace of one execution of a node. */
export function paceOf({ signal, progress }: Pick<BaseContext, "signal" | "progress">): Pace {
  let sliceStart = performance.now();
  return async (done, total) => {
    if (performance.now() - sliceStart < SLICE_MS && done < total) return;
    progress(done, total);
    await setImmediate(undefined, { signal });
    sliceStart = performance.now();
  };
}

/** Runs functions where they are, and rests after each: time to stop a run at a place of one's choice. */
export function restingExecutor(restMs: number): Executor {
  return {
    name: "inline",
    async execute({ node, input, context }) {
      const output = await node.run(input, context);
      await setTimeout(restMs, undefined, { signal: context.signal });
      return output;
    },
  };
}
