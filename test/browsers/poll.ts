// Waits for what no event tells of: the state of other processes.

import { setTimeout as sleep } from "node:timers/promises";

const LONGEST_PAUSE_MS = 50;

/** Asks until there is an answer other than undefined, ever less often. Rejects after `timeoutMs`. */
export async function poll<T>(
  what: string,
  timeoutMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`Waited ${timeoutMs} ms for ${what}.`);
    await sleep(pauseMs);
  }
}
