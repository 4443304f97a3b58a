// Values of all kinds that a record keeps. They are made anew for each use, since a run freezes what its nodes return.

/** Values by kind; each case takes one through a whole run. */
export const KEPT: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  "true and false": () => [true, false],
  "undefined, null and nothing at all": () => ({
    a: undefined,
    list: [undefined, null],
    map: new Map([[undefined, null]]),
  }),
  "NaN and infinities": () => [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  "-0 by itself": () => -0,
  "-0 beside 0": () => ({ list: [-0, 0], map: new Map([["minus", -0]]), fraction: 1 / 3 }),
  "extreme numbers": () => [Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53, -(2 ** 53), 0.1 + 0.2, 5e-324],
  BigInt: () => ({ small: 0n, large: 2n ** 200n, negative: -(2n ** 64n), list: [1n, 1] }),
  "an empty text": () => "",
  "texts of all kinds": () => [
    "\0\n\r\t\u2028\u2029",
    "é",
    "e\u0301",
    "😀",
    "\ufeff\uffff",
    '"\\',
    "</script>",
    "__proto__",
  ],
  "texts that look like something else": () => ["[1]", '["Date","x"]', "=x", "#x", "-1", "null", "undefined", "true"],
  "lone surrogates": () => ({ "\ud800": "\udfff", list: ["a\ud83d", "\udc00b"] }),
  "a lone surrogate by itself": () => "\ud800",
  "a long text": () => "0123456789é😀".repeat(50_000),
  Date: () => [new Date(0), new Date(1_234_567_890_123), new Date(-1), new Date(8.64e15), new Date(-8.64e15)],
  "an invalid Date": () => ({ at: new Date(Number.NaN) }),
  "Map in its order": () =>
    new Map<unknown, unknown>([
      ["b", 1],
      ["a", 2],
      ["b2", new Map([["in", "ner"]])],
    ]),
  "Map with keys of all kinds": () =>
    new Map<unknown, unknown>([
      [{ a: 1 }, 1],
      [Number.NaN, 2],
      [undefined, 3],
      [null, 4],
      ["1", 5],
      [1, 6],
      [[], 7],
    ]),
  "Set in its order": () => new Set<unknown>(["b", "a", 1, "1", new Set(), new Set([1]), Number.NaN, undefined]),
  "plain objects in the order of their keys": () => ({ b: 1, a: { z: 1, "": 2, length: 3 }, 2: "two", 1: "one" }),
  "keys that mean something elsewhere": () => ({ constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: 4, type: 5 }),
  "keys of any signs": () => ({ "a/b": 1, "..": 2, "a\0b": 3, "%": 4, "😀": 5, "": 6, " ": 7, A: 8, a: 9 }),
  "__proto__ as a key": () => JSON.parse('{"a":1,"__proto__":{"b":{"__proto__":null}},"c":2}'),
  "then as a key": () => JSON.parse('{"inner":{"then":1}}'),
  "objects without prototype": () => Object.assign(Object.create(null), { a: Object.create(null), b: 1 }),
  "arrays with holes": () => [withHoles(5, [1, 3]), new Array(3), withHoles(100_000, [99_998])],
  "empty arrays and objects": () => [[], {}, [[]], [{}], { a: [] }],
  "a list of 10,000 numbers": () => Array.from({ length: 10_000 }, (_, i) => i / 7),
  "deep nesting": () =>
    Array.from({ length: 200 }).reduce((inner) => ({ inner, list: [inner === undefined] }), undefined),
  RegExp: () => [/a\/[b]+/giu, /^$/, /\u2028"/s],
  "RegExp that stands somewhere": () => Object.assign(/a/g, { lastIndex: 3 }),
  URL: () => ({ url: new URL("https://user:pw@example.org:81/a%20b?b=c&b=%F0%9F%98%80#d"), data: new URL("data:,x") }),
  Int8Array: () => Int8Array.of(-128, 127, 0),
  Uint8Array: () => Uint8Array.of(255, 0, 1),
  Uint8ClampedArray: () => Uint8ClampedArray.of(300, -5, 2),
  Int16Array: () => Int16Array.of(-32_768, 300),
  Uint16Array: () => Uint16Array.of(65_535, 300),
  Int32Array: () => Int32Array.of(-70_000, 2 ** 31 - 1),
  Uint32Array: () => Uint32Array.of(4e9, 1),
  Float32Array: () => Float32Array.of(0.1, Number.NaN, -0, Number.NEGATIVE_INFINITY),
  Float64Array: () => Float64Array.of(0.1, Number.NaN, -0, Number.POSITIVE_INFINITY, 5e-324),
  BigInt64Array: () => BigInt64Array.of(-(2n ** 63n), 5n),
  BigUint64Array: () => BigUint64Array.of(2n ** 64n - 1n, 5n),
  "empty binary": () => [new Uint8Array(), new Float64Array(), new ArrayBuffer(0), new DataView(new ArrayBuffer(0))],
  DataView: () => new DataView(patterned(16), 3, 5),
  ArrayBuffer: () => ({ buffer: patterned(300), list: [patterned(1)] }),
  "a part of a buffer": () => new Uint8Array(patterned(8)).subarray(2, 5),
  "views that share a buffer": () => {
    const buffer = patterned(32);
    return {
      bytes: new Uint8Array(buffer, 4, 8),
      buffer,
      words: new Uint16Array(buffer),
      view: new DataView(buffer, 1, 2),
    };
  },
  cycles: () => {
    const ring: Record<string, unknown> = { name: "ring", list: [] };
    ring.self = ring;
    (ring.list as unknown[]).push(ring, [ring.list]);
    ring.map = new Map([[ring, new Set([ring])]]);
    return ring;
  },
  "one object at several places": () => {
    const [one, date, bytes] = [{ a: 1 }, new Date(1), Uint8Array.of(1)];
    const map = new Map<unknown, unknown>([
      ["one", one],
      [date, bytes],
    ]);
    return { one, again: [one, { one }], two: { a: 1 }, date, bytes, map, set: new Set([one, date]) };
  },
  "an error with a cause and properties": () => {
    const cause = new RangeError("inner", { cause: "text" });
    return Object.assign(new TypeError("outer", { cause }), { code: "E", details: { at: new Date(5), n: 1n } });
  },
  "errors of all built-in classes": () => [
    ...[new Error("a"), new EvalError("b"), new RangeError("c"), new ReferenceError("d"), new SyntaxError()],
    ...[new TypeError("e"), new URIError("f"), new AggregateError([new Error("g"), "h", { i: 1 }], "j")],
  ],
  "errors in errors in an error": () => {
    const inner = new AggregateError([new RangeError("a"), undefined], "inner", { cause: new Error("why") });
    const outer = new AggregateError([inner, new TypeError("b", { cause: inner })], "outer");
    return { outer: Object.assign(outer, { code: "E", at: [new Date(5)] }), inner, list: outer.errors };
  },
  "errors of the web": () => {
    const gone = new DOMException("gone é", "AbortError");
    const late = Object.assign(new DOMException("late", "TimeoutError"), { after: 5n, holder: {} });
    Object.assign(late.holder, { late });
    const odd = [new DOMException(), new DOMException("", "OperationError"), new DOMException("x", "OfMine")];
    return { gone, late, odd, all: new AggregateError([gone, late], "all", { cause: gone }) };
  },
  "an error with another name, and one whose cause is undefined": () => [
    Object.assign(new Error("x"), { name: "AbortError" }),
    new Error("y", { cause: undefined }),
  ],
  "a cycle through an error": () => {
    const error: Error & { holder?: unknown } = new Error("tangled");
    error.holder = { error, list: [error] };
    return { error };
  },
  "an object with the key __proto__ on a cycle": () => {
    const ring = JSON.parse('{"a":1,"__proto__":{"b":2},"c":3}');
    return Object.assign(ring, { self: ring, list: [ring] });
  },
  "texts in an object, and URL parameters": () => [Object("text"), new URLSearchParams("a=1&a=%C3%A9")],
  "points in time of Temporal, where there is such": () => {
    const { Temporal } = globalThis as { Temporal?: Record<string, { from(text: string): unknown }> };
    return [Temporal?.Instant?.from("2026-01-01T00:00:00.000000001Z"), Temporal?.PlainDate?.from("2026-02-28")];
  },
  "a mixture of all": () => ({
    rows: Array.from({ length: 50 }, (_, i) => ({ id: i, at: new Date(i), tags: new Set([`${i}`]), n: BigInt(i) })),
    bytes: new Map([
      ["a", Uint8Array.of(1)],
      ["b", Uint8Array.of(2)],
    ]),
  }),
};

class Point {
  readonly x = 1;
}

/** What no record keeps, by kind: the value, and the way to what is refused in it. */
export const REFUSED: Readonly<Record<string, readonly [make: () => unknown, path: string]>> = {
  "a function": [() => () => 1, ""],
  "a function inside": [() => ({ rows: [{ cell() {} }] }), ".rows[0].cell"],
  "a symbol": [() => ({ list: [1, Symbol("s")] }), ".list[1]"],
  "an instance of a class": [() => new Point(), ""],
  "an instance of a class inside": [() => ({ deep: { points: [new Point()] } }), ".deep.points[0]"],
  "a function in a Map": [() => ({ map: new Map([["key", () => 1]]) }), '.map.get("key")'],
  "a promise": [() => ({ later: Promise.resolve(1) }), ".later"],
  "a WeakMap": [() => ({ weak: new WeakMap() }), ".weak"],
  "an instance of a class derived from Map": [() => ({ map: new (class Shelf extends Map {})() }), ".map"],
  "an instance of a class derived from Error": [() => [new (class Fault extends Error {})()], "[0]"],
};

function patterned(length: number): ArrayBuffer {
  return Uint8Array.from({ length }, (_, i) => i * 37).buffer;
}

function withHoles(length: number, filled: readonly number[]): unknown[] {
  const list = new Array(length);
  for (const i of filled) list[i] = i;
  return list;
}
