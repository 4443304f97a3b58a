// Lets the event loop have its turns: pauses, timers and the store must not wait for all ready nodes of a run.

/** How long nodes may start one after the other in one turn of the event loop. */
const SLICE_MS = 10;

/** Tells when a run has held the event loop long enough, and calls back when the loop has turned. */
export class LoopSlice {
  readonly #onTurn: () => void;
  #endsAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onTurn: () => void) {
    this.#onTurn = onTurn;
  }

  /** True if nothing more should start in this turn. The call-back is then sure to come. */
  isOver(): boolean {
    // Real time, not the injected clock: that may stand still or jump, the event loop does not.
    const now = performance.now();
    if (this.#endsAt === undefined) {
      this.#endsAt = now + SLICE_MS;
      this.#timer = setTimeout(() => {
        this.#endsAt = undefined;
        this.#onTurn();
      }, 0);
    }
    return now >= this.#endsAt;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
