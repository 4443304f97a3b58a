import { branch, chain, dag, flatMap, list, map, node, toMermaid, type } from "heddle";
import { expect, test } from "vitest";

const Text = type<string>("Text");

test("a dag is drawn with its sources, sinks and named inputs, and any label is safe", () => {
  const read = node({ output: Text, run: () => "" });
  const join = node({ input: { a: Text, b: Text }, output: Text, run: ({ a, b }) => a + b });
  const drawn = dag("drawn", {
    nodes: { read, 'say "hi" <b>': read, join },
    edges: [
      ["read", "join", "a"],
      ['say "hi" <b>', "join", "b"],
    ],
  });
  expect(toMermaid(drawn)).toBe(
    [
      "flowchart TD",
      '  n0(["read"])',
      '  n1(["say #34;hi#34; #60;b#62;"])',
      '  n2[["join"]]',
      '  n0 -->|"a"| n2',
      '  n1 -->|"b"| n2',
      "",
    ].join("\n"),
  );
});

test("composites are frames around what they run, with their kind and the keys of cases, and side inputs are dotted", () => {
  const Num = type<number>("Num");
  const give = node({ output: list(Num), run: () => [1] });
  const one = node({ output: Num, run: () => 1 });
  const step = node({ input: { n: Num }, output: Num, run: ({ n }) => n });
  const add = node({ input: { n: Num, more: Num }, output: Num, run: ({ n, more }) => n + more });
  const wrap = node({ input: { n: Num }, output: list(Num), run: ({ n }) => [n] });
  const two = dag("two", { nodes: { start: step, end: step }, edges: chain("start", "end") });
  const nodes = {
    give,
    one,
    each: map(two),
    'call "it"': two,
    route: branch((_: number): "a" | "b" => "a", { a: step, b: two }),
    grid: flatMap(wrap),
    sided: map(add, { with: { more: "one" } }),
  };
  const edges = [
    ["give", "each"],
    ["one", 'call "it"'],
    ["one", "route"],
    ["give", "grid"],
    ["grid", "sided"],
  ] as const;
  expect(toMermaid(dag("drawn", { nodes, edges }))).toBe(
    [
      "flowchart TD",
      '  n0(["give"])',
      '  n1(["one"])',
      '  subgraph n2 ["each (map)"]',
      '    n2_0_0(["start"])',
      '    n2_0_1[["end"]]',
      "    n2_0_0 --> n2_0_1",
      "  end",
      '  subgraph n3 ["call #34;it#34; (call)"]',
      '    n3_0_0(["start"])',
      '    n3_0_1[["end"]]',
      "    n3_0_0 --> n3_0_1",
      "  end",
      '  subgraph n4 ["route (branch)"]',
      '    n4_0_["a"]',
      '    subgraph n4_1_ ["b"]',
      '      n4_1_0(["start"])',
      '      n4_1_1[["end"]]',
      "      n4_1_0 --> n4_1_1",
      "    end",
      "  end",
      '  subgraph n5 ["grid (flatMap)"]',
      '    n5_0_["grid"]',
      "  end",
      '  subgraph n6 ["sided (map)"]',
      '    n6_0_["sided"]',
      "  end",
      "  n0 --> n2",
      "  n1 --> n3",
      "  n1 --> n4",
      "  n0 --> n5",
      "  n5 --> n6",
      '  n1 -.->|"more"| n6',
      "",
    ].join("\n"),
  );
});

test("a composite in a composite is a frame in a frame, and sources whose place a side input takes are not drawn", () => {
  const Num = type<number>("Num");
  const give = node({ output: list(list(Num)), run: () => [[1]] });
  const one = node({ output: Num, run: () => 1 });
  const row = node({ input: { ns: list(Num) }, output: list(Num), run: ({ ns }) => ns });
  const step = node({ input: { n: Num }, output: Num, run: ({ n }) => n });
  const join = node({ input: { ns: list(Num), base: Num }, output: Num, run: ({ base }) => base });
  const sub = dag("sub", {
    nodes: { row, base: one, cells: map(branch((_: number): "a" => "a", { a: step })), join },
    edges: [
      ["row", "cells"],
      ["cells", "join", "ns"],
      ["base", "join", "base"],
    ],
  });
  const nodes = { give, one, rows: map(sub, { with: { base: "one" } }) };
  expect(toMermaid(dag("drawn", { nodes, edges: [["give", "rows"]] }))).toBe(
    [
      "flowchart TD",
      '  n0(["give"])',
      '  n1(["one"])',
      '  subgraph n2 ["rows (map)"]',
      '    n2_0_0(["row"])',
      '    subgraph n2_0_2 ["cells (map)"]',
      '      subgraph n2_0_2_0_ ["cells (branch)"]',
      '        n2_0_2_0__0_["a"]',
      "      end",
      "    end",
      '    n2_0_3[["join"]]',
      "    n2_0_0 --> n2_0_2",
      "    n2_0_2 --> n2_0_3",
      "  end",
      "  n0 --> n2",
      '  n1 -.->|"base"| n2',
      "",
    ].join("\n"),
  );
});
