// How much memory is alive: bytes that are still there after everything unreachable was collected.

import { collect } from "./measure.js";

/** What one collection finalizes, the next one frees. */
export function liveBytes(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Remembers the highest number of live bytes it has seen. Looking costs a full collection. */
export class Peak {
  bytes = 0;

  look(): void {
    this.bytes = Math.max(this.bytes, liveBytes());
  }
}
