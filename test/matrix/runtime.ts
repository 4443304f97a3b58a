// What a runtime must bring to be in the matrix: a new one is a small file, and a line in main.ts.

import type { Outcome, Subject } from "./inside/run-case.js";

/** A runtime of JavaScript on this machine. */
export interface Runtime {
  readonly name: string;
  /** Starts it with a program from `inside/`. */
  open(): Promise<Session>;
}

/** A runtime that was started. */
export interface Session {
  readonly version: string;
  /** The stores and executors it has. */
  readonly subjects: readonly Subject[];
  /** Runs one case; rejects if the runtime itself failed. */
  run(subject: string, name: string): Promise<Outcome>;
  close(): Promise<void>;
}
