// A barrier for what takes an unknown number of turns of the event loop, such as hashing in the thread pool.

const MOST_TURNS = 1_000_000;

/** Resolves as soon as `condition` holds; rejects if it does not come true. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn === MOST_TURNS) throw new Error(`This did not come true: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
