// The recorded executions of a run as a tree: which composite and which of its elements each belongs to.

import { whereabouts } from "../definition/path.js";

/** Finds the executions inside composites. Built in one walk over the recorded paths. */
export class RunTree {
  readonly #elements = new Map<string, Map<string, string[]>>();

  constructor(paths: Iterable<string>) {
    for (const path of paths) {
      const place = whereabouts(path);
      if (!place) continue;
      const elements = this.#elements.get(place.composite) ?? new Map<string, string[]>();
      this.#elements.set(place.composite, elements);
      const inside = elements.get(place.element);
      if (inside) inside.push(path);
      else elements.set(place.element, [path]);
    }
  }

  /** The elements of a composite with the executions directly in them, in the order of their first start. */
  elements(composite: string): ReadonlyMap<string, readonly string[]> {
    return this.#elements.get(composite) ?? NONE;
  }

  /** All executions inside a composite, at any depth. */
  *inside(composite: string): Iterable<string> {
    for (const paths of this.elements(composite).values()) {
      for (const path of paths) {
        yield path;
        yield* this.inside(path);
      }
    }
  }
}

const NONE: ReadonlyMap<string, readonly string[]> = new Map();
