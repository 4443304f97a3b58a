// What all pools have in common: two workers that run the functions of tasks.ts.

import type { TaskName } from "./tasks.js";

/** How many workers all of them have. */
export const SIZE = 2;

/** A pool that runs. */
export interface Pool {
  readonly name: string;
  run(task: TaskName, given: unknown): Promise<unknown>;
  /** Runs `echo` on a buffer that is moved there and back, if the pool can do that. */
  move?(buffer: ArrayBuffer): Promise<unknown>;
}

/** A worker, the same in Node and in a browser. */
export interface Wire {
  post(message: unknown, moved?: Transferable[]): void;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the worker posts.
  hear(listener: (message: any) => void): void;
}
