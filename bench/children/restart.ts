// Reading back: measures the times of some restarts, then the live heap during one more.

import { given, report } from "../child.js";
import type { Shape } from "../graph.js";
import { liveBytes, Peak } from "../heap.js";
import { lookWhenReading, restarting } from "../restarting.js";
import { type Place, recordsIn } from "../stores.js";

export interface RestartRequest {
  readonly place: Place;
  readonly shape: Shape;
  /** Completions stored when the last node fails. */
  readonly stored: number;
  /** Timed restarts, after so many that are not. */
  readonly rounds: number;
  readonly warmUps: number;
}

/** Milliseconds of each restart; bytes of heap at the highest look, above those right before it. */
export interface RestartResult {
  readonly ms: readonly number[];
  readonly peakBytes: number;
}

const { place, shape, stored, rounds, warmUps } = given<RestartRequest>();
const peak = new Peak();
let isLooking = false;
const failing = restarting(shape, stored, { atLast: () => isLooking && peak.look() });

/** A run that fails and its restart, of which it returns the milliseconds and the bytes of the highest look. */
async function failAndRestart(): Promise<{ ms: number; bytes: number }> {
  const records = await recordsIn(place);
  const runId = await failing.fail(records.open());
  const store = records.open();
  if (isLooking) lookWhenReading(store, stored, () => peak.look());
  const before = isLooking ? liveBytes() : 0;
  const ms = await failing.restart(store, runId);
  await records.remove();
  return { ms, bytes: peak.bytes - before };
}

for (let round = 0; round < warmUps; round++) await failAndRestart();
const ms: number[] = [];
for (let round = 0; round < rounds; round++) ms.push((await failAndRestart()).ms);
isLooking = true;
const { bytes: peakBytes } = await failAndRestart();
report({ result: { ms, peakBytes } satisfies RestartResult });
