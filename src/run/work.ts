// Where the next thing to start is found: frames with ready steps, and composites with elements to begin, in turns.

/** Something that may have more to start. */
export interface Work {
  readonly hasWork: boolean;
  /** Kept by the queue. */
  isQueued: boolean;
  nextWork: Work | undefined;
}

/** All work of a run: each gets its turn. A chain through the items themselves, since this is on the path of every node. */
export class WorkQueue<W extends Work> {
  #first: W | undefined;
  #last: W | undefined;

  /** Puts work at the end, if it has any and does not wait already. */
  push(work: W): void {
    if (work.isQueued || !work.hasWork) return;
    work.isQueued = true;
    if (this.#last) this.#last.nextWork = work;
    else this.#first = work;
    this.#last = work;
  }

  /** True if something can be started. */
  get hasWork(): boolean {
    for (let first = this.#first; first; first = this.#first) {
      if (first.hasWork) return true;
      this.#drop(first);
    }
    return false;
  }

  /** The work whose turn it is. Call only while {@link hasWork}. */
  take(): W {
    const work = this.#first as W;
    if (work.nextWork) {
      this.#drop(work);
      this.push(work);
    }
    return work;
  }

  #drop(first: W): void {
    this.#first = first.nextWork as W | undefined;
    if (!this.#first) this.#last = undefined;
    first.nextWork = undefined;
    first.isQueued = false;
  }
}
