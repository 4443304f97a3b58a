// What map, flatMap and branch refuse where they are written, each with the option and a remedy.

import { branch, flatMap, type Member, map, node, type } from "heddle";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });

// The compiler refuses most of what follows.
const anyMap = map as unknown as (sub: unknown, options?: object) => Member;
const anyFlatMap = flatMap as unknown as (sub: unknown, options?: object) => Member;
const anyBranch = branch as unknown as (...given: unknown[]) => Member;

test.each([
  ["map of a function", () => anyMap(() => 1), /What map runs must be a node or a dag, got function\. Wrap.*node\(\{/],
  ["flatMap of nothing", () => anyFlatMap(undefined), /What flatMap runs must be a node or a dag, got undefined/],
  ["map of a run function's object", () => anyMap({ run: () => 1 }), /must be a node or a dag, got object/],
  ["a case that is a function", () => anyBranch("kind", { a: () => 1 }), /Case "a" of a branch must be.*got function/],
  ["no cases", () => anyBranch("kind", {}), /Expected the cases of a branch/],
  ["an empty property", () => anyBranch("", { a: plusOne }), /Expected `by` of a branch/],
  ["a number as by", () => anyBranch(5, { a: plusOne }), /Expected `by` of a branch/],
  ["a concurrency of 0", () => anyMap(plusOne, { concurrency: 0 }), /`concurrency`.*got `0`/],
  ["a concurrency of 1.5", () => anyMap(plusOne, { concurrency: 1.5 }), /`concurrency`.*got `1.5`/],
  [
    "another onError",
    () => anyMap(plusOne, { onError: "ignore" }),
    /`onError` to be "fail" or "collect", got `ignore`/,
  ],
  ["an unknown option", () => anyMap(plusOne, { concurency: 5 }), /Unknown option "concurency" of map\. Known/],
  ["onError of flatMap", () => anyFlatMap(plusOne, { onError: "collect" }), /no place for errors\. Use map/],
  ["with of no labels", () => anyMap(plusOne, { with: { a: 1 } }), /Expected `with` to name a node/],
  ["with of null", () => anyMap(plusOne, { with: null }), /Expected `with` to name a node/],
  ["options of null", () => anyMap(plusOne, null as never), /options|Expected/],
])("%s is refused where it is written", (_, make, message) => {
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }));
});
