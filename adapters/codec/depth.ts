// How deep a value is nested, counted while devalue makes it: never less than it is.

import { defaultParseOperations, type parse } from "devalue";

/** Options for one call of `parse`, after which `deepest` is known. */
export class Depth implements NonNullable<Parameters<typeof parse>[2]> {
  readonly operations = {
    createArray: (length: number) => this.#enter(new Array<unknown>(length)),
    createSparseArray: (length: number) => this.#enter(defaultParseOperations.createSparseArray(length)),
    createObject: () => this.#enter({}),
    createNullPrototypeObject: () => this.#enter(Object.create(null) as object),
    createMap: () => this.#enter(new Map<unknown, unknown>()),
    createSet: () => this.#enter(new Set<unknown>()),
    set: (target: Record<PropertyKey, unknown>, key: PropertyKey, value: unknown) => {
      if (typeof value === "object") this.#backTo(target);
      target[key] = value;
    },
    addValue: (target: Set<unknown>, value: unknown) => {
      this.#backTo(target);
      target.add(value);
    },
    addEntry: (target: Map<unknown, unknown>, key: unknown, value: unknown) => {
      this.#backTo(target);
      target.set(key, value);
    },
  };
  deepest = 0;
  /** What is being filled. A key of a Map stays until its value is there too. */
  readonly #open: unknown[] = [];

  #enter<T>(container: T): T {
    const levels = this.#open.push(container);
    if (levels > this.deepest) this.deepest = levels;
    return container;
  }

  #backTo(container: unknown): void {
    const open = this.#open;
    while (open[open.length - 1] !== container) open.pop();
  }
}
