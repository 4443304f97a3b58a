// What every store must do, as a list of cases without a test framework.

import { atomicBatches } from "./atomic-batches.js";
import { closing } from "./closing.js";
import { composites } from "./composites.js";
import { concurrency } from "./concurrency.js";
import type { ConformanceCase } from "./conformance-case.js";
import { crashes } from "./crashes.js";
import { deduplication } from "./deduplication.js";
import { durabilities } from "./durabilities.js";
import { effects } from "./effects.js";
import { fencedRunners } from "./fenced-runners.js";
import { fencing } from "./fencing.js";
import { isolation } from "./isolation.js";
import { journalOrder } from "./journal-order.js";
import { leases } from "./leases.js";
import { listing } from "./listing.js";
import { names } from "./names.js";
import { namesAndSizesOfRuns } from "./names-and-sizes-of-runs.js";
import { paging } from "./paging.js";
import { pauses } from "./pauses.js";
import { pruning } from "./pruning.js";
import { readingWhileWriting } from "./reading-while-writing.js";
import { removal } from "./removal.js";
import { repeatedAppends } from "./repeated-appends.js";
import { restartsAndReplays } from "./restarts-and-replays.js";
import { retention } from "./retention.js";
import { sizes } from "./sizes.js";
import { valueFidelity } from "./value-fidelity.js";
import { wholeRuns } from "./whole-runs.js";

export type { ConformanceCase, CreateStore } from "./conformance-case.js";
export {
  type ExecutorCase,
  type ExecutorScene,
  executorCases,
  executorContext,
  executorDags,
} from "./executor-cases.js";

/**
 * All cases. Each gets a function that opens stores over new places; close what it opened when the case has ended, and
 * remove what is stored. What a store says of itself in `capabilities` is taken at its word, and then held to: no case is
 * skipped. Time is given to the cases by hand, so `appendIntervalMs` is not waited for.
 *
 * @example
 * ```ts
 * import { conformanceCases } from "heddle/conformance";
 * import { onTestFinished, test } from "vitest";
 * import { myStore } from "./my-store.js";
 *
 * test.each(conformanceCases)("$name", async ({ run }) => {
 *   const database = crypto.randomUUID();
 *   await run((place = "main") => {
 *     const store = myStore(`${database} ${place}`);
 *     onTestFinished(() => store.close());
 *     return store;
 *   });
 * });
 * ```
 */
export const conformanceCases: readonly ConformanceCase[] = [
  journalOrder,
  atomicBatches,
  repeatedAppends,
  fencing,
  leases,
  concurrency,
  readingWhileWriting,
  paging,
  listing,
  removal,
  sizes,
  pruning,
  names,
  isolation,
  deduplication,
  closing,
  valueFidelity,
  wholeRuns,
  pauses,
  crashes,
  fencedRunners,
  composites,
  restartsAndReplays,
  effects,
  durabilities,
  retention,
  namesAndSizesOfRuns,
].flat();
