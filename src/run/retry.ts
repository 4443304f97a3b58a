// When a failed attempt is tried again, and which nodes wait for that.

import type { Retry } from "../definition/node.js";
import { HeddleError, toError } from "../errors.js";
import { hashText } from "../hash-text.js";
import type { Clock } from "../ports.js";

/** Counts the tries of the nodes of one run, and holds those that wait for their next one. */
export class Retries<S> {
  readonly #runId: string;
  readonly #clock: Clock;
  readonly #before: (path: string) => number;
  readonly #tries = new Map<string, number>();
  readonly #waiting = new Set<{ readonly scope: S; readonly stop: () => void }>();

  /** `before` tells how many tries of a path were made in earlier executions. */
  constructor(runId: string, clock: Clock, before: (path: string) => number) {
    this.#runId = runId;
    this.#clock = clock;
    this.#before = before;
  }

  get areWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Counts a failed try. Returns the milliseconds until the next, or nothing if this was the last.
   *
   * @throws HeddleError `NODE_THREW` if the node's `when` throws.
   */
  count(path: string, retry: Retry | undefined, error: Error): number | undefined {
    if (!retry) return undefined;
    const tries = this.#made(path) + 1;
    this.#tries.set(path, tries);
    try {
      return retryDelay(retry, tries, error, `${this.#runId}/${path}`);
    } catch (broken) {
      throw brokenWhen(path, error, toError(broken));
    }
  }

  /** True if no try comes after the one that is made now. */
  isLast(path: string, retry: Retry | undefined): boolean {
    return !retry || this.#made(path) + 1 >= retry.attempts;
  }

  /** Calls back when it is time for the next try of something in `scope`. */
  wait(scope: S, delayMs: number, again: () => void): void {
    const waiting = {
      scope,
      stop: this.#clock.after(delayMs, () => {
        this.#waiting.delete(waiting);
        again();
      }),
    };
    this.#waiting.add(waiting);
  }

  #made(path: string): number {
    return this.#tries.get(path) ?? this.#before(path);
  }

  /** Calls all off that wait, or those in the scopes that `test` accepts. */
  stop(test: (scope: S) => boolean = () => true): void {
    for (const waiting of this.#waiting) {
      if (!test(waiting.scope)) continue;
      waiting.stop();
      this.#waiting.delete(waiting);
    }
  }
}

/** The jitter is drawn from `seed`, so that it differs between runs and nodes and yet can be reproduced. */
function retryDelay(retry: Retry, tries: number, error: Error, seed: string): number | undefined {
  if (tries >= retry.attempts) return undefined;
  if (retry.when && !retry.when(error, tries)) return undefined;
  const { delayMs = 0, factor = 2, maxDelayMs = 30_000, jitter = 0 } = retry;
  const delay = delayMs === 0 ? 0 : Math.min(delayMs * factor ** (tries - 1), maxDelayMs);
  // What is not finite could not be recorded.
  return Math.min(Math.round(delay * (1 - jitter * fraction(`${seed} ${tries}`))) || 0, Number.MAX_SAFE_INTEGER);
}

/** A number from 0 to 1 drawn from a text. */
function fraction(text: string): number {
  return hashText(text) / 2 ** 32;
}

function brokenWhen(path: string, error: Error, broken: Error): HeddleError {
  const cause = new AggregateError([error, broken]);
  const asked = `when asked about the error "${error.message}"`;
  return new HeddleError("NODE_THREW", `\`retry.when\` of node "${path}" threw "${broken.message}" ${asked}.`, {
    cause,
  });
}
