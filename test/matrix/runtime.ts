// What a runtime must bring to be in the matrix: a new one is a small file, and a line in main.ts.

import type { Outcome } from "./inside/run-case.js";

/** A runtime of JavaScript on this machine. */
export interface Runtime {
  readonly name: string;
  /** Starts it with a program from `inside/`. */
  open(): Promise<Session>;
}

/** A runtime that was started. */
export interface Session {
  readonly version: string;
  /** The stores it has. */
  readonly stores: readonly string[];
  readonly cases: readonly string[];
  /** Runs one case; rejects if the runtime itself failed. */
  run(store: string, name: string): Promise<Outcome>;
  close(): Promise<void>;
}
