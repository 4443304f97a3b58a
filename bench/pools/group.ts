// What is measured side by side, the same in Node and in a page.

import type { Effort } from "../measure.js";

/** One thing that is measured beside others. */
export interface Work {
  readonly name: string;
  /** Does it, checks what came of it, and returns a number for each column. */
  sample(): Promise<readonly number[]>;
}

/** Works that come into one table. */
export interface Group {
  readonly title: string;
  readonly columns: readonly string[];
  /** With whose first column that of all is compared. */
  readonly bases: readonly string[];
  readonly notes: readonly string[];
  readonly effort: Effort;
  readonly works: readonly Work[];
}

/** A group, as a page can tell of it. */
export type Described = Omit<Group, "works"> & { readonly names: readonly string[] };

export function described({ works, ...rest }: Group): Described {
  return { ...rest, names: works.map(({ name }) => name) };
}

/** How much there is to do. */
export interface Sizes {
  /** Trivial tasks at once. */
  readonly tasks: number;
  /** Trivial tasks one after the other. */
  readonly trips: number;
  /** Tasks that take some milliseconds. */
  readonly long: number;
  readonly longMs: number;
  readonly bytes: number;
  /** Elements that are computed. */
  readonly elements: number;
  /** Nodes in a chain. */
  readonly chain: number;
  /** Tasks of 1 ms while somebody looks how long the thread is blocked. */
  readonly blocking: number;
  /** How often is measured for once that is said here. */
  readonly times: number;
}

export const SIZES: Sizes = {
  tasks: 10_000,
  trips: 500,
  long: 64,
  longMs: 20,
  bytes: 1 << 24,
  elements: 64,
  chain: 1_000,
  blocking: 1_000,
  times: 1,
};

export const SMALL: Sizes = {
  tasks: 200,
  trips: 10,
  long: 4,
  longMs: 5,
  bytes: 1 << 16,
  elements: 4,
  chain: 50,
  blocking: 20,
  times: 0,
};

/** Rounds, or one where it only has to work. */
export function effort({ times }: Sizes, warmUps: number, rounds: number): Effort {
  return { warmUps: warmUps * times, rounds: Math.max(1, rounds * times) };
}

/** A work with one column: its time in milliseconds, multiplied. */
export function timed<R>(name: string, scale: number, work: () => Promise<R>, check: (result: R) => boolean): Work {
  return {
    name,
    async sample() {
      const started = performance.now();
      const result = await work();
      const ms = performance.now() - started;
      if (!check(result)) throw new Error(`${name} gave wrong results.`);
      return [ms * scale];
    },
  };
}
