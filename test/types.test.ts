// What compiles, with the types it has. `tsc -p .` checks this file; running it shows that the values agree.

import {
  type Context,
  chain,
  DagRunner,
  dag,
  list,
  node,
  optional,
  type RunResult,
  type SinkOutputs,
  type SourceInputs,
  type,
} from "heddle";
import * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

const Csv = z.string().brand("Csv");
const Rows = z.array(z.object({ species: z.string(), cost: z.number() }));
const Table = type<{ readonly title: string }>("Table");
const Report = v.object({ tables: v.number() });

const download = node({
  input: { url: z.url(), retries: z.number().default(3) },
  output: Csv,
  run: async ({ url, retries }, ctx) => {
    expectTypeOf(url).toEqualTypeOf<string>();
    expectTypeOf(retries).toEqualTypeOf<number>();
    expectTypeOf(ctx.attempt).toEqualTypeOf<number>();
    return Csv.parse(`${url}\n${retries}`);
  },
});
const parse = node({ input: { csv: Csv }, output: Rows, run: ({ csv }) => [{ species: csv, cost: 1 }] });
const bySpecies = node({ input: { rows: Rows }, output: Table, run: ({ rows }) => ({ title: `${rows.length}` }) });
const report = node({
  input: { tables: list(Table), note: optional(Csv) },
  output: Report,
  run: ({ tables, note }) => {
    expectTypeOf(tables).toEqualTypeOf<{ readonly title: string }[]>();
    expectTypeOf(note).toEqualTypeOf<z.infer<typeof Csv> | undefined>();
    return { tables: tables.length };
  },
});

const typed = dag("typed", {
  nodes: { download, parse, bySpecies, byAirport: bySpecies, report },
  edges: [...chain("download", "parse", "bySpecies", "report"), ["parse", "byAirport"], ["byAirport", "report"]],
});

test("inputs of run are typed by the sources, outputs by the sinks", async () => {
  type N = typeof typed.nodes;
  type E = typeof typed.edges;
  expectTypeOf<SourceInputs<N, E>>().toExtend<{ readonly download: { readonly url: string } }>();
  expectTypeOf<SinkOutputs<N, E>>().toEqualTypeOf<{ readonly report: { tables: number } }>();
  const runner = new DagRunner(typed);
  const result = await runner.run({ download: { url: "https://example.org" } });
  expectTypeOf(result).toEqualTypeOf<RunResult<{ readonly report: { tables: number } }>>();
  if (result.status !== "completed") throw new Error(result.status);
  expectTypeOf(result.outputs.report.tables).toEqualTypeOf<number>();
  expect(result.outputs.report).toEqual({ tables: 2 });
  // @ts-expect-error parse is no sink
  expect(result.outputs.parse).toBeUndefined();
});

test("missing, extra and wrong source inputs do not compile", async () => {
  const runner = new DagRunner(typed);
  const runs = [
    // @ts-expect-error the source needs a url
    runner.run(),
    // @ts-expect-error the source needs a url
    runner.run({ download: {} }),
    // @ts-expect-error a url is a string
    runner.run({ download: { url: 1 } }),
    // @ts-expect-error the source has no input "path"
    runner.run({ download: { url: "https://example.org", path: "x" } }),
    // @ts-expect-error parse is no source
    runner.run({ download: { url: "https://example.org" }, parse: { csv: "x" } }),
  ];
  for (const run of runs) await expect(run).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("a dag without needy sources runs without inputs", async () => {
  const start = node({ output: Table, run: () => ({ title: "a" }) });
  const result = await new DagRunner(dag("bare", { nodes: { start } })).run();
  expect(result.outputs).toEqual({ start: { title: "a" } });
});

test("a dag built in a loop has plain string labels", async () => {
  const start = node({ output: Table, run: () => ({ title: "a" }) });
  const next = node({ input: { table: Table }, output: Table, run: ({ table }) => table });
  const labels = Array.from({ length: 5 }, (_, i) => `n${i}`);
  const nodes = Object.fromEntries(labels.map((label, i) => [label, i === 0 ? start : next]));
  const looped = dag("looped", { nodes, edges: labels.slice(1).map((label, i) => [`n${i}`, label] as const) });
  const result = await new DagRunner(looped).run();
  expect(result.outputs).toEqual({ n4: { title: "a" } });
});

test("what a function returns must fit its output", () => {
  const wrong = [
    // @ts-expect-error a number is no Table
    () => node({ output: Table, run: () => 1 }),
    // @ts-expect-error nor asynchronously
    () => node({ output: Table, run: async () => ({ titel: "x" }) }),
    // @ts-expect-error an unvalidated node returns the branded type itself
    () => node({ output: Csv, run: () => "plain" }),
  ];
  expect(wrong.map((make) => make().kind)).toEqual(["node", "node", "node"]);
  expect(node({ output: Csv, validate: true, run: () => "plain" }).validate).toBe(true);
});

test("the fields a node needs of its context are required of the runner", async () => {
  const greet = node({ output: Table, run: (_, ctx: Context<{ name: string }>) => ({ title: ctx.name }) });
  const count = node({ output: Table, run: (_, ctx: Context<{ from: number }>) => ({ title: `${ctx.from}` }) });
  const greetings = dag("greetings", { nodes: { greet, count } });
  // @ts-expect-error no context
  new DagRunner(greetings);
  // @ts-expect-error no `from`
  new DagRunner(greetings, { context: { name: "x" } });
  const result = await new DagRunner(greetings, { context: { name: "x", from: 2 } }).run();
  expect(result.outputs).toEqual({ greet: { title: "x" }, count: { title: "2" } });
});

test("overrides must have the types of the node they stand for", () => {
  const cached = node({ input: { csv: Csv }, output: Rows, run: () => [] });
  expect(new DagRunner(typed, { overrides: { parse: cached } }).dag).toBe(typed);
  // @ts-expect-error bySpecies has other types
  expect(() => new DagRunner(typed, { overrides: { parse: bySpecies } })).toThrow(/other types/);
  // @ts-expect-error no such label
  expect(() => new DagRunner(typed, { overrides: { nope: cached } })).toThrow(/no node "nope"/);
});
