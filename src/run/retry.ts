// When a failed attempt is tried again.

import type { Retry } from "../definition/node.js";
import { hashText } from "../hash-text.js";

/**
 * Milliseconds to wait after try number `tries` failed, or nothing if that was the last. The jitter is drawn from
 * `seed`, so that it differs between runs and nodes and yet can be reproduced.
 */
export function retryDelay(retry: Retry | undefined, tries: number, error: Error, seed: string): number | undefined {
  if (!retry || tries >= retry.attempts) return undefined;
  if (retry.when && !retry.when(error, tries)) return undefined;
  const { delayMs = 0, factor = 2, maxDelayMs = 30_000, jitter = 0 } = retry;
  const delay = delayMs === 0 ? 0 : Math.min(delayMs * factor ** (tries - 1), maxDelayMs);
  return Math.round(delay * (1 - jitter * fraction(`${seed} ${tries}`)));
}

/** A number from 0 to 1 drawn from a text. */
function fraction(text: string): number {
  return hashText(text) / 2 ** 32;
}
