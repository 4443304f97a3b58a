// What a composite is to run: the elements of a collection, or one value and the case it belongs to.

import { type Elements, elementsOf } from "../collection.js";
import type { CompositePlan, SubPlan } from "../definition/plan.js";
import { HeddleError, print, quoted } from "../errors.js";
import { copyMutable } from "../isolate.js";

/** What a composite found in its input. */
export interface Found {
  readonly elements: Elements;
  readonly sub: SubPlan;
  /** The key of a branch. */
  readonly key: string;
}

/**
 * Takes the input of a composite apart.
 *
 * @throws whatever `by` throws, HeddleError `INVALID_INPUT` for what is no collection, no pair, or a key without a case.
 */
export function findElements(composite: CompositePlan, input: unknown, isMutable: boolean, path: string): Found {
  const refuse = (why: string) =>
    new HeddleError("INVALID_INPUT", `The ${composite.kind} "${path}" cannot begin: ${why}`);
  if (composite.kind === "branch") return choose(composite, input, isMutable, refuse);
  const sub = composite.subs.get("") as SubPlan;
  if (composite.kind === "call") return { elements: one(input), sub, key: "" };
  const elements = elementsOf(input);
  if (elements) return { elements, sub, key: "" };
  const got = input === null ? "null" : typeof input;
  throw refuse(`expected a list, a plain object or a Map, got ${got}. Correct what its upstream returns.`);
}

function choose(
  { by, subs }: CompositePlan,
  input: unknown,
  isMutable: boolean,
  refuse: (why: string) => HeddleError,
): Found {
  let key: unknown;
  if (typeof by === "function") key = by((isMutable ? copyMutable(input) : input) as never);
  else if (by !== undefined) key = (input as Readonly<Record<string, unknown>> | null | undefined)?.[by];
  else if (Array.isArray(input)) key = input[0];
  else throw refuse(`expected a pair [key, value], got ${typeof input}. Correct what its upstream returns.`);
  const sub = typeof key === "object" ? undefined : subs.get(print(key));
  if (!sub) throw refuse(`there is no case for the key ${print(key)}. Its cases are ${quoted(subs.keys())}.`);
  return { elements: one(by === undefined ? (input as readonly unknown[])[1] : input), sub, key: String(key) };
}

function one(value: unknown): Elements {
  return { kind: "list", keys: undefined, values: [value] };
}
