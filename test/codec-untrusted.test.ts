// Texts and parts that the codec did not write, made to do harm: each ends in VALUE_DAMAGED that says what is wrong, or is
// a value, soon and without more room than it takes itself.

import { deepStrictEqual } from "node:assert/strict";
import { chain, DagRunner, dag, type Encoded, HeddleError, node, type } from "heddle";
import { valueCodec } from "heddle/adapters/codec";
import { describe, expect, test } from "vitest";
import { CLASSES, Tree } from "./support/codec-classes.js";

const { encode, decode } = valueCodec({ classes: CLASSES });
const bytes = (length: number) => new Uint8Array(length);
const text = (...entries: unknown[]) => JSON.stringify(entries);
const PROPERTIES = "error properties";

/** What is refused: its text, a word of the message, and its parts. */
const DAMAGED: Record<string, readonly [text: unknown, message: RegExp, parts?: unknown]> = {
  "no text": [undefined, /no text/],
  "a text that is an object": [{ length: 1 }, /no text/],
  "an empty text": ["", /JSON/],
  "half a text": ['[{"a":1},', /JSON/],
  "a number": ["5", /Invalid input/],
  "no entries": ["[]", /Invalid input/],
  "parts that are no list": ["[1]", /no list of parts/, { length: 1 }],
  "no parts": ["[1]", /no list of parts/, null],
  "a part that is missing": [text(["ArrayBuffer", 1], 1), /part 1 is missing/],
  "a part with a name of all objects": [text(["ArrayBuffer", 1], "constructor"), /part "constructor" is missing/],
  "a part without number": [text(["ArrayBuffer", 1], [-7, 1e9, 0, 1]), /part .* is missing/, [bytes(1)]],
  "a part too many": [text(1), /2 parts, of which it uses 0/, [bytes(1), bytes(1)]],
  "a part used twice": [text([1, 2], ["ArrayBuffer", 3], ["ArrayBuffer", 3], 1), /part 1 is used twice/, [bytes(1)]],
  "a part that is a list": [text(["ArrayBuffer", 1], 1), /part 1 has no bytes/, [[1, 2]]],
  "a part that is a Blob": [text(["ArrayBuffer", 1], 1), /part 1 has no bytes/, [new Blob(["x"])]],
  "a view on what is no buffer": [text(["Uint8Array", 1], 4_000_000_000), /Invalid input/],
  "a view beyond its buffer": [
    text(["Float64Array", 1, 8, 9], ["ArrayBuffer", 2], 1),
    /not what the codec wrote/,
    [bytes(16)],
  ],
  "an unknown type": [text(["Process", 1], 1), /Unknown type Process/],
  "an unknown type with a long name": [text(["x".repeat(1e6), 1], 1), /Unknown type x{100,200}…/],
  "an error of the class Object": [
    text(["Error", 1], { type: 2, hidden: 3, [PROPERTIES]: 4 }, "constructor", [], {}),
    /no built-in class/,
  ],
  "an error without properties that are hidden": [text(["Error", 1], { type: 2 }, "Error"), /hidden/],
  "an error of the web without name": [
    text(["Error", 1], { type: 2, hidden: 3 }, "DOMException", []),
    /without a name/,
  ],
  "an error that is its own class": [text(["Error", 1], { type: 0, hidden: 2 }, []), /hidden/],
  "an object that does not say its prototype": [text(["Proto", 1], [2], 5), /prototype/],
  "a property without key": [text(["Proto", 1], [2, 4], [3], false, [3, 3]), /no key/],
  "__proto__ as a plain key": ['[{"__proto__":1},1]', /__proto__/],
  "__proto__ as a key without prototype": [text(["null", "__proto__", 1], 1), /__proto__/],
  "a RegExp with flags of no kind": [text(["RegExp", "a", "xyz"]), /flags/],
  "a number that is no BigInt": [text(["BigInt", "1.5"]), /not what the codec wrote/],
  "an instance without class": [text(["Instance", 1], { "#data": 2 }, 1), /of which class/],
  "an instance of an unknown class": [
    text(["Instance", 1], { class: 2, "#data": 3 }, "__proto__", 1),
    /class "__proto__".*Register/,
  ],
  "an instance that holds itself": [
    text(["Instance", 1], { class: 2, "#data": 3 }, "Tree", { value: 0, children: 4 }, []),
    /"Tree" holds itself/,
  ],
  "an instance in a ring that closes elsewhere": [
    text({ b: 1, tree: 2 }, { a: 0 }, ["Instance", 3], { class: 4, "#data": 5 }, "Tree", { value: 1, children: 6 }, []),
    /"Tree" holds itself/,
  ],
  "data that its class cannot take": [
    text(["Instance", 1], { class: 2, "#data": -1 }, "Money"),
    /`decode` of class "Money" threw/,
  ],
};

describe("refused in words", () => {
  test.each(Object.entries(DAMAGED))("%s", (_, [text, message, parts = []]) => {
    const read = () => decode({ text, parts } as Encoded);
    expect(read).toThrow(HeddleError);
    expect(read).toThrow(expect.objectContaining({ code: "VALUE_DAMAGED", message: expect.stringMatching(message) }));
  });

  test("nothing at all", () => {
    for (const nothing of [undefined, null, 1]) expect(() => decode(nothing as never)).toThrow(/cannot be read/);
  });
});

/** Levels of nesting that only the reader has to follow. */
const WRAPS: Record<string, (next: number) => unknown[]> = {
  arrays: (next) => [[next]],
  objects: (next) => [{ a: next }],
  Sets: (next) => [["Set", next]],
  "keys of Maps": (next) => [["Map", next, -1]],
  "objects without prototype": (next) => [["null", "a", next]],
};

describe("deep nesting", () => {
  test.each(Object.entries(WRAPS))(
    "of %s is a value as far as it can be kept again, and refused from there on",
    (_, wrap) => {
      for (const depth of [10, 500, 990, 1_010, 1_500, 2_500, 100_000, 1_000_000]) {
        const entries = Array.from({ length: depth }, (_, i) => wrap(i + 1)).flat();
        const read = () => decode({ text: JSON.stringify([...entries, 1]), parts: [] });
        if (depth > 1_000) expect(read, `${depth} deep`).toThrow(expect.objectContaining({ code: "VALUE_DAMAGED" }));
        else expect(encode(decode(encode(read()))), `${depth} deep`).toEqual(encode(read()));
      }
    },
  );

  test("of the text itself is refused", () => {
    for (const piece of ["[", '{"a":', '["Blob",', '["Instance",']) {
      const read = () => decode({ text: piece.repeat(200_000), parts: [] });
      expect(read).toThrow(expect.objectContaining({ code: "VALUE_DAMAGED" }));
    }
  });

  test("beside many that are not deep is no matter", () => {
    const key = Array.from({ length: 600 }).reduce((inner) => [inner], 1);
    const value = Array.from({ length: 600 }).reduce((inner) => [inner], 2);
    const map = new Map([[key, value]]);
    deepStrictEqual(decode(encode(map)), map);
  });
});

/** Texts of some 300 kB that would have the reader work for each of many places on the same large thing. */
const LARGE = 20_000;
const many = (entry: (i: number) => unknown) => Array.from({ length: LARGE }, (_, i) => entry(i));
const first = Array.from({ length: LARGE }, (_, i) => i + 1);
const properties = Object.fromEntries(many((i) => [`p${i}`, -1]) as [string, number][]);
const error = (at: number, hidden: number, inner: number) => [
  ["Error", at + 1],
  { type: 1 + 2 * LARGE, hidden, [PROPERTIES]: inner },
];
const pairs = Array.from({ length: 2 * LARGE }, (_, i) => i + 1);

const BOMBS: Record<string, readonly [text: string, parts?: readonly Uint8Array<ArrayBuffer>[]]> = {
  "a part of a megabyte at many places": [
    text(first, ...many(() => ["ArrayBuffer", LARGE + 1]), 1),
    [bytes(1_000_000)],
  ],
  "one payload of many errors": [
    text(
      first,
      ...many(() => ["Error", LARGE + 1]),
      { type: LARGE + 2, hidden: LARGE + 3, [PROPERTIES]: LARGE + 4 },
      "Error",
      [],
      properties,
    ),
  ],
  "the properties of many errors": [
    text(pairs, ...many((i) => error(1 + 2 * i, 2 + 2 * LARGE, 3 + 2 * LARGE)).flat(), "Error", [], properties),
  ],
  "one __proto__ payload at many places": [
    text(
      first,
      ...many(() => ["Proto", LARGE + 1]),
      [LARGE + 2, ...many(() => LARGE + 4)],
      [LARGE + 3],
      false,
      [LARGE + 5, -1],
      "key",
    ),
  ],
  "one long RegExp at many places": [
    text(first, ...many(() => ["RegExpAt", LARGE + 1]), [LARGE + 2, LARGE + 3, LARGE + 4], "a".repeat(200_000), "g", 1),
  ],
  "hidden properties in a list that is a lie": [
    text(["Error", 1], { type: 2, hidden: 3, [PROPERTIES]: 4 }, "Error", [-7, 4_294_967_295], {}),
  ],
  "properties in a list that is a lie": [text(["Proto", 1], [-7, 4_294_967_295, 0, 2], [3], false)],
};

describe("a small text is little work", () => {
  test.each(Object.entries(BOMBS))("with %s", (_, [text, parts = []]) => {
    const started = performance.now();
    try {
      decode({ text, parts });
    } catch (error) {
      expect(error).toMatchObject({ code: "VALUE_DAMAGED" });
    }
    // What is guarded against takes many minutes.
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  test("and little room, in a run too, with an array of a billion holes", async () => {
    const Any = type<unknown>("Any");
    const lists = Array.from({ length: 100 }, (_, i) => [-7, 30_000_000 + i, 5, 101]);
    const holes = decode({
      text: text(
        lists.map((_, i) => i + 1),
        ...lists,
        ["Date", 0],
      ),
      parts: [],
    }) as unknown[][];
    const lengths: unknown[] = [];
    const make = node({ output: Any, run: () => holes });
    const look = node({ input: { v: Any }, run: ({ v }) => void lengths.push((v as unknown[][]).at(-1)?.length) });
    const before = process.memoryUsage().rss;
    const it = dag("holes", { nodes: { make, look }, edges: chain("make", "look") });
    expect(await new DagRunner(it).run()).toMatchObject({ status: "completed" });
    expect(lengths).toEqual([30_000_099]);
    // Elements of their own would take 24 GB.
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  test("a value that holds itself many times over is made of as many objects as its text has entries", () => {
    const laughs = Array.from({ length: 60 }, (_, i) => [i + 1, i + 1]);
    const top = decode({
      text: text(...laughs, ["Instance", 61], { class: 62, "#data": 63 }, "Tree", { value: -1, children: 64 }, []),
      parts: [],
    });
    let inner: unknown = top;
    for (const _ of laughs) {
      const [one, two] = inner as unknown[];
      expect(one).toBe(two);
      inner = one;
    }
    expect(inner).toBeInstanceOf(Tree);
    expect(encode(top).text.length).toBeLessThan(2_000);
  });
});

test("keys that mean something are keys, and change nothing for others", () => {
  const keys = ["constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__", "valueOf"];
  const value = decode({ text: text(Object.fromEntries(keys.map((key) => [key, 1])), { polluted: 2 }, 3), parts: [] });
  expect(Object.keys(value as object)).toEqual(keys);
  const proto = decode({
    text: text(["Proto", 1], [2, 4], [3], false, [5, 6], "__proto__", { polluted: 7 }, 1),
    parts: [],
  });
  expect(Object.getPrototypeOf(proto)).toBe(Object.prototype);
  expect((proto as { polluted?: unknown }).polluted).toBeUndefined();
  const entries = ["Error", [], { name: 5, __proto__x: 6 }, 1, 1];
  const error = decode({ text: text(["Error", 1], { type: 2, hidden: 3, [PROPERTIES]: 4 }, ...entries), parts: [] });
  expect(error).toBeInstanceOf(Error);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});
