// Nobody changes what others see: not another consumer's input, not the record, not one's own next attempt, not the
// result.

import { deepStrictEqual } from "node:assert/strict";
import { chain, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { settled } from "./support/manual-clock.js";

const Any = type<unknown>("Any");

interface Case {
  readonly make: () => unknown;
  /** Tries to change the value. */
  // biome-ignore lint/suspicious/noExplicitAny: every case has another shape.
  readonly spoil: (value: any) => void;
  /** Whether the attempt throws, as it does where a frozen object is written to. */
  readonly throws?: true;
}

const buffer = (...bytes: number[]) => Uint8Array.from(bytes).buffer;
const inMap = (inner: () => unknown) => () => new Map([["k", inner()]]);

const CASES: Record<string, Case> = {
  "pushing onto an array": { make: () => [1], spoil: (v) => v.push(2), throws: true },
  "setting a property": { make: () => ({ a: 1 }), spoil: (v) => Object.assign(v, { a: 2 }), throws: true },
  "adding a property deep inside": {
    make: () => [{ a: {} }],
    spoil: (v) => Object.assign(v[0].a, { b: 1 }),
    throws: true,
  },
  "deleting a property": { make: () => ({ a: 1 }), spoil: (v) => delete v.a, throws: true },
  "emptying a Map": { make: inMap(() => 1), spoil: (v) => v.clear() },
  "adding to a Set": { make: () => new Set([1]), spoil: (v) => v.add(2) },
  "setting a Date": { make: () => new Date(1), spoil: (v) => v.setTime(2) },
  "writing into a typed array": { make: () => Uint8Array.of(1), spoil: (v) => v.fill(2) },
  "writing into the buffer behind a view": {
    make: () => new Uint8Array(buffer(1, 2, 3), 1, 1),
    spoil: (v) => new Uint8Array(v.buffer).fill(9),
  },
  "writing into a DataView": { make: () => new DataView(buffer(1, 2)), spoil: (v) => v.setInt8(0, 9) },
  "writing into an ArrayBuffer": { make: () => buffer(1), spoil: (v) => new Uint8Array(v).fill(9) },
  "writing into a Map inside frozen objects": {
    make: () => ({ a: [{ m: new Map() }] }),
    spoil: (v) => v.a[0].m.set(1, 1),
  },
  "writing into an object inside a Map": {
    make: inMap(() => ({ n: 1 })),
    spoil: (v) => Object.assign(v.get("k"), { n: 2 }),
  },
  "writing into an array inside a Set": { make: () => new Set([[1]]), spoil: (v) => [...v][0].push(2) },
  "writing into the key of a Map": {
    make: () => new Map([[{ n: 1 }, 1]]),
    spoil: (v) => Object.assign([...v.keys()][0], { n: 2 }),
  },
  "writing into a Map inside a Map": { make: inMap(inMap(() => 1)), spoil: (v) => v.get("k").clear() },
  "writing into an object inside a Map inside an object inside a Map": {
    make: inMap(() => ({ deep: new Map([["k", { n: 1 }]]) })),
    spoil: (v) => Object.assign(v.get("k").deep.get("k"), { n: 2 }),
  },
  "changing a URL": {
    make: () => ({ url: new URL("https://a.example/x") }),
    spoil: (v) => {
      v.url.href = "https://b.example/";
    },
  },
  "changing the parameters of a URL": {
    make: () => ({ url: new URL("https://a.example/?a=1") }),
    spoil: (v) => v.url.searchParams.append("b", "2"),
  },
  "changing URL parameters": {
    make: () => ({ parameters: new URLSearchParams("a=1") }),
    spoil: (v) => v.parameters.append("b", "2"),
  },
  "using a RegExp, which moves it": { make: () => /a/g, spoil: (v) => v.test("a") },
  "changing an Error": { make: () => new Error("x"), spoil: (v) => Object.assign(v, { message: "y" }), throws: true },
  "writing into the cause of an Error": {
    make: () => new Error("x", { cause: { n: 1 } }),
    spoil: (v) => Object.assign(v.cause, { n: 2 }),
  },
  "writing into a Map that an Error has": {
    make: () => Object.assign(new Error("x"), { seen: new Map() }),
    spoil: (v) => v.seen.set(1, 1),
  },
  "writing into the errors of an AggregateError": {
    make: () => new AggregateError([new Error("a")]),
    spoil: (v) => v.errors.push(1),
  },
  "writing into what the errors of an AggregateError have": {
    make: () => new AggregateError([Object.assign(new Error("a"), { seen: new Set([1]) })]),
    spoil: (v) => v.errors[0].seen.clear(),
  },
  "changing an error of the web": {
    make: () => new DOMException("x", "AbortError"),
    spoil: (v) => Object.assign(v, { more: 1 }),
    throws: true,
  },
  "writing into a Map that an error of the web has": {
    make: () => Object.assign(new DOMException("x", "AbortError"), { seen: new Map() }),
    spoil: (v) => v.seen.set(1, 1),
  },
  "writing below what the user froze": {
    make: () => Object.freeze({ list: [1] }),
    spoil: (v) => v.list.push(2),
    throws: true,
  },
};

/** Values as text, so that also what strict equality does not look into is compared. */
function seen(value: unknown): unknown {
  if (value instanceof Error)
    return [value.name, value.message, value.cause, { ...value }, (value as AggregateError).errors?.map(seen)];
  const { url, parameters } = value as { url?: URL; parameters?: URLSearchParams };
  if (url ?? parameters) return String(url ?? parameters);
  return value;
}

function same(actual: unknown, expected: unknown): void {
  deepStrictEqual(seen(actual), seen(expected));
}

/** A vandal and, after it, a witness take the same value; a sink passes it on to the caller. */
function spoiling({ make, spoil }: Case) {
  const log = { threw: [] as unknown[], works: true, witness: undefined as unknown };
  const vandal = (v: unknown) => {
    same(v, make());
    if (!log.works) throw new Error("not yet");
    try {
      spoil(v);
    } catch (error) {
      log.threw.push(error);
    }
  };
  const nodes = {
    make: node({ output: Any, run: make }),
    // The first attempt spoils its input and fails; the second must find it whole.
    vandal: node({
      input: { v: Any },
      retry: { attempts: 2 },
      run: ({ v }, { attempt }) => {
        vandal(v);
        if (attempt % 2 === 1) throw new Error("and fails");
      },
    }),
    witness: node({
      input: { v: Any },
      run: ({ v }) => {
        log.witness = v;
      },
    }),
    pass: node({ input: { v: Any }, output: Any, run: ({ v }) => v }),
  };
  const edges = [
    ...chain("make", "vandal", "witness"),
    ["make", "witness"],
    ["make", "pass"],
    ["vandal", "pass"],
  ] as const;
  return { log, it: dag("spoiling", { nodes, edges }) };
}

describe.each(["without a store", "with a store", "after a restart"])(
  "a consumer changes nothing for others %s",
  (how) => {
    test.each(Object.entries(CASES))("by %s", async (_, one) => {
      const { log, it } = spoiling(one);
      const provenance = new DagProvenance(memoryStore());
      const runner = new DagRunner(it, how === "without a store" ? {} : { provenance });
      log.works = how !== "after a restart";
      let result = await runner.run();
      if (!log.works) {
        log.works = true;
        result = await runner.restart(result.runId);
      }
      expect(result.status, String((result as { error?: Error }).error)).toBe("completed");
      for (const error of log.threw) expect(error).toBeInstanceOf(TypeError);
      if (one.throws) expect(log.threw).toHaveLength(2);
      same(log.witness, one.make());
      const { pass } = result.outputs as { pass: unknown };
      same(pass, one.make());
      if (how === "without a store") return;
      try {
        one.spoil(pass);
      } catch {
        // Frozen: as it should be.
      }
      for (const path of ["make", "pass"]) same(await provenance.loadOutput(result.runId, path), one.make());
    });
  },
);

// ---- what is handed over

/** Two consumers of one value, on one runner. */
async function handedOver(value: unknown, { share = false, isKept = false } = {}) {
  const seen: unknown[] = [];
  const look = node({ input: { v: Any }, run: ({ v }) => void seen.push(v) });
  const make = node({ output: Any, share, run: () => value });
  const pass = node({ input: { v: Any }, output: Any, share, run: ({ v }) => v });
  const nodes = { make, one: look, two: look, pass };
  const edges = [
    ["make", "one"],
    ["make", "two"],
    ["make", "pass"],
  ] as const;
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("handed", { nodes, edges }), isKept ? { provenance } : {});
  const result = await runner.run();
  expect(result.status).toBe("completed");
  return { one: seen[0], two: seen[1], out: result.outputs.pass } as Record<"one" | "two" | "out", never>;
}

describe.each([false, true])("with a store: %s", (isKept) => {
  test("plain values are the very same frozen object for everybody", async () => {
    const value = { rows: [{ n: 1 }], name: "x", none: undefined };
    const { one, two, out } = await handedOver(value, { isKept });
    for (const seen of [one, two, out]) expect(seen).toBe(value);
    expect([value, value.rows, value.rows[0]].every(Object.isFrozen)).toBe(true);
  });

  test("the plain parts of a value with mutable insides stay the same objects", async () => {
    const value = { plain: { n: 1 }, list: [{ at: new Date(1) }, { n: 2 }] };
    const { one, two } = await handedOver(value, { isKept });
    deepStrictEqual([one, two], [value, value]);
    const [a, b] = [one, two] as (typeof value)[];
    expect(a?.plain).toBe(value.plain);
    expect(a?.list[1]).toBe(value.list[1]);
    expect(a?.list[0]?.at).not.toBe(b?.list[0]?.at);
  });

  test("`share` hands the value over as it is", async () => {
    const value = new Map([["bytes", new Uint8Array(2)]]);
    const { one, two, out } = await handedOver(value, { share: true, isKept });
    for (const seen of [one, two, out]) expect(seen).toBe(value);
  });

  test("cycles and shared references survive", async () => {
    const at = new Date(1);
    const ring: Record<string, unknown> = { at, again: [at], map: new Map() };
    ring.self = ring;
    (ring.map as Map<unknown, unknown>).set(ring, ring.map);
    const { one, two, out } = await handedOver(ring, { isKept });
    for (const copy of [one, two, out] as (typeof ring)[]) {
      expect(copy).not.toBe(ring);
      expect(copy.self).toBe(copy);
      expect((copy.map as Map<unknown, unknown>).get(copy)).toBe(copy.map);
      expect((copy.again as Date[])[0]).toBe(copy.at);
      expect(Object.isFrozen(copy)).toBe(true);
    }
    expect(one).not.toBe(two);
  });

  test("views on one buffer still share it", async () => {
    const shared = buffer(1, 2, 3, 4);
    const value = { shared, bytes: new Uint8Array(shared, 2), view: new DataView(shared, 1) };
    const { one } = await handedOver(value, { isKept });
    const copy = one as typeof value;
    deepStrictEqual([...copy.bytes], [3, 4]);
    copy.bytes[0] = 9;
    expect([new Uint8Array(copy.shared)[2], copy.view.getUint8(1)]).toEqual([9, 9]);
    expect(value.bytes[0]).toBe(3);
  });
});

/** Something that cannot be copied any more, as after a transfer to a worker. */
function moved() {
  const view = new DataView(new ArrayBuffer(4));
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return { view };
}

describe("what can no longer be copied fails the run, and does not leave it hanging", () => {
  const endOf = (run: PromiseLike<unknown>) => Promise.race([run, settled().then(() => "hangs")]);

  test("as an output", async () => {
    const make = node({ output: Any, run: async () => moved() });
    const take = node({ input: { v: Any }, run: () => {} });
    const run = new DagRunner(dag("moved", { nodes: { make, take }, edges: chain("make", "take") })).run();
    expect(await endOf(run)).toMatchObject({ status: "failed" });
  });

  test("as the payload of a pause", async () => {
    const stop = node({
      run: async (_, ctx) => {
        await settled();
        ctx.pause("wait", moved());
      },
    });
    const run = new DagRunner(dag("moved", { nodes: { stop } })).run();
    await settled();
    expect(await endOf(run)).toMatchObject({ status: "failed" });
  });
});
