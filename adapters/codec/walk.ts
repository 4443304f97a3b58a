// Walks over a value in the order in which it is written, with a stack of their own: how deep it is, and whether
// something in it holds itself.

import type { Payloads } from "./instances.js";

/**
 * Reading recurses, and needs more stack than writing: what is nested deeper might be written and then not come back.
 * (Measured: Node 20 reads some 2,200 levels.)
 */
export const DEEPEST = 1_000;

/** True if a value is nested more than {@link DEEPEST} levels deep, as it is written. */
export function isTooDeep(root: unknown, payloads: Payloads | undefined): boolean {
  const met = new Set<unknown>();
  const open: { readonly children: readonly unknown[]; next: number }[] = [{ children: [root], next: 0 }];
  for (let top = open[0]; top !== undefined; top = open.at(-1)) {
    if (top.next === top.children.length) {
      open.pop();
      continue;
    }
    const child = top.children[top.next++];
    if (typeof child !== "object" || child === null || met.has(child)) continue;
    met.add(child);
    if (open.push({ children: childrenOf(child, payloads), next: 0 }) > DEEPEST) return true;
  }
  return false;
}

interface Visit {
  readonly node: object;
  readonly children: readonly unknown[];
  next: number;
  readonly number: number;
  /** The lowest number that can be reached again from here. */
  low: number;
}

/**
 * An instance that can be reached from what it is written as, if there is one. (Tarjan's strongly connected components,
 * https://doi.org/10.1137/0201010.)
 */
export function instanceOnCycle(root: unknown, payloads: Payloads): object | undefined {
  const open: Visit[] = [];
  /** Infinity once the component of an object is complete. */
  const numbers = new Map<object, number>();
  const component: object[] = [];
  const enter = (node: object) => {
    const number = numbers.size;
    numbers.set(node, number);
    component.push(node);
    open.push({ node, children: childrenOf(node, payloads), next: 0, number, low: number });
  };
  if (isObject(root)) enter(root);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    if (top.next < top.children.length) {
      const child = top.children[top.next++];
      if (!isObject(child)) continue;
      const number = numbers.get(child);
      if (number === undefined) enter(child);
      else if (number < top.low) top.low = number;
      continue;
    }
    open.pop();
    const parent = open.at(-1);
    if (parent && top.low < parent.low) parent.low = top.low;
    if (top.low !== top.number) continue;
    const members = component.splice(component.lastIndexOf(top.node));
    for (const member of members) numbers.set(member, Number.POSITIVE_INFINITY);
    const found = members.length > 1 && members.find((member) => payloads.payloadOf(member));
    if (found) return found;
  }
  return undefined;
}

/** What is written inside an object. */
export function childrenOf(value: object, payloads: Payloads | undefined): readonly unknown[] {
  const payload = payloads?.payloadOf(value);
  if (payload) return [payload];
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value)) return [];
  // These are written as payloads with their properties inside: two levels more.
  if (value instanceof Error) {
    return [[Object.getOwnPropertyNames(value).map((name) => (value as unknown as Record<string, unknown>)[name])]];
  }
  if (hasProtoKey(value)) return [[Object.values(value)]];
  return Object.values(value);
}

/** True for plain objects with a key that sets the prototype where it is assigned. */
export function hasProtoKey(value: unknown): value is object {
  if (!isObject(value) || !Object.hasOwn(value, "__proto__")) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
