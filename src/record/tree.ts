// The recorded executions of a run as a tree: which composite and which of its elements each belongs to.

import { whereabouts } from "../definition/path.js";

/** The elements of one composite, and the executions directly in each. */
interface Elements {
  readonly byPath: Map<string, string[]>;
  /** The position of the element that was added last. */
  last: number;
  isSorted: boolean;
}

/** Finds the executions inside composites. Built in one walk over the recorded paths. */
export class RunTree {
  readonly #composites = new Map<string, Elements>();
  readonly #ranks: ReadonlyMap<string, number>;

  /** `ranks` are the positions of elements that have keys, by path. */
  constructor(paths: Iterable<string>, ranks: ReadonlyMap<string, number> = new Map()) {
    this.#ranks = ranks;
    for (const path of paths) {
      const place = whereabouts(path);
      if (!place) continue;
      const elements = this.#composites.get(place.composite) ?? { byPath: new Map(), last: 0, isSorted: true };
      this.#composites.set(place.composite, elements);
      const inside = elements.byPath.get(place.element);
      if (inside) inside.push(path);
      else this.#add(elements, place.element, path);
    }
  }

  /** The elements of a composite by position, with the executions directly in them. */
  elements(composite: string): ReadonlyMap<string, readonly string[]> {
    const elements = this.#composites.get(composite);
    if (!elements) return NONE;
    if (elements.isSorted) return elements.byPath;
    const entries = [...elements.byPath].sort(([a], [b]) => this.#position(a) - this.#position(b));
    const byPath = new Map(entries);
    this.#composites.set(composite, { byPath, last: 0, isSorted: true });
    return byPath;
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

  /** Elements begin in their order; but in a replay those that are reused come before those that are executed. */
  #add(elements: Elements, element: string, path: string): void {
    const position = this.#position(element);
    if (position < elements.last) elements.isSorted = false;
    elements.last = position;
    elements.byPath.set(element, [path]);
  }

  /** Keys of unknown rank keep the order in which they began. */
  #position(element: string): number {
    if (element.endsWith("]")) return Number(element.slice(element.lastIndexOf("[") + 1, -1));
    return this.#ranks.get(element) ?? 0;
  }
}

const NONE: ReadonlyMap<string, readonly string[]> = new Map();
