// Long computations share the one thread with the rest of the process: Ctrl-C, the writing of records, the display.

import { setImmediate } from "node:timers/promises";
import type { BaseContext } from "heddle";

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
