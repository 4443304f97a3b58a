// Instances of registered classes in runs: how they are handed on, recorded, and read by another process.

import { deepStrictEqual } from "node:assert/strict";
import { chain, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { type ClassCodec, classCodec, valueCodec } from "heddle/adapters/codec";
import { fileSystemStore } from "heddle/adapters/file-system";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { CLASSES, Money, Tree } from "./support/codec-classes.js";
import { temporaryDirectory } from "./support/stores.js";

const Any = type<unknown>("Any");

test("a class that a restart does not know fails the node that needs it, until it is registered", async () => {
  const directory = temporaryDirectory();
  const open = (classes: readonly ClassCodec[]) =>
    new DagProvenance(fileSystemStore(directory, { codec: valueCodec({ classes }) }));
  let works = false;
  const make = node({ output: Any, run: () => new Tree("x".repeat(500), [new Tree(new Money(7n, "EUR"))]) });
  const take = node({
    input: { value: Any },
    output: Any,
    run: ({ value }) => {
      if (!works) throw new Error("not yet");
      return ((value as Tree).children[0] as Tree).value;
    },
  });
  const it = dag("trees", { nodes: { make, take }, edges: chain("make", "take") });
  const { runId } = await new DagRunner(it, { provenance: open(CLASSES) }).run();
  works = true;
  const unknown = await new DagRunner(it, { provenance: open([]) }).restart(runId);
  expect(unknown).toMatchObject({ status: "failed", failedNode: "take", error: { code: "VALUE_DAMAGED" } });
  await expect(open([]).loadOutput(runId, "make")).rejects.toMatchObject({ code: "VALUE_DAMAGED" });
  const known = await new DagRunner(it, { provenance: open(CLASSES) }).restart(runId);
  expect(known).toMatchObject({ status: "completed", outputs: { take: { cents: 7n } } });
});

describe("instances in a run", () => {
  /** One node makes a tree, the next changes it, a third one looks. */
  function changing() {
    const seen: Tree[] = [];
    const make = node({ output: Any, run: () => [new Tree("whole", [new Tree(1)])] });
    const change = node({ input: { value: Any }, run: ({ value }) => void (value as [Tree])[0].children.pop() });
    const look = node({ input: { value: Any }, run: ({ value }) => void seen.push((value as [Tree])[0]) });
    const nodes = { make, change, look };
    return { seen, it: dag("changing", { nodes, edges: [...chain("make", "change", "look"), ["make", "look"]] }) };
  }

  test.each([false, true])(
    "are handed on as they are: the same one for everybody, not frozen (recorded: %s)",
    async (isKept) => {
      const { seen, it } = changing();
      const provenance = new DagProvenance(memoryStore({ codec: valueCodec({ classes: CLASSES }) }));
      const { runId, status } = await new DagRunner(it, isKept ? { provenance } : {}).run();
      expect(status).toBe("completed");
      // Who changes an instance changes it for those after; what is around it is frozen.
      expect(seen[0]?.children).toEqual([]);
      if (!isKept) return;
      // What is recorded is what the node returned.
      const [recorded] = (await provenance.loadOutput(runId, "make")) as [Tree];
      deepStrictEqual(recorded, new Tree("whole", [new Tree(1)]));
    },
  );

  test("that freeze themselves are the same for everybody", async () => {
    class Point {
      readonly x: number;
      constructor(x: number) {
        this.x = x;
        Object.freeze(this);
      }
    }
    const point = classCodec({ name: "Point", class: Point, encode: ({ x }) => x, decode: (x) => new Point(x) });
    const make = node({ output: Any, run: () => new Point(1) });
    const move = node({ input: { p: Any }, output: Any, run: ({ p }) => Object.assign(p as Point, { x: 2 }) });
    const it = dag("points", { nodes: { make, move }, edges: chain("make", "move") });
    const provenance = new DagProvenance(memoryStore({ codec: valueCodec({ classes: [point] }) }));
    const result = await new DagRunner(it, { provenance }).run();
    expect(result).toMatchObject({ status: "failed", failedNode: "move" });
    expect(await provenance.loadOutput(result.runId, "make")).toEqual(new Point(1));
  });
});
