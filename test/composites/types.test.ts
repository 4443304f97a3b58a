// The types of composites. `tsc -p .` checks this file; running it shows that the values agree.

import {
  branch,
  type Context,
  chain,
  DagRunner,
  dag,
  flatMap,
  keyed,
  list,
  map,
  mapOf,
  node,
  record,
  type Settled,
  settled,
  type,
} from "heddle";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

const Num = type<number>("Num");
const Text = type<string>("Text");
const Key = type<"a" | "b">("Key");
const Row = z.object({ n: z.number() });
const print = node({ input: { n: Num }, output: Text, run: ({ n }) => `<${n}>` });
const printRow = node({ input: { row: Row }, output: Text, run: ({ row }) => `<${row.n}>` });
const numbers = node({ output: list(Num), run: () => [1, 2] });
const byName = node({ output: record(Num), run: () => ({ a: 1 }) });
const byKey = node({ output: mapOf(Key, Num), run: () => new Map([["a", 1] as const]) });
const one = node({ output: Num, run: () => 1 });

interface Named {
  readonly name: string;
}

type Completed<R> = Extract<R, { readonly status: "completed" }>;

/** The outputs that a runner promises, if the run completes. */
type Outputs<R extends { run: (...given: never[]) => PromiseLike<{ readonly outputs: unknown }> }> = Completed<
  Awaited<ReturnType<R["run"]>>
>["outputs"];

/** The outputs of a run that completes. */
async function outputsOf<R extends { readonly status: string; readonly outputs: unknown }>(
  run: PromiseLike<R>,
): Promise<Completed<R>["outputs"]> {
  const result = await run;
  expect(result.status).toBe("completed");
  return result.outputs as Completed<R>["outputs"];
}

describe("what a map gives has the form of what it is given", () => {
  test("a list, a record and a Map", async () => {
    const nodes = { numbers, byName, byKey, ofList: map(print), ofRecord: map(print), ofMap: map(print) };
    const edges = [
      ["numbers", "ofList"],
      ["byName", "ofRecord"],
      ["byKey", "ofMap"],
    ] as const;
    const runner = new DagRunner(dag("forms", { nodes, edges }));
    expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{
      readonly ofList: string[];
      readonly ofRecord: { readonly [key: string]: string };
      readonly ofMap: ReadonlyMap<"a" | "b", string>;
    }>();
    const expected = { ofList: ["<1>", "<2>"], ofRecord: { a: "<1>" }, ofMap: new Map([["a", "<1>"]]) };
    expect(await outputsOf(runner.run())).toStrictEqual(expected);
  });

  test("an array, a record and a map of zod", async () => {
    const row = { n: 1 };
    const nodes = {
      rows: node({ output: z.array(Row), run: () => [row] }),
      named: node({ output: z.record(z.string(), Row), run: () => ({ a: row }) }),
      keyed: node({ output: z.map(z.number(), Row), run: () => new Map([[7, row]]) }),
      ofRows: map(printRow),
      ofNamed: map(printRow),
      ofKeyed: map(printRow),
    };
    const edges = [
      ["rows", "ofRows"],
      ["named", "ofNamed"],
      ["keyed", "ofKeyed"],
    ] as const;
    const runner = new DagRunner(dag("zod", { nodes, edges }));
    expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{
      readonly ofRows: string[];
      readonly ofNamed: { readonly [key: string]: string };
      readonly ofKeyed: ReadonlyMap<number, string>;
    }>();
    const expected = { ofRows: ["<1>"], ofNamed: { a: "<1>" }, ofKeyed: new Map([[7, "<1>"]]) };
    expect(await outputsOf(runner.run())).toStrictEqual(expected);
  });

  test("a map of a dag gives what the sink of the dag gives", async () => {
    const size = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
    const sub = dag("sub", { nodes: { print, size }, edges: chain("print", "size") });
    const runner = new DagRunner(dag("subs", { nodes: { byName, each: map(sub) }, edges: [["byName", "each"]] }));
    expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{
      readonly each: { readonly [key: string]: number };
    }>();
    expect(await outputsOf(runner.run())).toEqual({ each: { a: 3 } });
  });

  test("a map of a map, and a map after a map", async () => {
    const grid = node({ output: record(list(Num)), run: () => ({ a: [1, 2] }) });
    const size = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
    const nodes = { grid, rows: map(map(print)), sizes: map(map(size)) };
    const runner = new DagRunner(dag("grid", { nodes, edges: chain("grid", "rows", "sizes") }));
    expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{
      readonly sizes: { readonly [key: string]: number[] };
    }>();
    expect(await outputsOf(runner.run())).toEqual({ sizes: { a: [3, 3] } });
  });

  test("flatMap gives one list of the items", async () => {
    const repeat = node({ input: { n: Num }, output: list(Text), run: ({ n }) => ["x".repeat(n), "y"] });
    const runner = new DagRunner(dag("joins", { nodes: { byName, all: flatMap(repeat) }, edges: [["byName", "all"]] }));
    expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{ readonly all: string[] }>();
    expect(await outputsOf(runner.run())).toEqual({ all: ["x", "y"] });
  });

  test("with onError collect, each element is settled, and its downstream declares that", async () => {
    const count = node({
      input: { all: list(settled(Text)) },
      output: Num,
      run: ({ all }) => {
        expectTypeOf(all).toEqualTypeOf<Settled<string>[]>();
        return all.length;
      },
    });
    const nodes = {
      numbers,
      byName,
      each: map(print, { onError: "collect" }),
      count,
      named: map(print, { onError: "collect" }),
    };
    const edges = [...chain("numbers", "each", "count"), ["byName", "named"]] as const;
    const runner = new DagRunner(dag("collects", { nodes, edges }));
    expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{
      readonly count: number;
      readonly named: { readonly [key: string]: Settled<string> };
    }>();
    const outputs = await outputsOf(runner.run());
    expect(outputs).toEqual({ count: 2, named: { a: { status: "completed", value: "<1>" } } });
    const { a } = outputs.named;
    if (a?.status === "failed") expectTypeOf(a.error).toEqualTypeOf<Error>();
    if (a?.status === "completed") expectTypeOf(a.value).toEqualTypeOf<string>();
    // @ts-expect-error a result has a value only where it is completed
    expect(a?.value).toBe("<1>");
  });
});

test("a call gives what its sink gives", async () => {
  const sub = dag("sub", { nodes: { print } });
  const runner = new DagRunner(dag("calls", { nodes: { one, call: sub }, edges: [["one", "call"]] }));
  expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{ readonly call: string }>();
  expect(await outputsOf(runner.run())).toEqual({ call: "<1>" });
});

test("a branch gives what its cases give, in each of its three forms", async () => {
  const Circle = z.object({ kind: z.literal("circle"), r: z.number() });
  const Square = z.object({ kind: z.literal("square"), a: z.number() });
  const Shape = z.union([Circle, Square]);
  const size = node({ input: { text: Text }, output: Text, run: ({ text }) => `${text.length}` });
  const cases = {
    circle: node({ input: { c: Circle }, output: Text, run: ({ c }) => `r${c.r}` }),
    square: node({ input: { s: Square }, output: Text, run: ({ s }) => `a${s.a}` }),
  };
  const nodes = {
    one,
    shape: node({ output: Shape, run: (): z.infer<typeof Shape> => ({ kind: "square", a: 2 }) }),
    pair: node({ output: keyed({ num: Num, text: Text }), run: () => ["text", "abc"] as const }),
    byFunction: branch((n: number) => n > 0, { true: print, false: print }),
    byProperty: branch("kind", cases),
    byPair: branch({ num: print, text: size }),
  };
  const edges = [
    ["one", "byFunction"],
    ["shape", "byProperty"],
    ["pair", "byPair"],
  ] as const;
  const runner = new DagRunner(dag("branches", { nodes, edges }));
  expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{
    readonly byFunction: string;
    readonly byProperty: string;
    readonly byPair: string;
  }>();
  expect(await outputsOf(runner.run())).toEqual({ byFunction: "<1>", byProperty: "a2", byPair: "3" });
});

test("a branch in a map gives what its cases give, per element", async () => {
  const each = map(branch((n: number) => (n > 1 ? "many" : "few"), { many: print, few: print }));
  const runner = new DagRunner(dag("routes", { nodes: { byKey, each }, edges: [["byKey", "each"]] }));
  expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{ readonly each: ReadonlyMap<"a" | "b", string> }>();
  expect(await outputsOf(runner.run())).toEqual({ each: new Map([["a", "<1>"]]) });
});

test("the fields that nodes inside composites need of their context are required of the runner", async () => {
  const greet = node({ input: { n: Num }, output: Text, run: ({ n }, ctx: Context<Named>) => `${ctx.name}${n}` });
  const count = node({
    input: { n: Num },
    output: Text,
    run: ({ n }, ctx: Context<{ from: number }>) => `${ctx.from + n}`,
  });
  const sub = dag("sub", { nodes: { greet } });
  const deep = map(branch((n: number) => n > 1, { true: dag("deep", { nodes: { sub: count } }), false: print }));
  const nodes = { one, numbers, call: sub, each: map(sub), deep };
  const edges = [
    ["one", "call"],
    ["numbers", "each"],
    ["numbers", "deep"],
  ] as const;
  const needy = dag("needy", { nodes, edges });
  // @ts-expect-error no context
  new DagRunner(needy);
  // @ts-expect-error no `from`, which only a case deep inside needs
  new DagRunner(needy, { context: { name: "x" } });
  // @ts-expect-error no `name`
  new DagRunner(needy, { context: { from: 10 } });
  const runner = new DagRunner(needy, { context: { name: "x", from: 10 } });
  expect(await outputsOf(runner.run())).toEqual({ call: "x1", each: ["x1", "x2"], deep: ["<1>", "12"] });
});

test("a node that is named as a side input is no sink, for the compiler and in the result", async () => {
  const join = node({ input: { n: Num, text: Text }, output: Text, run: ({ n, text }) => `${text}${n}` });
  const nodes = {
    numbers,
    word: node({ output: Text, run: () => "w" }),
    free: node({ output: Text, run: () => "f" }),
    each: map(join, { with: { text: "word" } }),
  };
  const runner = new DagRunner(dag("sides", { nodes, edges: [["numbers", "each"]] }));
  expectTypeOf<Outputs<typeof runner>>().toEqualTypeOf<{ readonly free: string; readonly each: string[] }>();
  const outputs = await outputsOf(runner.run());
  expect(outputs).toEqual({ free: "f", each: ["w1", "w2"] });
  // @ts-expect-error `word` is taken by `each`
  expect(outputs.word).toBeUndefined();
});
