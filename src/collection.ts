// What a map works on, and what it gives: lists, plain objects and Maps, element by element.

import { type ElementName, elementNameOf, elementText } from "./definition/path.js";
import type { Composed } from "./events.js";

/** A collection taken apart. Keys stand for a plain object and a Map only. */
export interface Elements {
  readonly kind: "list" | "record" | "map";
  readonly keys: readonly unknown[] | undefined;
  readonly values: readonly unknown[];
}

/** Takes a collection apart; nothing if the value is none. */
export function elementsOf(value: unknown): Elements | undefined {
  if (Array.isArray(value)) return { kind: "list", keys: undefined, values: value };
  if (value instanceof Map) return { kind: "map", keys: [...value.keys()], values: [...value.values()] };
  if (typeof value !== "object" || value === null) return undefined;
  const prototype = Object.getPrototypeOf(value);
  // The second test accepts plain objects of another realm.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain ? { kind: "record", keys: Object.keys(value), values: Object.values(value) } : undefined;
}

/** How the element at a position is called in paths. */
export function nameAt(keys: readonly unknown[] | undefined, position: number): ElementName {
  return keys ? elementNameOf(keys[position], position) : { index: position };
}

/** The element of a collection that is called so in paths. */
export function elementAt(collection: unknown, text: string): unknown {
  const { keys, values } = elementsOf(collection) ?? { keys: undefined, values: [] };
  const position = values.findIndex((_, i) => elementText(nameAt(keys, i)) === text);
  return values[position];
}

/** Puts the outputs of a composite's children together. */
export function assemble(
  kind: Composed["kind"],
  keys: readonly unknown[] | undefined,
  outputs: readonly unknown[],
): unknown {
  switch (kind) {
    case "one":
      return outputs[0];
    case "list":
      return outputs;
    case "joined":
      return (outputs as readonly (readonly unknown[])[]).flat(1);
    case "map":
      return new Map(outputs.map((output, i) => [keys?.[i], output]));
    case "record":
      return Object.fromEntries(outputs.map((output, i) => [keys?.[i] as string, output]));
  }
}
