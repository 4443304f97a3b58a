// What the codec cannot keep it refuses, with the way to it: nothing comes back changed in silence.

import { deepStrictEqual } from "node:assert/strict";
import { DagProvenance, DagRunner, dag, type HeddleError, node, type } from "heddle";
import { valueCodec } from "heddle/adapters/codec";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";

const { encode, decode } = valueCodec();

class Point {
  x = 1;
}
class Shelf extends Map {}
class Fault extends Error {}
class Gone extends DOMException {}
const withMember = (value: object, key: PropertyKey, member: unknown) =>
  Object.defineProperty(value, key, { value: member, enumerable: true });

/** A buffer that may grow (ES2024). */
const growing = () => Reflect.construct(ArrayBuffer, [4, { maxByteLength: 8 }]) as ArrayBuffer;

/** What is refused: the value, the way to it, and a word of the message. */
const REFUSED: Record<string, readonly [value: unknown, path: string, message: RegExp]> = {
  "a function": [{ rows: [{ f() {} }] }, ".rows[0].f", /function/],
  "a function among the props of a component": [{ a: { props: { f() {} } } }, ".a.props.f", /function/],
  "a function in an Error": [{ e: Object.assign(new Error("x"), { f() {} }) }, ".e.f", /function/],
  "a function in a Map": [{ map: new Map([["k", () => 1]]) }, '.map.get("k")', /function/],
  "a symbol": [[Symbol("s")], "[0]", /symbol/],
  "a class instance": [{ deep: { point: new Point() } }, ".deep.point", /Point/],
  "a class instance by itself": [new Point(), "", /Point/],
  "a WeakMap": [{ weak: new WeakMap() }, ".weak", /WeakMap/],
  "a Promise": [{ later: Promise.resolve() }, ".later", /Promise/],
  "a Node Buffer": [{ bytes: Buffer.from("x") }, ".bytes", /Buffer/],
  "a subclass of Map": [{ shelf: new Shelf() }, ".shelf", /Shelf/],
  "a subclass of Error": [{ list: [new Fault()] }, ".list[0]", /Fault/],
  "a subclass of an error of the web": [{ e: new Gone("x", "AbortError") }, ".e", /Gone/],
  "a RegExp that stands nowhere": [{ r: Object.assign(/a/g, { lastIndex: {} }) }, ".r", /RegExp/],
  "shared memory": [{ memory: new SharedArrayBuffer(4) }, ".memory", /SharedArrayBuffer/],
  "an object with a symbol key": [{ o: { [Symbol("k")]: 1 } }, ".o", /symbol/],
  "an object with a hidden property": [{ o: Object.defineProperty({}, "h", { value: 1 }) }, ".o", /hidden/],
  "an object with another prototype": [{ o: Object.create({ inherited: 1 }) }, ".o", /prototype/],
  "a Date with properties": [{ at: withMember(new Date(1), "zone", "CET") }, ".at", /Date/],
  "a getter that throws": [
    {
      rows: [
        {
          get cost() {
            throw new Error("no price");
          },
        },
      ],
    },
    ".rows[0].cost",
    /no price/,
  ],
};

describe("what cannot be kept is refused, with the way to it", () => {
  test.each(Object.entries(REFUSED))("%s", (_, [value, path, message]) => {
    expect(() => encode(value)).toThrow(expect.objectContaining({ path, message: expect.stringMatching(message) }));
  });

  test("a member of a Set is not taken for the value itself", () => {
    expect(() => encode(new Set([() => 1]))).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching("the value itself is a function") }),
    );
  });

  const Any = type<unknown>("Any");

  test("it fails the node that returned it, without retry, with its label and what to do", async () => {
    let made = 0;
    const run = () => {
      made++;
      return { rows: [{ point: new Point() }] };
    };
    const make = node({ output: Any, retry: { attempts: 3 }, run });
    const it = dag("outputs", { nodes: { make } });
    const result = await new DagRunner(it, { provenance: new DagProvenance(memoryStore()) }).run();
    expect(result).toMatchObject({ status: "failed", failedNode: "make", error: { code: "NOT_KEEPABLE" } });
    const { message } = (result as { error?: HeddleError }).error as HeddleError;
    for (const part of ['"make"', ".rows[0].point", "Point", "plain data"]) expect(message).toContain(part);
    expect(made).toBe(1);
    // Without a store nothing is encoded.
    expect(await new DagRunner(it).run()).toMatchObject({ status: "completed" });
  });

  test("as an input of a run it is refused before anything is recorded", async () => {
    const provenance = new DagProvenance(memoryStore());
    const it = dag("inputs", { nodes: { take: node({ input: { a: Any }, run: () => {} }) } });
    const run = new DagRunner(it, { provenance }).run({ take: { a: { b: [Symbol("s")] } } });
    await expect(run).rejects.toMatchObject({ code: "INVALID_INPUT", message: expect.stringContaining(".b[0]") });
    expect((await provenance.listRuns()).runs).toEqual([]);
  });
});

/** What is neither plainly kept nor plainly impossible. */
const ODD: Record<string, unknown> = {
  "an array with a symbol key": withMember([1], Symbol("k"), 1),
  "an array with a hidden property": Object.defineProperty([1], "h", { value: 1 }),
  "an array with a property": withMember([1], "note", 1),
  "an array with a property like a fraction": withMember([1], "1.5", 1),
  "an array with properties, the last like a number": withMember(withMember([1], "note", 1), "-1", 1),
  "an array with a key beyond the last index": withMember([1], "4294967295", 1),
  "the result of a match": "abc".match(/b/),
  "a RegExp that stands somewhere": Object.assign(/a/g, { lastIndex: 3 }),
  "a boxed string": Object("text"),
  "a growing buffer": growing(),
  "URL parameters": new URLSearchParams("a=1&a=2"),
};

describe("nothing is changed in silence: it comes back equal, or it is refused", () => {
  test.each(Object.entries(ODD))("%s", (_, value) => {
    let copy: unknown;
    try {
      copy = decode(encode(value));
    } catch (error) {
      expect(error).toMatchObject({ name: "UnkeepableError" });
      return;
    }
    deepStrictEqual(copy, value);
    expect(Reflect.get(copy as object, "maxByteLength")).toBe(Reflect.get(value as object, "maxByteLength"));
    deepStrictEqual(Reflect.ownKeys(copy as object), Reflect.ownKeys(value as object));
  });
});

describe("deep nesting", () => {
  const WRAPS: Record<string, (inner: unknown) => unknown> = {
    arrays: (inner) => [inner],
    objects: (inner) => ({ inner }),
    Maps: (inner) => new Map([[1, inner]]),
    Sets: (inner) => new Set([inner]),
    causes: (inner) => Object.assign(new Error("x", { cause: inner }), { stack: "" }),
    "errors of errors": (inner) => Object.assign(new AggregateError([inner]), { stack: "" }),
    "hidden properties of errors": (inner) => Object.defineProperty(new Error("x"), "stack", { value: inner }),
    "__proto__ keys": (inner) => withMember({}, "__proto__", inner),
  };

  // While code warms up, its stack frames shrink: what warm code writes, cold code must still be able to read.
  test.each(Object.keys(WRAPS))("%s, however deep, are refused in words, or can be read again", (name) => {
    const wrap = WRAPS[name] as (inner: unknown) => unknown;
    const nested = (depth: number) => Array.from({ length: depth }).reduce(wrap, "core");
    const shallow = nested(100);
    for (let i = 0; i < 1_000; i++) encode(shallow);
    let isRefused = false;
    for (const depth of [100, 250, 330, 500, 990, 1_500, 2_500, 4_000, 6_000, 20_000]) {
      let encoded: ReturnType<typeof encode> | undefined;
      try {
        encoded = encode(nested(depth));
      } catch (error) {
        isRefused = true;
        expect(depth, "refused").toBeGreaterThanOrEqual(250);
        expect(error).toMatchObject({ name: "UnkeepableError", message: expect.stringMatching(/nested/) });
      }
      if (encoded) expect(() => decode(encoded), `${depth} deep, was encoded`).not.toThrow();
    }
    expect(isRefused).toBe(true);
  });
});
