// The codec loses nothing: what it keeps comes back equal, directly and through a run.

import { deepStrictEqual } from "node:assert/strict";
import * as fc from "fast-check";
import { chain, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { valueCodec } from "heddle/adapters/codec";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";

const { encode, decode } = valueCodec();
const copyOf = (value: unknown) => decode(encode(value));
const numRuns = process.env.CHAOS ? 20_000 : 500;

/** Values that hold themselves. */
function cyclic() {
  const ring: Record<string, unknown> = { name: "ring" };
  ring.self = ring;
  ring.map = new Map([[ring, new Set([ring])]]);
  const tangled: Error & { holder?: unknown } = new Error("tangled");
  tangled.holder = { error: tangled, list: [tangled] };
  return { ring, tangled };
}

function failure(): Error {
  const cause = new RangeError("inner", { cause: "text" });
  const details = { at: new Date(5), bytes: Uint8Array.of(1, 2) };
  return Object.assign(new TypeError("outer", { cause }), { code: "E_OUTER", details });
}

function aggregate(): Error {
  const inner = new AggregateError([new RangeError("a"), "b"], "inner", { cause: new Error("why") });
  const outer = new AggregateError([inner, new TypeError("c", { cause: inner })], "outer", { cause: inner });
  return Object.assign(outer, { code: "E_ALL", details: new Map([["at", new Date(5)]]) });
}

function withSelf<T extends object>(value: T): T {
  return Object.assign(value, { self: value, list: [value] });
}

function sparse(): unknown[] {
  const list = ["hole", 1, "hole", undefined, "hole"];
  for (const i of [0, 2, 4]) delete list[i];
  return [list, new Array(3), Object.assign([], { length: 1e6 })];
}

/** Made anew for every test: a run freezes what its nodes return. */
const keepable = (): Record<string, unknown> => ({
  "a Date": new Date(1234),
  "an invalid Date": new Date(Number.NaN),
  "the last Date": new Date(8.64e15),
  "a Map with keys of all kinds": new Map<unknown, unknown>([
    [{ a: 1 }, 1],
    [Number.NaN, -0],
    [undefined, null],
  ]),
  "a Set of Sets": new Set([new Set([1]), new Set(), "1", 1]),
  "a BigInt": -(2n ** 200n),
  undefined,
  null: null,
  "undefined everywhere": { a: undefined, list: [undefined, null], map: new Map([[undefined, undefined]]) },
  "NaN and infinities": [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  "minus zero": [-0, 0, { minus: -0 }, new Set([1])],
  "minus zero alone": -0,
  "extreme numbers": [Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON, 2 ** 53, 0.1 + 0.2],
  Int8Array: Int8Array.of(-1, 2),
  Uint8Array: Uint8Array.of(255, 0),
  Uint8ClampedArray: Uint8ClampedArray.of(300, 2),
  Int16Array: Int16Array.of(-300),
  Uint16Array: Uint16Array.of(300),
  Int32Array: Int32Array.of(-70_000),
  Uint32Array: Uint32Array.of(4e9),
  Float32Array: Float32Array.of(0.1, Number.NaN, -0),
  Float64Array: Float64Array.of(0.1, Number.NaN, -0, Number.POSITIVE_INFINITY),
  BigInt64Array: BigInt64Array.of(-(2n ** 60n)),
  BigUint64Array: BigUint64Array.of(2n ** 63n),
  "an empty typed array": new Uint8Array(),
  "a DataView with an offset": new DataView(new ArrayBuffer(16), 3, 5),
  "an ArrayBuffer": Uint8Array.of(1, 2, 3).buffer,
  "a part of a buffer": Uint8Array.of(1, 2, 3, 4).subarray(1, 3),
  "a RegExp": /a\/[b]+/giu,
  "a URL": { url: new URL("https://user:pw@example.org:81/a?b=c#d") },
  "sparse arrays": sparse(),
  "an object without prototype": Object.assign(Object.create(null), { a: Object.create(null) }),
  "a __proto__ key": JSON.parse('{"a":1,"__proto__":{"b":{"__proto__":null}}}'),
  "keys with a meaning elsewhere": { constructor: 1, toString: 2, hasOwnProperty: 3, "": 4, length: 5 },
  "a property named then": JSON.parse('{"then":1}'),
  "lone surrogates": { "\ud800": "\udfff", list: ["a\ud83d", "\0\u2028\u2029"] },
  "a lone surrogate alone": "\ud800",
  "a text that looks encoded": ["[1]", '["Date","x"]', "=x", "#x", "-1"],
  "an Error with cause and properties": failure(),
  "an Error with an explicit cause of undefined": new Error("x", { cause: undefined }),
  "an Error without a message": new SyntaxError(),
  "an AggregateError": new AggregateError([new URIError("a"), "b", { c: 1 }], "all"),
  "an AggregateError of AggregateErrors, with a cause and properties": aggregate(),
  "an error of the web": new DOMException("gone", "AbortError"),
  "errors of the web among others": {
    list: [new DOMException("", "DataError"), new DOMException("x", "OfMine"), new DOMException()],
    all: new AggregateError([Object.assign(new DOMException("late", "TimeoutError"), { after: new Date(1) })], "all"),
  },
  "an Error with another name": Object.assign(new Error("x"), { name: "AbortError" }),
  "a boxed text": Object("text"),
  cycles: cyclic().ring,
  "a cycle through a __proto__ key": Object.assign(JSON.parse('{"__proto__":{"a":1}}'), { ring: cyclic().ring }),
  "a cycle through an object with a __proto__ key": withSelf(JSON.parse('{"b":1,"__proto__":{"a":1},"c":2}')),
  "a cycle through an error of the web": withSelf(new DOMException("x", "DataError")),
  "a cycle through an Error": cyclic().tangled,
});
const NAMES = Object.keys(keepable());

/** Compares strictly, and also what `deepStrictEqual` does not see: URLs, and which properties of errors are hidden. */
function same(actual: unknown, expected: unknown): void {
  if (expected instanceof Date && Number.isNaN(expected.getTime())) {
    expect(actual).toBeInstanceOf(Date);
    expect((actual as Date).getTime()).toBeNaN();
    return;
  }
  deepStrictEqual(actual, expected);
  if (expected instanceof Error) {
    expect(Object.keys(actual as Error)).toEqual(Object.keys(expected));
    for (const name of Object.getOwnPropertyNames(expected) as "message"[])
      deepStrictEqual((actual as Error)[name], expected[name]);
  }
  const url = (value: unknown) => (value as { url?: URL } | undefined | null)?.url?.href;
  expect(url(actual)).toBe(url(expected));
}

describe("what is kept comes back equal", () => {
  test.each(NAMES)("%s", (name) => {
    const value = keepable()[name];
    same(copyOf(value), value);
  });

  test.each(NAMES)("%s, through a run, its record and a restart", async (name) => {
    const value = keepable()[name];
    const { look, provenance, runner } = producing(() => value);
    const { runId, ...first } = await runner.run();
    expect(first).toMatchObject({ status: "failed", failedNode: "look" });
    expect(look.saw).toHaveLength(1);
    look.works = true;
    expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
    const found = [...look.saw, await provenance.loadOutput(runId, "make")];
    expect([found.length, look.made]).toEqual([3, 1]);
    for (const one of found) same(one, value);
  });

  test("nested values of all kinds", () => {
    // Node holds no two invalid dates for equal; they have a test of their own.
    const leaves = [fc.boolean(), fc.integer(), fc.double(), fc.string(), fc.date({ noInvalidDate: true })];
    const anything = fc.anything({
      maxDepth: 4,
      values: [...leaves, fc.constant(null), fc.constant(undefined)],
      withBigInt: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    });
    const check = (value: unknown) => {
      const encoded = encode(value);
      const copy = decode(encoded);
      same(copy, value);
      // A value that was read and is recorded again is the same value, and must have the same hash.
      deepStrictEqual(encode(copy), encoded);
    };
    fc.assert(fc.property(anything, check), { numRuns });
  });
});

/** A dag whose first node returns a value, which the second looks at; it fails until it works. */
function producing(value: () => unknown) {
  const Any = type<unknown>("Any");
  const look = { works: false, made: 0, saw: [] as unknown[] };
  const make = node({
    output: Any,
    retry: { attempts: 3 },
    run: () => {
      look.made++;
      return value();
    },
  });
  const watch = node({
    input: { value: Any },
    run: ({ value }) => {
      look.saw.push(value);
      if (!look.works) throw new Error("not yet");
    },
  });
  const provenance = new DagProvenance(memoryStore());
  const it = dag("codec", { nodes: { make, look: watch }, edges: chain("make", "look") });
  return { look, provenance, runner: new DagRunner(it, { provenance }) };
}

describe("identity inside a value is kept", () => {
  test("cycles lead back to the copy", () => {
    const { ring, tangled } = copyOf(cyclic()) as ReturnType<typeof cyclic>;
    expect(ring.self).toBe(ring);
    expect([...(ring.map as Map<unknown, Set<unknown>>)][0]?.[0]).toBe(ring);
    const { error, list } = tangled.holder as { error: Error; list: Error[] };
    expect([error === tangled, list[0] === tangled]).toEqual([true, true]);
  });

  test("what was one object is one object again", () => {
    const [one, date, error] = [{ a: 1 }, new Date(1), new Error("one")];
    const value = { one, again: [one], date, error, map: new Map<unknown, unknown>([[date, error]]) };
    const copy = copyOf(value) as typeof value;
    expect(copy.again[0]).toBe(copy.one);
    expect(copy.map.get(copy.date)).toBe(copy.error);
    expect(copy.one).not.toBe(one);
  });

  test("views on one buffer still share it", () => {
    const buffer = new ArrayBuffer(16);
    const value = { buffer, bytes: new Uint8Array(buffer, 4, 4), words: new Uint16Array(buffer) };
    const copy = copyOf(value) as typeof value;
    expect(copy.bytes.byteOffset).toBe(4);
    expect([copy.bytes.buffer === copy.buffer, copy.words.buffer === copy.buffer]).toEqual([true, true]);
    expect(encode(value).parts).toHaveLength(1);
  });
});

describe("errors come back in their class", () => {
  test("those of the web with name, message, code and stack", () => {
    const error = new DOMException("gone", "AbortError");
    const copy = copyOf(error) as DOMException;
    expect(Object.getPrototypeOf(copy)).toBe(DOMException.prototype);
    const facts = ({ name, message, code, stack }: DOMException) => ({ name, message, code, stack });
    deepStrictEqual(facts(copy), facts(error));
    expect(Object.getOwnPropertyNames(copy).sort()).toEqual(Object.getOwnPropertyNames(error).sort());
    expect(Object.keys(copy)).toEqual(Object.keys(error));
  });

  test("aggregated ones with the errors in them, at any depth", () => {
    const error = aggregate() as AggregateError;
    const copy = copyOf(error) as AggregateError;
    const [inner, second] = copy.errors as [AggregateError, Error];
    expect([copy, inner].map((one) => Object.getPrototypeOf(one))).toEqual([
      AggregateError.prototype,
      AggregateError.prototype,
    ]);
    expect([inner === copy.cause, inner === second.cause]).toEqual([true, true]);
    expect(inner.errors).toEqual(error.errors[0].errors);
    expect((inner.cause as Error).stack).toBe(error.errors[0].cause.stack);
    expect(Object.getOwnPropertyDescriptor(copy, "errors")?.enumerable).toBe(false);
  });
});

describe("an encoding stands by itself", () => {
  test("binary is stored as bytes beside the text", () => {
    const bytes = crypto.getRandomValues(new Uint8Array(1000));
    const { text, parts } = encode({ deep: [new Map([["bytes", bytes]])] });
    expect(parts).toHaveLength(1);
    deepStrictEqual(parts[0], bytes);
    expect(text.length).toBeLessThan(100);
  });

  test("changes of the original afterwards do not reach it, nor changes of what was decoded", () => {
    const value = { list: [1], bytes: Uint8Array.of(1), map: new Map([["a", { n: 1 }]]), at: new Date(1) };
    const spoil = (one: typeof value) => {
      one.list.push(2);
      one.bytes[0] = 9;
      Object.assign(one.map.get("a") ?? {}, { n: 9 });
      one.at.setTime(9);
    };
    const encoded = encode(value);
    spoil(value);
    spoil(decode(encoded) as typeof value);
    deepStrictEqual(decode(encoded), {
      list: [1],
      bytes: Uint8Array.of(1),
      map: new Map([["a", { n: 1 }]]),
      at: new Date(1),
    });
  });

  test("changes of what was loaded do not reach the record", async () => {
    const { provenance, runner } = producing(() => new Map([["bytes", new Uint8Array(500)]]));
    const { runId } = await runner.run();
    const load = async () => (await provenance.loadOutput(runId, "make")) as Map<string, Uint8Array>;
    (await load()).get("bytes")?.fill(7);
    (await load()).clear();
    deepStrictEqual(await load(), new Map([["bytes", new Uint8Array(500)]]));
  });
});
