// The functions that all pools run.

/** So many steps take some milliseconds. */
const STEPS = 2_500_000;

export const TASKS = {
  add: (x: number): number => x + 1,

  /** Keeps its thread busy for so many milliseconds. */
  spin(ms: number): number {
    for (const until = performance.now() + ms; performance.now() < until; );
    return ms;
  },

  echo: (buffer: ArrayBuffer): ArrayBuffer => buffer,

  /** Computes for some milliseconds. */
  mix(seed: number): number {
    let mixed = seed | 0;
    for (let step = 0; step < STEPS; step++) mixed = (Math.imul(mixed, 1_664_525) + 1_013_904_223) | 0;
    return mixed;
  },
};

export type TaskName = keyof typeof TASKS;
