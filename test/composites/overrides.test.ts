// overrides inside composites: by the pattern of the paths, without touching the dag.

import {
  type AnyNode,
  branch,
  chain,
  DagProvenance,
  DagRunner,
  dag,
  flatMap,
  list,
  map,
  mapOf,
  node,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const Text = type<string>("Text");
const Other = type<string>("Text");

/** A node that writes its name behind the text, and notes its paths. */
function writes(name: string, calls: string[] = []) {
  return node({
    input: { text: Text },
    output: Text,
    run: ({ text }, { path }) => {
      calls.push(path);
      return `${text}${name}`;
    },
  });
}

const mock = writes("!");
const parse = writes("p");
const sum = writes("s");
const chunk = dag("chunk", { nodes: { parse, sum }, edges: chain("parse", "sum") });
const split = node({ output: list(Text), run: () => ["a", "b"] });
const word = node({ output: Text, run: () => "w" });
const rows = node({ output: list(list(Text)), run: () => [["a"], ["b", "c"]] });
const named = node({ output: mapOf(Text, Text), run: () => new Map([["x", "a"]]) });
const twice = node({ input: { text: Text }, output: list(Text), run: ({ text }) => [text, text] });
const words = node({ input: { text: Text }, output: list(Text), run: ({ text }) => [text] });

const pipeline = dag("pipeline", {
  nodes: {
    split,
    word,
    rows,
    named,
    chunks: map(chunk),
    plain: map(parse),
    byName: map(parse),
    stats: chunk,
    route: branch((text: string) => (text === "w" ? "text" : "image"), { text: parse, image: chunk }),
    grid: map(map(chunk)),
    routes: map(branch((text: string) => (text === "a" ? "one" : "all"), { one: chunk, all: parse })),
    outer: dag("outer", { nodes: { parse, inner: chunk }, edges: chain("parse", "inner") }),
    deep: dag("deep", { nodes: { words, each: map(chunk) }, edges: chain("words", "each") }),
    joined: flatMap(twice),
  },
  edges: [
    ["split", "chunks"],
    ["split", "plain"],
    ["named", "byName"],
    ["word", "stats"],
    ["word", "route"],
    ["rows", "grid"],
    ["split", "routes"],
    ["word", "outer"],
    ["word", "deep"],
    ["split", "joined"],
  ],
});
const PLAIN = {
  chunks: ["aps", "bps"],
  plain: ["ap", "bp"],
  byName: new Map([["x", "ap"]]),
  stats: "wps",
  route: "wp",
  grid: [["aps"], ["bps", "cps"]],
  routes: ["aps", "bp"],
  outer: "wpps",
  deep: ["wps"],
  joined: ["a", "a", "b", "b"],
};
const once = node({ input: { text: Text }, output: list(Text), run: ({ text }) => [`${text}!`] });

test.each<[string, AnyNode, object, string[]]>([
  ["chunks[*]/parse", mock, { chunks: ["a!s", "b!s"] }, ["chunks[0]/parse", "chunks[1]/parse"]],
  ["chunks[*]/sum", mock, { chunks: ["ap!", "bp!"] }, ["chunks[0]/sum", "chunks[1]/sum"]],
  ["plain[*]", mock, { plain: ["a!", "b!"] }, ["plain[0]", "plain[1]"]],
  ["byName[*]", mock, { byName: new Map([["x", "a!"]]) }, ["byName{x}"]],
  ["stats/parse", mock, { stats: "w!s" }, ["stats/parse"]],
  ["route{text}", mock, { route: "w!" }, ["route{text}"]],
  ["route{image}/sum", mock, {}, []],
  ["grid[*][*]/sum", mock, { grid: [["ap!"], ["bp!", "cp!"]] }, ["grid[0][0]/sum", "grid[1][0]/sum", "grid[1][1]/sum"]],
  ["routes[*]{one}/parse", mock, { routes: ["a!s", "bp"] }, ["routes[0]{one}/parse"]],
  ["routes[*]{all}", mock, { routes: ["aps", "b!"] }, ["routes[1]{all}"]],
  ["outer/parse", mock, { outer: "w!ps" }, ["outer/parse"]],
  ["outer/inner/sum", mock, { outer: "wpp!" }, ["outer/inner/sum"]],
  ["deep/each[*]/parse", mock, { deep: ["w!s"] }, ["deep/each[0]/parse"]],
  ["deep/words", once, { deep: ["w!ps"] }, ["deep/words"]],
  ["joined[*]", once, { joined: ["a!", "b!"] }, ["joined[0]", "joined[1]"]],
])(
  "%s is overridden where it stands, there alone, and the record says so",
  async (pattern, by, changed, overridden) => {
    const provenance = new DagProvenance(memoryStore());
    const result = await new DagRunner(pipeline, { provenance, overrides: { [pattern]: by } }).run();
    expect(result.outputs).toEqual({ ...PLAIN, ...changed });
    const { executions } = await provenance.inspect(result.runId);
    const marked = executions.filter(({ attempts }) => attempts.some((one) => one.overridden));
    expect(marked.map(({ path }) => path)).toEqual(overridden);
    expect((await new DagRunner(pipeline).run()).outputs).toEqual(PLAIN);
  },
);

test("several overrides hold together, also two in one sub-dag and one at the root", async () => {
  const two = node({ output: list(Text), run: () => ["x"] });
  const overrides = { split: two, "chunks[*]/parse": mock, "chunks[*]/sum": mock, "plain[*]": mock };
  const { outputs } = await new DagRunner(pipeline, { overrides }).run();
  expect(outputs).toMatchObject({ chunks: ["x!!"], plain: ["x!"], stats: "wps", routes: ["xp"] });
});

test("a label is taken as it is, also if it looks like a pattern; inside composites labels are escaped as in paths", async () => {
  const inner = dag("inner", { nodes: { "a/b": parse } });
  const nodes = { word, split, "each[*]": parse, each: map(inner), "x/y": inner };
  const edges = [
    ["word", "each[*]"],
    ["split", "each"],
    ["word", "x/y"],
  ] as const;
  const made = dag("odd", { nodes, edges });
  const outputsWith = async (name: string) =>
    (await new DagRunner(made, { overrides: { [name]: mock } }).run()).outputs;
  const plain = { "each[*]": "wp", each: ["ap", "bp"], "x/y": "wp" };
  expect(await outputsWith("each[*]")).toEqual({ ...plain, "each[*]": "w!" });
  expect(await outputsWith("each[*]/a%2Fb")).toEqual({ ...plain, each: ["a!", "b!"] });
  expect(await outputsWith("x%2Fy/a%2Fb")).toEqual({ ...plain, "x/y": "w!" });
});

test.each([
  "chunks[*]/nope",
  "chunks/parse",
  "chunks[*]",
  "chunks[0]/parse",
  "chunks[*][*]/parse",
  "chunks[*]/parse/more",
  "chunks[*]/parse[*]",
  "chunks{a}/parse",
  "plain{a}",
  "plain[0]",
  "byName{x}",
  "stats[*]/parse",
  "stats/",
  "route",
  "route[*]",
  "route{nope}",
  "route{text}/parse",
  "grid[*]",
  "grid[*]/parse",
  "nope[*]/parse",
  "split[*]",
  "",
])("the pattern %j names no node, and is refused by its name", (pattern) => {
  const make = () => new DagRunner(pipeline, { overrides: { [pattern]: mock } as never });
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  expect(make).toThrow(`"${pattern}"`);
});

test.each([
  ["chunks[*]/parse", node({ input: { text: Text }, output: Num, run: () => 1 }), "the output"],
  ["stats/sum", node({ input: { text: Other }, output: Text, run: () => "" }), 'input "text"'],
  ["plain[*]", node({ input: { texts: Text }, output: Text, run: () => "" }), 'input "text", input "texts"'],
  ["route{text}", node({ input: { text: Text }, run: () => {} }), "the output"],
  ["joined[*]", mock, "the output"],
])("an override of %s with other types is refused, naming pattern and difference", (pattern, by, difference) => {
  const make = () => new DagRunner(pipeline, { overrides: { [pattern]: by } });
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  expect(make).toThrow(`The override of node "${pattern}" has other types: ${difference}.`);
});

test("a composite itself cannot be overridden, and the message says what can", () => {
  const make = () => new DagRunner(pipeline, { overrides: { chunks: mock } as never });
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  expect(make).toThrow(/"chunks" is a map and cannot be overridden.*"chunks\[\*\]/);
});

test("runs with overrides inside a map are continued without them, and the other way round", async () => {
  const calls: string[] = [];
  const provenance = new DagProvenance(memoryStore());
  const sub = dag("sub", {
    nodes: { parse: writes("p", calls), sum: writes("s", calls) },
    edges: chain("parse", "sum"),
  });
  const made = dag("chunked", { nodes: { split, chunks: map(sub) }, edges: [["split", "chunks"]] });
  const plain = new DagRunner(made, { provenance, concurrency: 1 });
  const overridden = new DagRunner(made, {
    provenance,
    concurrency: 1,
    overrides: { "chunks[*]/parse": writes("!", calls) },
  });
  for (const [first, second, outputs] of [
    [plain, overridden, ["aps", "b!s"]],
    [overridden, plain, ["a!s", "bps"]],
  ] as const) {
    const isDone = async (runId: string) => (await provenance.inspect(runId)).executions;
    let result = await first.run({}, { budget: { operations: 2 } });
    expect((await isDone(result.runId)).filter(({ path }) => path.endsWith("/parse"))).toMatchObject([
      { path: "chunks[0]/parse", status: "completed" },
    ]);
    calls.length = 0;
    result = await second.restart(result.runId);
    expect(result).toMatchObject({ status: "completed", outputs: { chunks: outputs } });
    expect(calls).not.toContain("chunks[0]/parse");
    const parses = (await isDone(result.runId)).filter(({ path }) => path.endsWith("/parse"));
    const marks = parses.map(({ path, attempts }) => [path, attempts.at(-1)?.overridden]);
    expect(marks).toEqual([
      ["chunks[0]/parse", first === overridden],
      ["chunks[1]/parse", second === overridden],
    ]);
  }
});

test("a replay with an override executes it at the named path alone", async () => {
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(pipeline, { provenance }).run();
  const runner = new DagRunner(pipeline, { provenance, overrides: { "chunks[*]/parse": mock } });
  const replay = await runner.replay(runId, { rerun: ["chunks[1]/parse"], mode: "downstream" });
  expect(replay.outputs).toEqual({ ...PLAIN, chunks: ["aps", "b!s"] });
});
