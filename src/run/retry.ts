// When a failed attempt is tried again, and which nodes wait for that.

import type { Retry } from "../definition/node.js";
import type { Step } from "../definition/plan.js";
import { HeddleError, toError } from "../errors.js";
import { hashText } from "../hash-text.js";
import type { Clock } from "../ports.js";

/** Counts the tries of the nodes of one run, and holds those that wait for their next one. */
export class Retries {
  readonly #runId: string;
  readonly #clock: Clock;
  readonly #tries: Map<number, number>;
  /** By step number, the functions that call their timers off. */
  readonly #waiting = new Map<number, () => void>();

  /** `tries` are those made before, by step number. */
  constructor(runId: string, clock: Clock, tries: ReadonlyMap<number, number> | undefined) {
    this.#runId = runId;
    this.#clock = clock;
    this.#tries = new Map(tries);
  }

  get areWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Counts a failed try. Returns the milliseconds until the next, or nothing if this was the last.
   *
   * @throws HeddleError `NODE_THREW` if the node's `when` throws.
   */
  count({ index, node, path, label }: Step, error: Error): number | undefined {
    const tries = (this.#tries.get(index) ?? 0) + 1;
    this.#tries.set(index, tries);
    try {
      return retryDelay(node.retry, tries, error, `${this.#runId}/${path}`);
    } catch (broken) {
      throw brokenWhen(label, error, toError(broken));
    }
  }

  /** Calls back when it is time for the next try of a step. */
  wait(index: number, delayMs: number, again: () => void): void {
    const stop = this.#clock.after(delayMs, () => {
      this.#waiting.delete(index);
      again();
    });
    this.#waiting.set(index, stop);
  }

  /** Calls all off that wait. */
  stop(): void {
    for (const stop of this.#waiting.values()) stop();
    this.#waiting.clear();
  }
}

/** The jitter is drawn from `seed`, so that it differs between runs and nodes and yet can be reproduced. */
function retryDelay(retry: Retry | undefined, tries: number, error: Error, seed: string): number | undefined {
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

function brokenWhen(label: string, error: Error, broken: Error): HeddleError {
  const cause = new AggregateError([error, broken]);
  const asked = `when asked about the error "${error.message}"`;
  return new HeddleError("NODE_THREW", `\`retry.when\` of node "${label}" threw "${broken.message}" ${asked}.`, {
    cause,
  });
}
