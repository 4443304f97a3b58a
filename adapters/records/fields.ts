// Kinds of fields that records are made of. Those that zod would bring many kilobytes for, or that stand in every event,
// are tested by hand.

import { custom, type ZodMiniType } from "zod/mini";
import type { Ref } from "../../src/events.js";

/** A whole number from 0 on. */
export const count = custom<number>((value) => isCount(value), "a whole number from 0 on");

/** A whole number from 1 on. */
export const ordinal = custom<number>((value) => isCount(value) && value > 0, "a whole number from 1 on");

/** Milliseconds, or any other amount. */
export const amount = custom<number>((value) => Number.isFinite(value), "a number");

const HASH = /^#[0-9a-f]{64}$/;

/** A reference to a value. */
export const ref = custom<Ref>((value) => isRef(value), "a reference to a value");

/** What the sources of a dag were given: references by path and name. */
export const refsByPath = custom<Record<string, Record<string, Ref>>>(
  (value) => isDictionary(value, (inner) => isDictionary(inner, isRef)),
  "references by path and name",
);

/** Which paths feed the inputs of a node. */
export const inputPaths = custom<Record<string, string | string[]>>(
  (value) => isDictionary(value, (from) => isText(from) || (Array.isArray(from) && from.every(isText))),
  "paths by input",
);

/** An object with any keys, and values of one schema. */
export function dictionary<T>(schema: ZodMiniType<T>) {
  return custom<Record<string, T>>(
    (value) => isDictionary(value, (inner) => schema.safeParse(inner).success),
    "an object whose values are all of one kind",
  );
}

/** zod's own record drops "__proto__". No label and no input is called that: whoever wrote it was not us. */
function isDictionary(value: unknown, test: (inner: unknown) => boolean): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const key of Object.keys(value)) {
    if (key === "__proto__" || !test((value as Record<string, unknown>)[key])) return false;
  }
  return true;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRef(value: unknown): boolean {
  return isText(value) && (value.startsWith("=") || HASH.test(value));
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
