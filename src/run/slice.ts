// Lets the event loop have its turns: pauses, timers and the store must not wait for all ready nodes of a run.

/** How long nodes may start one after the other in one turn of the event loop. */
const SLICE_MS = 10;
/** Where nodes start this fast, or faster, the time is looked at only now and then: looking costs as much as starting. */
const FAST_MS = 0.05;
const MOST_UNSEEN = 4;

/** Tells when a run has held the event loop long enough, and calls back when the loop has turned. */
export class LoopSlice {
  readonly #onTurn: () => void;
  #endsAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #seenAt = 0;
  /** Starts since the time was looked at, and how many may go by unseen. */
  #starts = 0;
  #unseen = 0;

  constructor(onTurn: () => void) {
    this.#onTurn = onTurn;
  }

  /** True if nothing more should start in this turn. The call-back is then sure to come. */
  isOver(): boolean {
    if (this.#endsAt !== undefined && this.#starts++ < this.#unseen) return false;
    // Real time, not the injected clock: that may stand still or jump, the event loop does not.
    const now = performance.now();
    this.#endsAt ??= this.#begin(now);
    const isOver = now >= this.#endsAt;
    this.#unseen = !isOver && now - this.#seenAt < FAST_MS * this.#starts ? MOST_UNSEEN : 0;
    this.#seenAt = now;
    this.#starts = 0;
    return isOver;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Returns when the slice ends. */
  #begin(now: number): number {
    this.#starts = 0;
    this.#timer = setTimeout(() => {
      this.#endsAt = undefined;
      this.#onTurn();
    }, 0);
    return now + SLICE_MS;
  }
}
