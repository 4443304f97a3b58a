// Instances of classes that a user registers are kept, alone and in each other, and clearly refused where they cannot be.

import { deepStrictEqual } from "node:assert/strict";
import { DagProvenance, DagRunner, dag, HeddleError, node, type } from "heddle";
import { type ClassCodec, classCodec, valueCodec } from "heddle/adapters/codec";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, expectTypeOf, test } from "vitest";
import { CLASSES, Money, Shelf, Tree } from "./support/codec-classes.js";

const { encode, decode } = valueCodec({ classes: CLASSES });
const copyOf = <T>(value: T): T => decode(encode(value)) as T;
const Any = type<unknown>("Any");

describe("an instance of a registered class comes back as one", () => {
  test("with its private state", () => {
    const copy = copyOf(new Money(5n, "EUR"));
    expect(copy).toBeInstanceOf(Money);
    deepStrictEqual([copy.cents, copy.currency], [5n, "EUR"]);
  });

  test("anywhere inside a value", () => {
    const value = {
      list: [new Money(1n, "EUR")],
      map: new Map([[new Money(2n, "USD"), new Set([new Money(3n, "CHF")])]]),
    };
    const error = Object.assign(new Error("x", { cause: new Money(4n, "EUR") }), { value });
    const copy = copyOf(error);
    const [[key, set] = []] = copy.value.map;
    const found = [copy.cause as Money, copy.value.list[0], key, ...(set ?? [])];
    expect(found.every((one) => one instanceof Money)).toBe(true);
    deepStrictEqual(
      found.map((one) => one?.cents),
      [4n, 1n, 2n, 3n],
    );
  });

  test("with others in its data, and with what is shared", () => {
    const [money, bytes] = [new Money(1n, "EUR"), Uint8Array.of(1, 2)];
    const leaf = new Tree(money);
    const { tree, again } = copyOf({ tree: new Tree(bytes, [leaf, new Tree({ money, bytes }), leaf]), again: money });
    const [first, second, third] = tree.children as [Tree, Tree, Tree];
    deepStrictEqual(tree.value, bytes);
    expect([first === third, first.value === again]).toEqual([true, true]);
    expect(second.value).toEqual({ money: again, bytes });
    expect((second.value as { bytes: unknown }).bytes).toBe(tree.value);
  });

  test("whatever plain thing its data is", () => {
    class Box {
      readonly content: unknown;
      constructor(content: unknown) {
        this.content = content;
      }
    }
    const box = classCodec({ name: 'a "box" é', class: Box, encode: (it) => it.content, decode: (it) => new Box(it) });
    const codec = valueCodec({ classes: [box] });
    const contents = [
      0,
      "",
      null,
      undefined,
      false,
      Number.NaN,
      1n,
      [],
      new Map([[1, 2]]),
      new Error("x"),
      new Date(1),
    ];
    for (const content of contents) {
      const copy = codec.decode(codec.encode([new Box(content)])) as [Box];
      expect(copy[0]).toBeInstanceOf(Box);
      deepStrictEqual(copy[0].content, content);
    }
  });

  test("of a class derived from a built-in", () => {
    const copy = copyOf(Object.assign(new Shelf([["a", 1]]), { name: "top" }));
    expect([copy instanceof Shelf, copy.name, copy.get("a")]).toEqual([true, "top", 1]);
  });

  test("of a class derived from Error", () => {
    class Refused extends Error {
      readonly status: number;
      constructor(message: string, status: number) {
        super(message);
        this.status = status;
      }
    }
    const refused = classCodec({
      name: "Refused",
      class: Refused,
      encode: ({ message, status, stack }) => ({ message, status, stack }),
      decode: ({ message, status, stack }) => Object.assign(new Refused(message, status), { stack }),
    });
    const codec = valueCodec({ classes: [refused] });
    const error = new Refused("no", 403);
    const copy = codec.decode(codec.encode(error)) as Refused;
    expect([copy instanceof Refused, copy.message, copy.status, copy.stack]).toEqual([true, "no", 403, error.stack]);
  });

  test("each is encoded once, and what it holds need not be a tree", () => {
    let times = 0;
    const counted = classCodec({
      name: "Tree",
      class: Tree,
      encode: ({ value }) => {
        times++;
        return value;
      },
      decode: (value) => new Tree(value),
    });
    const codec = valueCodec({ classes: [counted] });
    const ring: Record<string, unknown> = { name: "ring" };
    ring.self = ring;
    const tree = new Tree(ring);
    const copy = codec.decode(codec.encode([tree, { tree }])) as [Tree, { tree: Tree }];
    expect([times, copy[0] === copy[1].tree]).toEqual([1, true]);
    const inside = copy[0].value as typeof ring;
    expect(inside.self).toBe(inside);
  });
});

describe("what cannot be kept is refused, with the class and the way to it", () => {
  class Odd {
    readonly give: () => unknown;
    constructor(give: () => unknown) {
      this.give = give;
    }
  }
  const odd = classCodec({ name: "Odd", class: Odd, encode: ({ give }) => give(), decode: () => new Odd(() => 1) });
  const codec = valueCodec({ classes: [odd, ...CLASSES] });
  const fails = () => {
    throw new Error("no state");
  };
  const around = (inner: unknown) => {
    const holder: { inner: unknown; odd?: Odd } = { inner };
    holder.odd = new Odd(() => [holder]);
    return holder;
  };
  /** Two ways lead into the ring, so that it is closed where the instance is not. */
  const crossed = () => {
    const [a, b]: Record<string, unknown>[] = [{}, {}];
    Object.assign(a as object, { b, odd: new Odd(() => b) });
    Object.assign(b as object, { a });
    return a;
  };
  const own = (): Odd => {
    const odd: Odd = new Odd(() => odd);
    return odd;
  };
  const endless = (): Odd => new Odd(endless);

  test.each<[string, unknown, string, RegExp]>([
    ["an encode that throws", { a: [new Odd(fails)] }, ".a[0]", /class "Odd".*encode.*no state/],
    ["an encode that gives a function", { a: [new Odd(() => () => 1)] }, ".a[0]", /function.*class "Odd"/],
    ["a symbol deep inside", [new Odd(() => ({ b: [Symbol("s")] }))], "[0].b[0]", /symbol.*class "Odd"/],
    ["a promise", new Odd(async () => 1), "", /Promise.*class "Odd"/],
    [
      "an instance of another class",
      { x: new Odd(() => ({ y: new (class Point {})() })) },
      ".x.y",
      /Point.*"Odd".*register/,
    ],
    ["an instance that is its own data", { it: own() }, ".it", /class "Odd".*leads back/],
    ["an instance on a cycle", around(1), ".odd", /class "Odd".*leads back.*decode/],
    ["an instance on a cycle that closes elsewhere", crossed(), ".odd", /class "Odd".*leads back/],
    ["instances without end", endless(), "", /nested/],
    [
      "a subclass, which is another class",
      new (class Cent extends Money {})(1n, "EUR"),
      "",
      /Cent.*register the class/,
    ],
    ["what stands beside an instance", [new Odd(() => 1), () => 1], "[1]", /^at \[1\] there is a function(?!.*Odd)/],
  ])("%s", (_, value, path, message) => {
    expect(() => codec.encode(value)).toThrow(
      expect.objectContaining({ path, message: expect.stringMatching(message) }),
    );
  });

  test("as the output of a node it fails the node, without retry", async () => {
    let made = 0;
    const run = () => {
      made++;
      return { rows: [new Odd(fails)] };
    };
    const it = dag("odd", { nodes: { make: node({ output: Any, retry: { attempts: 3 }, run }) } });
    const result = await new DagRunner(it, { provenance: new DagProvenance(memoryStore({ codec })) }).run();
    expect(result).toMatchObject({ status: "failed", failedNode: "make", error: { code: "NOT_KEEPABLE" } });
    for (const part of ['"make"', ".rows[0]", '"Odd"'])
      expect(String((result as { error?: Error }).error)).toContain(part);
    expect(made).toBe(1);
  });
});

describe("a codec is not made of", () => {
  const money = CLASSES[0] as ClassCodec;
  const functions = { encode: () => 1, decode: () => new Date() };

  test.each<[string, readonly unknown[], RegExp]>([
    ["two classes of one name", [money, { ...money, class: Tree }], /"Money" is given twice/],
    ["one class under two names", [money, { ...money, name: "Cash" }], /"Money" and "Cash" are one class/],
    ["a name of a built-in", [{ ...money, name: "Map" }], /"Map" is the name of a built-in/],
    ["a class that is kept anyway", [{ name: "Day", class: Date, ...functions }], /Date is kept without/],
    ["a plain object", [{ name: "Any", class: Object, ...functions }], /Object is kept without/],
    ["an entry without a name", [{ ...money, name: "" }], /Entry 0: expected `name`/],
    ["an entry without a class", [{ ...money, class: undefined }], /expected `class` of "Money"/],
    ["an entry that cannot be read again", [{ ...money, decode: undefined }], /`encode` and `decode` of "Money"/],
    ["nothing", [undefined], /Entry 0/],
    ["what is no list", {} as never, /to be a list/],
  ])("%s", (_, classes, message) => {
    const make = () => valueCodec({ classes: classes as readonly ClassCodec[] });
    expect(make).toThrow(HeddleError);
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }));
  });
});

describe("an instance cannot be read", () => {
  test("where its class is not registered: the error says so, and what to do", () => {
    const read = () => valueCodec().decode(encode([new Money(1n, "EUR")]));
    expect(read).toThrow(expect.objectContaining({ code: "VALUE_DAMAGED" }));
    for (const part of ['class "Money"', "Register it", "valueCodec({ classes:"]) expect(read).toThrow(part);
  });

  test.each<[string, () => Money, RegExp]>([
    [
      "decode throws",
      () => {
        throw new Error("no such currency");
      },
      /`decode` of class "Money" threw .*no such currency/,
    ],
    ["decode gives something else", () => ({}) as Money, /`decode` of class "Money" gave no instance/],
    ["decode gives nothing", () => undefined as unknown as Money, /gave no instance/],
    ["decode gives one of a subclass", () => new (class Cent extends Money {})(1n, "EUR"), /gave no instance/],
  ])("where %s", (_, broken, message) => {
    const money = classCodec({ name: "Money", class: Money, encode: () => 1, decode: broken });
    const read = () => valueCodec({ classes: [money] }).decode(encode([new Money(1n, "EUR")]));
    expect(read).toThrow(expect.objectContaining({ code: "VALUE_DAMAGED", message: expect.stringMatching(message) }));
  });
});

test("what `encode` gives is what `decode` takes", () => {
  classCodec({
    name: "Money",
    class: Money,
    encode: (money) => {
      expectTypeOf(money).toEqualTypeOf<Money>();
      return { cents: money.cents, at: new Date() };
    },
    decode: (data) => {
      expectTypeOf(data).toEqualTypeOf<{ cents: bigint; at: Date }>();
      return new Money(data.cents, "EUR");
    },
  });
  // @ts-expect-error a tree is no money
  classCodec({ name: "Money", class: Money, encode: () => 1, decode: () => new Tree(1) });
  // @ts-expect-error what is given is no text
  classCodec({ name: "Money", class: Money, encode: () => 1, decode: (text: string) => new Money(1n, text) });
});
