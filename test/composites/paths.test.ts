// Paths: any label and any key is safe in them, and what is written is read back.

import fc from "fast-check";
import { DagProvenance, DagRunner, dag, formatPath, map, mapOf, node, type PathPart, parsePath, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const Key = type<unknown>("Key");
const signs = fc.constantFrom(..."/[]{}%*=\\\"'`$^.?+()|-#<>: \n\r\t\0\u2028é漢🦜\ud800\udc00en7");
const text = fc.oneof(fc.string({ unit: signs }), fc.string({ unit: "binary" }), fc.string());
const label = text.filter((name) => name !== "");
const key = fc.oneof(
  text,
  fc.integer(),
  fc.double().map((value) => value + 0),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, 1e21, 5e-324, Number.MAX_VALUE),
  fc.bigInt(),
  fc.constantFrom(true, false, null, undefined),
);
const element = fc.oneof(
  fc.nat().map((index) => ({ index })),
  key.map((one) => ({ key: one })),
);
const part: fc.Arbitrary<PathPart> = fc.record(
  { label, elements: fc.array(element, { maxLength: 3 }) },
  { noNullPrototype: true },
);
const parts = fc.array(part, { minLength: 1, maxLength: 4 });

test("a path parses back to the labels, positions and keys that it was made of", () => {
  fc.assert(
    fc.property(parts, (made) => {
      expect(parsePath(formatPath(made))).toStrictEqual(made);
    }),
    { numRuns: 3_000 },
  );
});

test("different parts never have one path", () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const isSame = JSON.stringify(a, printed) === JSON.stringify(b, printed);
      expect(formatPath(a) === formatPath(b)).toBe(isSame);
    }),
    { numRuns: 1_000 },
  );
});

function printed(_: string, value: unknown): unknown {
  const isOdd = typeof value === "number" || typeof value === "bigint" || value === undefined;
  return isOdd ? `${typeof value} ${String(value)}` : value;
}

test("keys that look alike have paths of their own", () => {
  const alike = ["7", 7, 7n, "=7", "7n", true, "true", null, "null", undefined, "undefined", Number.NaN, "NaN", ""];
  const paths = alike.map((one) => formatPath([{ label: "m", elements: [{ key: one }] }]));
  expect(new Set(paths).size).toBe(alike.length);
  expect(paths.slice(0, 4)).toEqual(["m{7}", "m{=7}", "m{=7n}", "m{%3D7}"]);
});

test("-0 is 0, as it is for a Map", () => {
  expect(formatPath([{ label: "m", elements: [{ key: -0 }] }])).toBe("m{=0}");
});

test.each([
  "",
  "/",
  "a/",
  "/a",
  "a//b",
  "[1]",
  "a[",
  "a[]",
  "a[x]",
  "a[-1]",
  "a[1",
  "a{",
  "a{x",
  "a}",
  "a[1]b",
  "a{b{c}}",
  "a*",
  "a[*]",
  "a{=x}",
  "a{=}",
  "a{=1.5n}",
  "a%zz",
])("%j is no path, and is refused with examples of paths", (path) => {
  expect(() => parsePath(path)).toThrow(
    expect.objectContaining({ code: "UNKNOWN_PATH", message: expect.stringContaining("chunks[3]/parse") }),
  );
});

test("every path of a run can be taken apart, loaded and named, whatever the keys of its Map are", async () => {
  const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
  const label = "a/b{c}[0]*%=";
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { comparator: "SameValueZero", maxLength: 6 }), async (keys) => {
      const give = node({ output: mapOf(Key, Num), run: () => new Map(keys.map((one, i) => [one, i])) });
      const inner = dag("inner", { nodes: { [label]: plusOne } });
      const each = map(inner as never) as ReturnType<typeof map<typeof plusOne>>;
      const provenance = new DagProvenance(memoryStore());
      const nodes = { give, each };
      const runner = new DagRunner(dag("keys", { nodes, edges: [["give", "each"]] }), { provenance });
      const result = await runner.run();
      expect(result.status).toBe("completed");
      for (const [i, one] of keys.entries()) {
        const path = formatPath([
          { label: "each", elements: [{ key: one }] },
          { label, elements: [] },
        ]);
        expect(await provenance.loadOutput(result.runId, path)).toBe(i + 1);
        expect(await provenance.loadInputs(result.runId, path)).toEqual({ n: i });
        const replay = await runner.replay(result.runId, { rerun: [path] });
        const { executions } = await provenance.inspect(replay.runId);
        expect(executions.filter(({ status }) => status === "completed").map((one) => one.path)).toEqual([
          "each",
          path,
        ]);
        expect(parsePath(path).at(0)?.elements).toStrictEqual([{ key: one === 0 ? 0 : one }]);
      }
    }),
    { numRuns: 60 },
  );
});

test("keys that are objects are named by position", async () => {
  const at = new Date(0);
  const give = node({
    output: mapOf(Key, Num),
    run: () =>
      new Map<unknown, number>([
        [at, 1],
        ["x", 2],
        [{}, 3],
        [[], 4],
      ]),
  });
  const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
  const provenance = new DagProvenance(memoryStore());
  const nodes = { give, each: map(plusOne) };
  const { runId } = await new DagRunner(dag("objects", { nodes, edges: [["give", "each"]] }), { provenance }).run();
  const { executions } = await provenance.inspect(runId, { under: "each" });
  expect(executions.map(({ path }) => path)).toEqual(["each[0]", "each{x}", "each[2]", "each[3]"]);
  expect(await provenance.loadInputs(runId, "each[2]")).toEqual({ n: 3 });
  expect([...((await provenance.loadOutput(runId, "each")) as Map<unknown, number>)]).toEqual([
    [at, 2],
    ["x", 3],
    [{}, 4],
    [[], 5],
  ]);
});
