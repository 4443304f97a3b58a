// The wishes of the outside about one run. It exists before the run does, so that a pause right after `run()` counts.

import { print } from "../errors.js";

/** What the outside wants of a run. A wish for `cancelled` overrides one for `paused`, never the reverse. */
export interface Wish {
  readonly status: "paused" | "cancelled";
  readonly reason: string | undefined;
  /** What an `AbortSignal` was aborted with. */
  readonly cause?: unknown;
}

/** Carries `pause` and `cancel` from the handle of a run to its execution. */
export class Control {
  #wish: Wish | undefined;
  #listener: (() => void) | undefined;

  get wish(): Wish | undefined {
    return this.#wish;
  }

  pause(reason?: string): void {
    if (!this.#wish) this.#set({ status: "paused", reason });
  }

  cancel(reason?: string, cause?: unknown): void {
    if (this.#wish?.status !== "cancelled") this.#set({ status: "cancelled", reason, cause });
  }

  /** Calls back at every new wish. */
  listen(listener: () => void): void {
    this.#listener = listener;
  }

  /** Cancels when the signal aborts; the returned function stops listening. */
  follow(signal: AbortSignal | undefined): () => void {
    if (!signal) return () => {};
    const abort = () => this.cancel(print(signal.reason), signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    return () => signal.removeEventListener("abort", abort);
  }

  #set(wish: Wish): void {
    this.#wish = wish;
    this.#listener?.();
  }
}
