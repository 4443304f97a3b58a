// Removals and prunes on KV that are stopped and taken up again, by an owner itself, or beside another one.

import type { Store, WritePosition } from "heddle";
import { cloudflareKvStore } from "heddle/adapters/cloudflare-kv";
import { describe, expect, test } from "vitest";
import { expectEqual } from "../conformance/expect-equal.js";
import {
  acquired,
  appended,
  eventsOf,
  type Named,
  named,
  outputsOf,
  reusing,
  storedRun,
} from "../conformance/writing.js";
import { FaultyKv } from "./support/faulty-kv.js";
import { at, isDoneWith, left, prune, replayOf, runOf, silent, within } from "./support/kv-runs.js";

const completed = { head: { status: "completed" as const } };

/** A run of one batch with these values in it. */
function stored(store: Store, runId: string, values: readonly Named[]): Promise<void> {
  const batch = { values: new Map(values.map(({ hash, encoded }) => [hash, encoded])), refers: hashesOf(values) };
  return storedRun(store, runId, outputsOf(values), { ...batch, ...completed });
}

function hashesOf(values: readonly Named[]): readonly string[] {
  return values.map(({ hash }) => hash);
}

function someValues(count: number): Promise<Named[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => named(`["value ${i}"]`)));
}

/** Tries with one operation more each time, until they are enough. */
async function stoppedAnywhere(tries: (operations: number) => Promise<boolean>): Promise<void> {
  let operations = 1;
  while (!(await tries(operations))) operations++;
  expect(operations).toBeGreaterThan(5);
}

describe("a prune", () => {
  test("by the owner who stored a large value keeps it", async () => {
    const kv = new FaultyKv();
    const store = at(kv);
    const large = await named(`["${"x".repeat(2_000_000)}"]`);
    const place = await acquired(store, "r");
    await store.putValue("r", large.hash, large.encoded);
    await appended(store, "r", place, outputsOf([large]), { refers: [large.hash] });
    await store.prune([{ runId: "r", epoch: place.epoch, keep: new Set([large.hash]) }]);
    expect(await at(kv).getValue({ hash: large.hash, runId: "r", seq: 0 })).toEqual(large.encoded);
  });

  test("by the owner who took values from another run keeps what that run is to keep of them", async () => {
    const kv = new FaultyKv();
    const values = await runOf(at(kv), "origin", 2);
    const store = at(kv);
    const place = await acquired(store, "r");
    await appended(store, "r", place, reusing(values, "origin"), { refers: hashesOf(values) });
    const kept = values[0] as Named;
    await store.prune([{ runId: "r", epoch: place.epoch, keep: new Set([kept.hash]) }]);
    await at(kv).remove(["origin"]);
    const there = values.map(({ hash }) => ({ hash, runId: "origin", seq: 1 }));
    expect(await at(kv).hasValues(there)).toEqual([true, false]);
  });

  test("of a replay, stopped anywhere, leaves nothing at its origin that was removed", async () => {
    await stoppedAnywhere(async (operations) => {
      const kv = new FaultyKv();
      const values = await runOf(at(kv), "origin", 1);
      await replayOf(at(kv), "r", "origin", values);
      await at(kv).remove(["origin"]);
      const isDone = await isDoneWith(kv, operations, () => prune(at(kv), "r", 1_000_000));
      await prune(at(kv), "r", 2_000_000);
      await at(kv).remove(["r"]);
      expect(left(kv), `${operations}`).toEqual([]);
      return isDone;
    });
  });

  test("stopped within a batch of several keys does not take from the next one what that writes", async () => {
    const large = await named('["large"]', [new Uint8Array(26 << 20)]);
    const [small] = (await someValues(1)) as [Named];
    await stoppedAnywhere(async (operations) => {
      const kv = new FaultyKv();
      await stored(at(kv), "r", [large, small]);
      const isDone = await isDoneWith(kv, operations, () => prune(at(kv), "r", 1_000_000, [large.hash]));
      await prune(at(kv), "r", 2_000_000, [large.hash]);
      expect((await at(kv).read("r", 0, 10)).events, `${operations}`).toEqual(outputsOf([large, small]));
      const places = [large, small].map(({ hash }) => ({ hash, runId: "r", seq: 1 }));
      expect(await at(kv).hasValues(places), `${operations}`).toEqual([true, false]);
      return isDone;
    });
  });

  test("that keeps more than one that was stopped keeps what is still there", async () => {
    await stoppedAnywhere(async (operations) => {
      const kv = new FaultyKv();
      const values = await runOf(at(kv), "r", 1);
      const isDone = await isDoneWith(kv, operations, () => prune(at(kv), "r", 1_000_000));
      const places = values.map(({ hash }) => ({ hash, runId: "r", seq: 0 }));
      const before = await at(kv).hasValues(places);
      await prune(at(kv), "r", 2_000_000, hashesOf(values));
      expect(await at(kv).hasValues(places), `${operations}`).toEqual(before);
      return isDone;
    });
  });

  test("of an origin, twice, leaves what is larger than a key for its replay", async () => {
    const kv = new FaultyKv();
    const large = await named('["large"]', [new Uint8Array(26 << 20)]);
    await storedRun(at(kv), "origin", outputsOf([large]), { refers: [large.hash] }, [large]);
    await replayOf(at(kv), "r", "origin", [large]);
    for (const now of [1_000_000, 2_000_000]) {
      await prune(at(kv), "origin", now);
      const found = await at(kv).getValue({ hash: large.hash, runId: "origin", seq: 0 });
      expectEqual(found, large.encoded, `after ${now}`);
    }
  });

  test("whose lease is over takes no value from who has stored it again", async () => {
    const kv = new FaultyKv();
    const large = await named(`["${"x".repeat(2_000_000)}"]`);
    await storedRun(at(kv), "r", outputsOf([large]), { refers: [large.hash] }, [large]);
    const other = at(kv);
    let taking: Promise<WritePosition> | undefined;
    const binding = kv.at("ams");
    const slow = cloudflareKvStore(
      {
        ...binding,
        delete: async (key) => {
          taking ??= acquired(other, "r", 2_000_000);
          await taking;
          await binding.delete(key);
        },
      },
      silent,
    );
    await prune(slow, "r", 1_000_000).catch(() => {});
    const place = (await taking) as WritePosition;
    await other.putValue("r", large.hash, large.encoded);
    await appended(other, "r", place, outputsOf([large]), { refers: [large.hash] });
    expect(await at(kv).getValue({ hash: large.hash, runId: "r", seq: place.seq })).toEqual(large.encoded);
  });
});

describe("a removal", () => {
  test("of a run whose 60 batches take values from another ends within 50 operations a time", async () => {
    const kv = new FaultyKv();
    const values = await runOf(at(kv), "origin", 1);
    const store = at(kv);
    let place = await acquired(store, "r");
    const batch = { refers: hashesOf(values), ...completed };
    for (let i = 0; i < 60; i++) place = await appended(store, "r", place, reusing(values, "origin"), batch);
    expect(await within(kv, 50, () => at(kv).remove(["r"]))).toBeLessThan(10);
    await at(kv).remove(["origin"]);
    expect(left(kv)).toEqual([]);
  });

  test("of a run from which 60 take 150 values each ends within 50 operations a time, and so do theirs", async () => {
    const kv = new FaultyKv();
    const values = await someValues(150);
    await stored(at(kv), "origin", values);
    const replays = Array.from({ length: 60 }, (_, i) => `replay ${i}`);
    for (const replay of replays) await replayOf(at(kv), replay, "origin", values);
    expect(await within(kv, 50, () => at(kv).remove(["origin"]))).toBeLessThan(5);
    const there = values.map(({ hash }) => ({ hash, runId: "origin", seq: 149 }));
    for (const replay of replays) {
      expect(await at(kv).hasValues(there)).not.toContain(false);
      expect(await within(kv, 50, () => at(kv).remove([replay]))).toBe(1);
    }
    expect(left(kv)).toEqual([]);
  });

  test("takes a run from all its places in the list, also of an owner whom the one before did not see", async () => {
    await stoppedAnywhere(async (operations) => {
      const kv = new FaultyKv({ lag: () => 1_000 });
      const [ams, syd] = [at(kv, "ams"), at(kv, "syd")];
      for (const [store, owner, startedAt] of [
        [ams, "aaa", 1],
        [syd, "bbb", 2],
      ] as const) {
        const place = await acquired(store, "r", 0, owner);
        await appended(store, "r", place, eventsOf(owner, 2), { head: { startedAt, status: "completed" } });
      }
      await at(kv, "ams").remove(["r"]);
      kv.wait(100_000);
      const isDone = await isDoneWith(kv, operations, () => at(kv, "iad").remove(["r"]));
      kv.wait(100_000);
      await at(kv, "iad").remove(["r"]);
      kv.wait(100_000);
      expect(left(kv), `${operations}`).toEqual([]);
      return isDone;
    });
  });

  test("of another run does not change what an owner reads of its own", async () => {
    const kv = new FaultyKv();
    const old = at(kv);
    const place = await appended(old, "r", await acquired(old, "r", 0, "a"), eventsOf("first", 2));
    const store = at(kv);
    await storedRun(store, "other", eventsOf("other", 1));
    expect(await store.acquire("r", "b", 10_000, 1_000)).toMatchObject({ events: 2 });
    await appended(old, "r", place, eventsOf("late", 2));
    await store.remove(["other"]);
    expect((await store.read("r", 0, 100)).events).toEqual(eventsOf("first", 2));
  });
});

test("two owners under one epoch both say what they take from another run", async () => {
  const kv = new FaultyKv({ lag: () => 1_000 });
  const [first, second] = (await runOf(at(kv), "origin", 2)) as [Named, Named];
  kv.wait(10_000);
  const [ams, syd] = [at(kv, "ams"), at(kv, "syd")];
  const one = await acquired(ams, "r", 0, "aaa");
  const two = await acquired(syd, "r", 0, "bbb");
  await appended(ams, "r", one, reusing([first, second], "origin"), { refers: hashesOf([first, second]) });
  await appended(syd, "r", two, reusing([second], "origin"), { refers: [second.hash] });
  kv.wait(10_000);
  expect((await at(kv, "iad").read("r", 0, 10)).events).toHaveLength(2);
  await at(kv, "iad").remove(["origin"]);
  kv.wait(10_000);
  const found = await at(kv, "fra").getValue({ hash: first.hash, runId: "origin", seq: 1 });
  expect(found).toEqual(first.encoded);
});

test("bytes that were handed out may be changed", async () => {
  const kv = new FaultyKv();
  const value = await named('["value"]', [Uint8Array.of(1, 2, 3)]);
  await stored(at(kv), "r", [value]);
  const store = at(kv);
  const where = { hash: value.hash, runId: "r", seq: 0 };
  ((await store.getValue(where))?.parts[0] as Uint8Array)[0] = 99;
  expect(await store.getValue(where)).toEqual(value.encoded);
});

test("one damaged key of values that stay for others does not hide what stands elsewhere", async () => {
  const kv = new FaultyKv();
  const values = await someValues(50);
  await stored(at(kv), "origin", values);
  await replayOf(at(kv), "r", "origin", values);
  await at(kv).remove(["origin"]);
  const other = await named('["other"]');
  await stored(at(kv), "origin", [other]);
  const kept = kv.keys().find((key) => key.includes("/k/")) as string;
  kv.change(kept, { value: Uint8Array.of(1).buffer });
  expect(await at(kv).getValue({ hash: other.hash, runId: "origin", seq: 0 })).toEqual(other.encoded);
});
