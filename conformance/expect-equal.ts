// An exact comparison: it tells -0 from 0, absent from undefined, a hole from either, one order of a Map from another,
// and one object that is met twice from two that look the same.

import { kindOf, printed } from "./printed.js";

/** Throws an error that names the first place where two values differ. `what` names the value in it. */
export function expectEqual(actual: unknown, expected: unknown, what = "the value"): void {
  new Comparison(what).compare(actual, expected, "");
}

/** Compares what is inside two objects of one kind. */
type Compare = (comparison: Comparison, actual: never, expected: never, path: string) => void;

class Comparison {
  readonly #what: string;
  // Objects met so far, both ways: what was one object must be one, and what were two must be two.
  readonly #expectedOf = new Map<object, object>();
  readonly #actualOf = new Map<object, object>();

  constructor(what: string) {
    this.#what = what;
  }

  compare(actual: unknown, expected: unknown, path: string): void {
    if (!isObject(actual) || !isObject(expected)) {
      if (!Object.is(actual, expected)) this.#differ(path, printed(expected), printed(actual));
      return;
    }
    if (this.#isMet(actual, expected, path)) return;
    const [kind, expectedKind] = [kindOf(actual), kindOf(expected)];
    if (kind !== expectedKind || Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) {
      this.#differ(path, `a ${expectedKind}`, kind === expectedKind ? "one of another prototype" : `a ${kind}`);
    }
    const contents = ArrayBuffer.isView(expected) ? compareViews : CONTENTS[expectedKind];
    contents?.(this, actual as never, expected as never, path);
    if (!WITHIN.has(expectedKind) && !ArrayBuffer.isView(expected)) this.#properties(actual, expected, path);
  }

  /** Compares one fact of two objects. */
  fact<T extends object>(name: keyof T & string, actual: T, expected: T, path: string): void {
    this.compare(actual[name], expected[name], `${path}.${name}`);
  }

  #isMet(actual: object, expected: object, path: string): boolean {
    const met = this.#actualOf.get(expected);
    const metAs = this.#expectedOf.get(actual);
    if (met === actual && metAs === expected) return true;
    if (met) this.#differ(path, "the same object as at an earlier place", "another object");
    if (metAs) this.#differ(path, "an object of its own", "the same object as at an earlier place");
    this.#actualOf.set(expected, actual);
    this.#expectedOf.set(actual, expected);
    return false;
  }

  /** Own properties, in their order; in arrays that leaves out holes. */
  #properties(actual: object, expected: object, path: string): void {
    if (isLonger(actual, expected)) this.#differ(path, printed(expected), printed(actual));
    const [keys, expectedKeys] = [Reflect.ownKeys(actual), Reflect.ownKeys(expected)];
    if (keys.length !== expectedKeys.length || keys.some((key, i) => key !== expectedKeys[i])) {
      this.#differ(path, `the keys ${printed(expectedKeys.map(String))}`, printed(keys.map(String)));
    }
    for (const key of keys) {
      this.compare(Reflect.get(actual, key), Reflect.get(expected, key), path + step(expected, key));
    }
  }

  #differ(path: string, expected: string, actual: string): never {
    throw new Error(`Expected ${this.#what}${path === "" ? "" : ` at ${path}`} to be ${expected}, got ${actual}.`);
  }
}

/** Kinds whose properties are compared with their contents, since runtimes keep some of their own there. */
const WITHIN: ReadonlySet<string> = new Set(["Error", "DOMException", "Blob", "File"]);

/** What is inside an object besides its properties. */
const CONTENTS: Readonly<Record<string, Compare>> = {
  Date(comparison, actual: Date, expected: Date, path) {
    comparison.compare(actual.getTime(), expected.getTime(), `${path}.getTime()`);
  },
  RegExp(comparison, actual: RegExp, expected: RegExp, path) {
    for (const name of ["source", "flags", "lastIndex"] as const) comparison.fact(name, actual, expected, path);
  },
  URL(comparison, actual: URL, expected: URL, path) {
    comparison.fact("href", actual, expected, path);
  },
  URLSearchParams: compareTexts,
  "Temporal.Instant": compareTexts,
  "Temporal.PlainDate": compareTexts,
  Map: compareMaps,
  Set: compareSets,
  ArrayBuffer: compareBytes,
  Error: compareErrors,
  DOMException: compareErrors,
  Blob: compareBlobs,
  File: compareBlobs,
};

function compareMaps(
  comparison: Comparison,
  actual: ReadonlyMap<unknown, unknown>,
  expected: ReadonlyMap<unknown, unknown>,
  path: string,
): void {
  comparison.fact("size", actual, expected, path);
  const entries = [...actual];
  [...expected].forEach(([key, value], i) => {
    comparison.compare(entries[i]?.[0], key, `${path}.keys[${i}]`);
    comparison.compare(entries[i]?.[1], value, `${path}.get(${printed(key)})`);
  });
}

function compareSets(
  comparison: Comparison,
  actual: ReadonlySet<unknown>,
  expected: ReadonlySet<unknown>,
  path: string,
): void {
  comparison.fact("size", actual, expected, path);
  const members = [...actual];
  [...expected].forEach((member, i) => {
    comparison.compare(members[i], member, `${path}.members[${i}]`);
  });
}

/** Views are equal if they show the same part of equal buffers, which they may share with others. */
function compareViews(comparison: Comparison, actual: DataView, expected: DataView, path: string): void {
  for (const name of ["byteOffset", "byteLength", "buffer"] as const) comparison.fact(name, actual, expected, path);
}

function compareBytes(comparison: Comparison, actual: ArrayBuffer, expected: ArrayBuffer, path: string): void {
  comparison.fact("byteLength", actual, expected, path);
  const [bytes, expectedBytes] = [new Uint8Array(actual), new Uint8Array(expected)];
  // A plain loop: this must be quick with 50 MB.
  for (let i = 0; i < expectedBytes.length; i++) {
    if (bytes[i] !== expectedBytes[i]) comparison.compare(bytes[i], expectedBytes[i], `${path} (byte ${i})`);
  }
}

/** The stack is inherited in some engines, which may add properties too: what counts is read by name. */
function compareErrors(comparison: Comparison, actual: Error, expected: Error, path: string): void {
  expectEqual(Object.keys(actual), Object.keys(expected), `the properties of the error at ${path || "the top"}`);
  for (const name of new Set(["name", "message", "stack", "cause", "errors", "code", ...Object.keys(expected)])) {
    if (name !== "stack") comparison.compare(name in actual, name in expected, `${path}.${name} (is it there)`);
    comparison.compare(Reflect.get(actual, name), Reflect.get(expected, name), `${path}.${name}`);
  }
}

function compareTexts(comparison: Comparison, actual: object, expected: object, path: string): void {
  comparison.compare(String(actual), String(expected), path);
}

/** What is in them can only be read asynchronously: their cases do that. */
function compareBlobs(comparison: Comparison, actual: File, expected: File, path: string): void {
  for (const name of ["size", "type", "name", "lastModified"] as const) comparison.fact(name, actual, expected, path);
}

function step(parent: object, key: PropertyKey): string {
  return Array.isArray(parent) && typeof key === "string" ? `[${key}]` : `.${String(key)}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isLonger(actual: object, expected: object): boolean {
  return Array.isArray(actual) && Array.isArray(expected) && actual.length !== expected.length;
}
