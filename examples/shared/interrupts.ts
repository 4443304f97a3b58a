// Ctrl-C and SIGTERM as wishes about a run, instead of the end of the process. Nothing is lost if it comes to the latter.

import { constants } from "node:os";

/**
 * One press of Ctrl-C may arrive more than once, since the terminal sends it to npm too, and npm passes it on. What
 * arrives within this time is the same press.
 */
const SAME_PRESS_MS = 300;

type Signal = "SIGINT" | "SIGTERM";

/** What an interruption asks for, and with which signal. */
export interface Stoppable {
  pause(signal: Signal): void;
  cancel(signal: Signal): void;
}

/** The first signal pauses, the next Ctrl-C cancels, and one more ends the process, whatever keeps it. */
export class Interrupts {
  readonly #asked: Stoppable;
  readonly #listener = (signal: Signal) => this.#interrupt(signal);
  #first: Signal | undefined;
  #isSamePress = false;
  /** True if there is nothing left to ask for. */
  #isLast = false;

  constructor(asked: Stoppable) {
    this.#asked = asked;
    process.on("SIGINT", this.#listener).on("SIGTERM", this.#listener);
  }

  /** What a shell expects of an interrupted program; undefined if there was no interruption. */
  get exitCode(): number | undefined {
    return this.#first && 128 + constants.signals[this.#first];
  }

  /** Asks for nothing more. What is left of the last press must not end the process before it has said how to go on. */
  stop(): void {
    this.#isLast = true;
    if (!this.#first) process.off("SIGINT", this.#listener).off("SIGTERM", this.#listener);
  }

  #interrupt(signal: Signal): void {
    const isAgain = this.#isSamePress || (this.#first !== undefined && signal === "SIGTERM");
    if (isAgain) return;
    this.#isSamePress = true;
    // A busy node keeps signals waiting: those that are here when the time is over are read before the flag falls.
    const fall = () => setImmediate(() => (this.#isSamePress = false));
    setTimeout(fall, SAME_PRESS_MS).unref();
    if (this.#isLast) process.exit(this.exitCode);
    this.#isLast = this.#first !== undefined;
    this.#first ??= signal;
    if (this.#isLast) this.#asked.cancel(signal);
    else this.#asked.pause(signal);
  }
}
