// Which values runs refer to, so that what somebody needs is not removed with the rest.

import type { Used } from "./value-files.js";

/** The references of some runs, by the names of their folders. It has every hash if one of the runs is unreadable. */
export class References implements Used {
  readonly #runs = new Map<string, ReadonlySet<string>>();
  readonly #counts = new Map<string, number>();
  #isComplete = true;

  /** Says what a run refers to from now on. */
  set(name: string, hashes: Iterable<string>): void {
    for (const hash of this.of(name)) this.#count(hash, -1);
    const all = new Set(hashes);
    this.#runs.set(name, all);
    for (const hash of all) this.#count(hash, 1);
  }

  /** What a run refers to. */
  of(name: string): ReadonlySet<string> {
    return this.#runs.get(name) ?? new Set();
  }

  /** Says that there are references that nobody knows. */
  giveUp(): void {
    this.#isComplete = false;
  }

  has(hash: string): boolean {
    return !this.#isComplete || (this.#counts.get(hash) ?? 0) > 0;
  }

  #count(hash: string, by: number): void {
    this.#counts.set(hash, (this.#counts.get(hash) ?? 0) + by);
  }
}
