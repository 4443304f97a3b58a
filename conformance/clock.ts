// Time that stands still until a case moves it, and the two ways to wait that need no time.

import type { Clock } from "../src/index.js";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that is moved by hand. */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now = 1_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves time on, and calls what becomes due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#firstUntil(end); due; due = this.#firstUntil(end)) {
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = end;
  }

  #firstUntil(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}

/** A promise that somebody else fulfils: something has begun, or may go on. */
export interface Signal<T = void> {
  readonly given: Promise<T>;
  give(value: T): void;
}

/** Makes a {@link Signal}. */
export function signal<T = void>(): Signal<T> {
  let give!: (value: T) => void;
  const given = new Promise<T>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
