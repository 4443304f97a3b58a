// Several at work on one namespace of KV, one operation at a time: whose turn it is is drawn, so that every order of
// operations comes up, and a seed repeats it.

import type { KvNamespace } from "heddle/adapters/cloudflare-kv";

/** Deals out turns. */
export class Turns {
  readonly #below: (count: number) => number;
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(below: (count: number) => number) {
    this.#below = below;
  }

  /** A namespace in which each operation waits for its turn; after so many of them none succeeds. Who uses it does one at a time. */
  of(kv: KvNamespace, operations = Number.POSITIVE_INFINITY): KvNamespace {
    let left = operations;
    const turn = async () => {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.#next();
      });
      if (left-- <= 0) throw new Error("Too many API requests by single worker invocation.");
    };
    return {
      getWithMetadata: (key, type) => turn().then(() => kv.getWithMetadata(key, type)),
      put: (key, value, options) => turn().then(() => kv.put(key, value, options)),
      list: (options) => turn().then(() => kv.list(options)),
      delete: (key) => turn().then(() => kv.delete(key)),
    };
  }

  /** Lets them all work until they are done. */
  async run(all: readonly (() => Promise<void>)[]): Promise<void> {
    this.#active = all.length;
    const done = async (work: () => Promise<void>) => {
      try {
        await work();
      } finally {
        this.#active--;
        this.#next();
      }
    };
    await Promise.all(all.map(done));
  }

  /** Once all wait, one goes on. */
  #next(): void {
    if (this.#waiting.length < this.#active) return;
    this.#waiting.splice(this.#below(this.#waiting.length), 1)[0]?.();
  }
}
