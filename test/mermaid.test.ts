import { dag, node, toMermaid, type } from "heddle";
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
