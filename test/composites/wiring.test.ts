// Every fault of a composite is reported by `dag()`, all at once, each with labels and a remedy.

import {
  branch,
  chain,
  dag,
  type Edge,
  flatMap,
  type HeddleError,
  keyed,
  list,
  type Member,
  map,
  mapOf,
  node,
  optional,
  record,
  type,
} from "heddle";
import { expect, test } from "vitest";
import { z } from "zod";

const Num = type<number>("Num");
const Text = type<string>("Text");
const Other = type<number>("Num");
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
const size = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
const numbers = node({ output: list(Num), run: () => [1] });
const one = node({ output: Num, run: () => 1 });
const word = node({ output: Text, run: () => "a" });
const nothing = node({ run: () => {} });
const add = node({ input: { a: Num, b: Num }, output: Num, run: ({ a, b }) => a + b });
const labelled = node({ input: { n: Num, text: Text }, output: Text, run: ({ text }) => text });

// The compiler refuses most of what follows; see types.test.ts.
const anyMap = map as unknown as (sub: unknown, options?: object) => Member;
const anyFlatMap = flatMap as unknown as (sub: unknown, options?: object) => Member;
const anyBranch = branch as unknown as (...given: unknown[]) => Member;

function faultsOf(nodes: Record<string, Member>, edges: readonly Edge[]): readonly string[] {
  try {
    dag("wired", { nodes, edges });
  } catch (error) {
    expect(error).toMatchObject({ code: "INVALID_DAG" });
    return (error as HeddleError).faults;
  }
  return [];
}

/** The faults of a composite `each` after `give`. */
const after = (give: Member, each: Member, more: Record<string, Member> = {}) =>
  faultsOf({ give, each, ...more }, [["give", "each"]]);

test("a composite needs exactly one upstream", () => {
  const steps = dag("steps", { nodes: { plusOne } });
  for (const each of [anyMap(plusOne), anyFlatMap(plusOne), steps, anyBranch("kind", { a: plusOne })]) {
    expect(faultsOf({ each }, [])).toContainEqual(
      expect.stringMatching(
        /^Composite node "each" needs exactly one upstream, but has none\. Add an edge to it; for an input of the run, from a node that returns that\.$/,
      ),
    );
  }
  const two = { left: numbers, right: numbers, each: anyMap(plusOne) };
  expect(
    faultsOf(two, [
      ["left", "each"],
      ["right", "each"],
    ]),
  ).toEqual([
    expect.stringMatching(
      /"each" needs exactly one upstream, but has "left", "right"\. Keep the one.*(`with`|join the others)/,
    ),
  ]);
});

test("a sub-dag must have one source and one sink, and the message names those there are", () => {
  const sources = dag("sources", {
    nodes: { left: plusOne, right: size, add: node({ input: { ns: list(Num) }, output: Num, run: () => 1 }) },
    edges: [
      ["left", "add"],
      ["right", "add"],
    ],
  });
  expect(after(numbers, anyMap(sources))).toContainEqual(
    expect.stringMatching(
      /^The sub of node "each" is dag "sources".*the sources "left", "right" and the sinks "add".*`with`/,
    ),
  );
  const sinks = dag("sinks", {
    nodes: { start: plusOne, left: plusOne, right: plusOne },
    edges: [
      ["start", "left"],
      ["start", "right"],
    ],
  });
  expect(after(numbers, anyMap(sinks))).toEqual([
    expect.stringMatching(/"sinks".*the sources "start" and the sinks "left", "right"\. Join them/),
  ]);
  expect(after(one, sinks)).toEqual([expect.stringMatching(/^The sub of node "each" is dag "sinks"/)]);
});

test("a sub-dag without nodes is refused like one without a source", () => {
  expect(after(numbers, anyMap(dag("empty", { nodes: {} })))).toContainEqual(
    expect.stringMatching(/"each" is dag "empty".*the sources none and the sinks none/),
  );
});

test("the source of a sub must have exactly one required input", () => {
  expect(after(numbers, anyMap(add))).toContainEqual(
    expect.stringMatching(
      /^The sub of node "each" must start.*exactly one required input.*it has "a", "b"\. Make the others optional/,
    ),
  );
  expect(after(numbers, anyMap(dag("sub", { nodes: { add } })))).toContainEqual(
    expect.stringMatching(/^The sub of node "each" must start.*"add" has "a", "b"/),
  );
  const free = node({ input: { n: optional(Num) }, output: Num, run: () => 1 });
  for (const sub of [one, free]) {
    expect(after(numbers, anyMap(sub))).toContainEqual(expect.stringMatching(/exactly one required input.*has none/));
  }
});

test("the element must be of the very type that the sub takes", () => {
  const twin = node({ output: list(Other), run: () => [1] });
  expect(after(twin, anyMap(plusOne))).toEqual([
    expect.stringMatching(
      /an element of "give" \(Num\) does not fit input "n" \(Num\) of "each": these are two different types of that name\. Use the same schema object/,
    ),
  ]);
  expect(after(numbers, anyMap(dag("sub", { nodes: { size } })))).toEqual([
    expect.stringMatching(/an element of "give" \(Num\) does not fit input "text" \(Text\) of "size" in node "each"/),
  ]);
  expect(after(word, dag("sub", { nodes: { plusOne } }))).toEqual([
    expect.stringMatching(/by "give" \(Text\) does not fit input "n" \(Num\) of "plusOne" in node "each"/),
  ]);
  expect(after(node({ output: record(Text), run: () => ({}) }), anyMap(plusOne))).toHaveLength(1);
  expect(after(node({ output: mapOf(Num, Text), run: () => new Map() }), anyMap(plusOne))).toHaveLength(1);
  expect(after(node({ output: list(Text), run: () => [] }), anyMap(anyMap(plusOne)))).toEqual([
    expect.stringMatching(/Node "each" is a map over what an element of "give" returns, which is Text whose elements/),
  ]);
});

test.each([
  ["a nominal type", node({ output: type<number[]>("Numbers"), run: () => [1] }), /which is Numbers whose elements/],
  ["a zod object", node({ output: z.object({ a: z.number() }), run: () => ({ a: 1 }) }), /a type whose elements/],
  ["nothing", nothing, /which is nothing/],
])("a map over %s is refused, since its elements are not known", (_, give, message) => {
  const faults = after(give, anyMap(plusOne));
  expect(faults).toEqual([expect.stringMatching(message)]);
  expect(faults[0]).toMatch(/Node "each" is a map over what "give" returns.*Declare that output as list\(…\), record/);
});

test("side inputs must name a node, and an input or a source of the sub", () => {
  expect(after(numbers, anyMap(labelled, { with: { text: "nope" } }))).toContainEqual(
    expect.stringMatching(/^Side input "text" of node "each" names "nope", but this dag has no such node\. Add/),
  );
  expect(after(numbers, anyMap(plusOne, { with: { text: "word" } }), { word })).toEqual([
    expect.stringMatching(
      /^Node "each" has a side input "text", but the sub.*no source and.*no input of that name\. Its sources are "each", the inputs of "each" "n"/,
    ),
  ]);
  const sub = dag("sub", { nodes: { labelled } });
  expect(after(numbers, anyMap(sub, { with: { txt: "word", text: "word" } }), { word })).toEqual([
    expect.stringMatching(
      /"each" has a side input "txt".*Its sources are "labelled".*the inputs of "labelled" "n", "text"/,
    ),
  ]);
  expect(after(numbers, anyMap(labelled, { with: { text: "one" } }), { one })).toEqual([
    expect.stringMatching(/^Side input "text" of node "each" takes the output of "one", which has another type\. Use/),
  ]);
  expect(after(numbers, anyMap(labelled, { with: { text: "nothing" } }), { nothing })).toEqual([
    expect.stringMatching(/"nothing", which returns nothing/),
  ]);
  const placed = dag("placed", {
    nodes: { word, plusOne, labelled },
    edges: [
      ["word", "labelled"],
      ["plusOne", "labelled"],
    ],
  });
  expect(after(numbers, anyMap(placed, { with: { word: "one" } }), { one })).toEqual([
    expect.stringMatching(/^Side input "word" of node "each" takes the output of "one", which has another type/),
  ]);
  expect(after(numbers, anyMap(placed, { with: { word: "word" } }), { word })).toEqual([]);
});

test("the element cannot be a side input too, and no side input may be called input", () => {
  expect(after(numbers, anyMap(plusOne, { with: { n: "one" } }), { one })).toContainEqual(
    expect.stringMatching(/exactly one required input.*it has none\. Give it one/),
  );
  const taken = node({ input: { n: Num, input: Num }, output: Num, run: () => 1 });
  expect(after(numbers, anyMap(taken, { with: { input: "one" } }), { one })).toEqual([
    expect.stringMatching(/side input of node "each" is called "input".*another name/),
  ]);
});

test("a composite inside a composite takes no side inputs of its own, and the way out is told", () => {
  const inner = anyMap(labelled, { with: { text: "word" } });
  const grid = node({ output: list(list(Num)), run: () => [] });
  expect(after(grid, anyMap(inner), { word })).toContainEqual(
    expect.stringMatching(/^The sub of node "each" is a map with side inputs of its own\. Put it into a dag/),
  );
});

test("a cycle through a side input is a cycle", () => {
  const sum = node({ input: { all: list(Text) }, output: Text, run: () => "" });
  const nodes = { numbers, each: anyMap(labelled, { with: { text: "sum" } }), sum };
  expect(faultsOf(nodes, chain("numbers", "each", "sum"))).toContainEqual(
    expect.stringMatching(/cycle: ("each" → "sum" → "each"|"sum" → "each" → "sum")/),
  );
  expect(after(numbers, anyMap(labelled, { with: { text: "each" } }))).toContainEqual(
    expect.stringMatching(/cycle: "each" → "each"/),
  );
});

test("the cases of a branch after pairs are exactly their keys, with their types", () => {
  const give = node({ output: keyed({ num: Num, text: Text }), run: () => ["num", 1] as const });
  expect(after(give, anyBranch({ num: plusOne }))).toEqual([
    expect.stringMatching(/^Branch "each" has no case for "text"\. Add it\.$/),
  ]);
  expect(after(give, anyBranch({ num: plusOne, text: size, more: plusOne }))).toEqual([
    expect.stringMatching(/^Branch "each" has a case "more" that "give" never gives\. Remove it\.$/),
  ]);
  expect(after(give, anyBranch({ num: size, text: size }))).toEqual([
    expect.stringMatching(/case "num" of "give" \(Num\) does not fit input "text" \(Text\) of "each"/),
  ]);
  expect(after(one, anyBranch({ num: plusOne }))).toEqual([
    expect.stringMatching(/^Node "each" is a branch without `by`, so "give" must return pairs: .*keyed\(\{ num \}\)/),
  ]);
  expect(after(nothing, anyBranch("kind", { num: plusOne }))).toEqual([
    expect.stringMatching(/^Node "each" is a branch after "give", which returns nothing\./),
  ]);
});

test("the cases of a branch return one type, and take what the branch is given", () => {
  const shout = node({ input: { n: Num }, output: Text, run: () => "" });
  const by = (n: number) => (n > 0 ? "a" : "b");
  expect(after(one, anyBranch(by, { a: plusOne, b: shout }))).toEqual([
    expect.stringMatching(/^The cases of branch "each" return different types\. Use the same schema object/),
  ]);
  expect(after(one, anyBranch(by, { a: plusOne, b: size }))).toEqual([
    expect.stringMatching(/by "give" \(Num\) does not fit input "text" \(Text\) of "each": their types differ/),
  ]);
});

test("flatMap joins lists only", () => {
  expect(after(numbers, anyFlatMap(plusOne))).toEqual([
    expect.stringMatching(/^flatMap "each" joins lists, but its sub does not return one\. Declare.*or use map\.$/),
  ]);
});

test("flatMap does not join what returns nothing", () => {
  const act = node({ input: { n: Num }, run: () => {} });
  expect(after(numbers, anyFlatMap(act))).toEqual([expect.stringMatching(/^flatMap "each" joins lists/)]);
});

test("what a composite returns feeds what takes exactly that, and the message names both", () => {
  const texts = node({ input: { texts: list(Text) }, run: () => {} });
  const edges = chain("numbers", "each", "texts");
  expect(faultsOf({ numbers, each: anyMap(plusOne), texts }, edges)).toEqual([
    expect.stringMatching(/\["each", "texts"\] feeds nothing/),
    expect.stringMatching(/"texts" of node "texts" is fed by nothing/),
  ]);
  const sum = node({ input: { ns: list(Num) }, run: () => {} });
  const collecting = { numbers, each: anyMap(plusOne, { onError: "collect" }), sum };
  expect(faultsOf(collecting, chain("numbers", "each", "sum"))).toHaveLength(2);
});

test("all faults of all composites are reported at once", () => {
  const nodes = { numbers, first: anyMap(size), second: anyMap(add), third: dag("third", { nodes: { size } }) };
  const faults = faultsOf(nodes, [
    ["numbers", "first"],
    ["numbers", "second"],
    ["numbers", "third"],
  ]);
  for (const label of ["first", "second", "third"]) {
    expect(faults).toContainEqual(expect.stringContaining(`"${label}"`));
  }
});

test("a plain function as a node is refused, with the ways to make one", () => {
  const fn = (() => 1) as never;
  expect(faultsOf({ fn }, [])).toEqual([
    expect.stringMatching(/^Node "fn" is no node \(function\)\. Make it with node\(\{ run \}\), or use a dag, map/),
  ]);
});
