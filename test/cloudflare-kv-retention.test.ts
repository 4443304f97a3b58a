// Removing and pruning runs on KV: within few operations, stopped at any of them, beside runs that need some of it, and
// while their owners go on.

import { chain, DagProvenance, DagRunner, dag, node, type, type WritePosition } from "heddle";
import { cloudflareKvStore } from "heddle/adapters/cloudflare-kv";
import { describe, expect, test } from "vitest";
import { expectEqual } from "../conformance/expect-equal.js";
import { acquired, appended, batchOf, eventsOf, named, outputsOf, reusing, storedRun } from "../conformance/writing.js";
import { FaultyKv } from "./support/faulty-kv.js";
import { at, heldUp, left, replayOf, runOf, silent, within } from "./support/kv-runs.js";

const Text = type<string>("Text");
const Num = type<number>("Num");

test("a large value is not removed under a run that has just stored the same", async () => {
  const kv = new FaultyKv();
  const value = await named(`["${"x".repeat(2_000_000)}"]`);
  const store = at(kv);
  await storedRun(store, "a", outputsOf([value]), { refers: [value.hash] }, [value]);
  const other = at(kv);
  const place = await acquired(other, "b");
  await other.putValue("b", value.hash, value.encoded);
  await at(kv).remove(["a"]);
  await appended(other, "b", place, outputsOf([value]), { refers: [value.hash] });
  expect(await at(kv).getValue({ hash: value.hash, runId: "b", seq: 0 })).toEqual(value.encoded);
  await at(kv).remove(["b"]);
  expect(left(kv)).toEqual([]);
});

describe("a run whose values others need", () => {
  test("is removed within 50 operations a time, and what they need stays until the last of them goes", async () => {
    const kv = new FaultyKv();
    const values = await runOf(at(kv), "r", 120);
    const needed = values.filter((_, i) => i % 2 === 0);
    await replayOf(at(kv), "first", "r", needed);
    await replayOf(at(kv), "second", "r", needed.slice(0, 10));
    expect(await within(kv, 50, () => at(kv).remove(["r"]))).toBeLessThan(12);
    expect(await at(kv).head("r")).toBeUndefined();
    const there = () => at(kv).hasValues(values.map(({ hash }, seq) => ({ hash, runId: "r", seq })));
    expect(await there()).toEqual(values.map((_, i) => i % 2 === 0));
    for (const { hash, encoded } of needed)
      expect(await at(kv).getValue({ hash, runId: "r", seq: 119 })).toEqual(encoded);
    await at(kv).remove(["first"]);
    expect((await there()).slice(0, 20)).toEqual(values.slice(0, 20).map((_, i) => i % 2 === 0));
    await at(kv).remove(["second"]);
    expect(left(kv)).toEqual([]);
  });

  test("can be read at every step of a removal that is stopped, and the next one ends it", async () => {
    for (let operations = 1; operations < 80; operations++) {
      const kv = new FaultyKv();
      const values = await runOf(at(kv), "r", 20);
      await replayOf(at(kv), "replay", "r", values.slice(5, 15));
      kv.grant(operations);
      await at(kv)
        .remove(["r"])
        .catch(() => {});
      kv.grant(Number.POSITIVE_INFINITY);
      for (const { hash, encoded } of values.slice(5, 15))
        expect(await at(kv).getValue({ hash, runId: "r", seq: 19 }), `${operations}`).toEqual(encoded);
      if (left(kv).some((key) => /\/h\/.*\/r\//.test(key)))
        await new DagProvenance(at(kv)).prune({ keep: 0, olderThan: 0, now: Date.now() + 1_000_000 });
      else await at(kv).remove(["replay"]);
      await at(kv).remove(["r", "replay"]);
      expect(left(kv), `${operations}`).toEqual([]);
    }
  });
});

test("a prune of payloads that is stopped anywhere is ended by the next one, and then leaves the run alone", async () => {
  const give = node({ output: Text, run: () => "y".repeat(1_500_000) });
  const many = Object.fromEntries(
    Array.from({ length: 4 }, (_, i) => [
      `n${i}`,
      node({ input: { text: Text }, output: Text, run: ({ text }) => `${i} ${text.slice(0, 500)}` }),
    ]),
  );
  const work = dag("work", {
    nodes: { give, ...many },
    edges: Object.keys(many).flatMap((label) => chain("give", label)),
  });
  let [isStopped, operations] = [true, 1];
  for (; isStopped; operations++) {
    const kv = new FaultyKv();
    const provenance = () => new DagProvenance(at(kv), { durability: "sync" });
    const { runId } = await new DagRunner(work, { provenance: provenance() }).run();
    await new Promise((resolve) => setTimeout(resolve, 2));
    const before = (await at(kv).read(runId, 0, 1_000)).events;
    kv.grant(operations);
    const stopped = await provenance()
      .prune({ keep: 0, payloadsOnly: true })
      .catch(() => ({ left: [1] }));
    isStopped = stopped.left.length > 0;
    kv.grant(Number.POSITIVE_INFINITY);
    const { events } = await at(kv).read(runId, 0, 1_000);
    expect(events.slice(0, before.length), `${operations}`).toEqual(before);
    const now = Date.now() + 1_000_000;
    await provenance().prune({ keep: 0, payloadsOnly: true, now });
    const [usage] = (await at(kv).usage()).runs;
    expect(usage?.payloadBytes, `${operations}`).toBe(0);
    const keys = kv.keys();
    expect(await provenance().prune({ keep: 0, payloadsOnly: true, now })).toMatchObject({ runs: [], left: [] });
    expect(kv.keys()).toEqual(keys);
    expect((await at(kv).read(runId, 0, 1_000)).events.slice(0, before.length)).toEqual(before);
    await at(kv).remove([runId]);
    expect(left(kv), `${operations}`).toEqual([]);
  }
  expect(operations).toBeGreaterThan(20);
});

test("payloads of more batches than one call can write anew go in several", async () => {
  const kv = new FaultyKv();
  const values = await runOf(at(kv), "r", 120);
  const before = (await at(kv).read("r", 0, 1_000)).events;
  let now = Date.now();
  const prune = async () => {
    now += 1_000_000;
    const { left } = await new DagProvenance(at(kv)).prune({ keep: 0, payloadsOnly: true, now });
    if (left.length > 0) throw new Error("It is not done.");
  };
  expect(await within(kv, 250, prune)).toBeLessThan(5);
  expect((await at(kv).read("r", 0, 1_000)).events.slice(0, 120)).toEqual(before);
  const places = values.map(({ hash }, seq) => ({ hash, runId: "r", seq }));
  expect((await at(kv).hasValues(places)).some((isThere) => isThere)).toBe(false);
});

test("pruned and removed, a run still has what a replay of it reuses", async () => {
  const kv = new FaultyKv();
  const provenance = () => new DagProvenance(at(kv));
  const big = node({ output: Text, run: () => "x".repeat(1_500_000) });
  const small = node({ input: { text: Text }, output: Text, run: ({ text }) => text.slice(0, 300) });
  const len = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
  const work = dag("work", { nodes: { big, small, len }, edges: chain("big", "small", "len") });
  const origin = await new DagRunner(work, { provenance: provenance() }).run();
  const first = await new DagRunner(work, { provenance: provenance() }).replay(origin.runId, { rerun: ["len"] });
  const second = await new DagRunner(work, { provenance: provenance() }).replay(first.runId, { rerun: ["len"] });
  await provenance().prune({ keep: 0, payloadsOnly: true, limit: 1, now: Date.now() + 1_000 });
  await provenance().removeRun(origin.runId);
  await provenance().removeRun(first.runId);
  expect(await provenance().loadOutput(second.runId, "big")).toHaveLength(1_500_000);
  expect(await provenance().loadOutput(second.runId, "small")).toHaveLength(300);
  await provenance().removeRun(second.runId);
  expect(left(kv)).toEqual([]);
});

test("what an owner wrote before it sees that its run was removed goes too", async () => {
  const kv = new FaultyKv();
  const store = at(kv);
  let place = await appended(store, "r", await acquired(store, "r"), eventsOf("seen", 1));
  await at(kv).remove(["r"]);
  place = await appended(store, "r", place, eventsOf("written", 2));
  const end = batchOf("r", place.seq, eventsOf("end", 1), { head: { status: "completed" } });
  await expect(store.append("r", place, end)).rejects.toMatchObject({ code: "FENCED" });
  expect(left(kv)).toEqual([]);
});

test("an owner whose first batch is not seen is not mixed with the one before it", async () => {
  const kv = new FaultyKv();
  const first = at(kv);
  const place = await appended(first, "r", await acquired(first, "r"), eventsOf("first", 4));
  const second = at(kv);
  let later = await acquired(second, "r", 10_000);
  later = await appended(second, "r", later, eventsOf("second", 2));
  // The first goes on, since it has not seen that it lost the run.
  await appended(first, "r", place, eventsOf("beaten", 2));
  await appended(second, "r", later, eventsOf("third", 1));
  const [unseen] = kv.keys().filter((key) => /\/r\/r\/0000000002\/.*\/10000000004$/.test(key));
  kv.change(unseen as string, { value: null });
  const { events, more } = await at(kv).read("r", 0, 100);
  expect(events).toEqual(eventsOf("first", 4));
  expect(more).toBe(true);
  await expect(at(kv).read("r", 4, 100)).rejects.toMatchObject({ code: "STORE_STALE" });
});

test("of two owners the list shows the one whose history counts, and prune takes the run", async () => {
  const kv = new FaultyKv({ lag: () => 1_000 });
  const [ams, syd] = [at(kv, "ams"), at(kv, "syd")];
  let one = await acquired(ams, "r", 0, "aaa");
  let two = await acquired(syd, "r", 0, "bbb");
  const running = { head: { startedAt: 1, status: "running" as const } };
  one = await appended(ams, "r", one, eventsOf("counts", 1), running);
  two = await appended(syd, "r", two, eventsOf("beaten", 30), running);
  await appended(ams, "r", one, eventsOf("counts", 1), { head: { startedAt: 1, status: "completed" } });
  await ams.release("r", one.epoch);
  kv.wait(10_000);
  expect((await at(kv, "iad").heads({ limit: 10 })).heads).toMatchObject([{ status: "completed", events: 2 }]);
  const pruned = await new DagProvenance(at(kv, "iad")).prune({ keep: 0, now: 1_000_000 });
  expect(pruned).toMatchObject({ runs: ["r"], left: [] });
  kv.wait(10_000);
  expect(left(kv)).toEqual([]);
});

test("a batch of more than one key has room beside it for their number", async () => {
  const kv = new FaultyKv();
  const store = at(kv);
  const large = await named('["large"]', [new Uint8Array(26 << 20)]);
  const stored = async (runId: string, dag: string) => {
    const batch = { values: new Map([[large.hash, large.encoded]]), refers: [large.hash], head: { dag } };
    await appended(store, runId, await acquired(store, runId), outputsOf([large]), batch);
    return kv.keys().find((key) => key.includes(`/r/${runId}/`) && /\/1\d{10}$/.test(key)) as string;
  };
  const sizeOf = (key: string) => JSON.stringify(kv.metadata(key)).length;
  const least = sizeOf(await stored("r000", ""));
  for (const size of [1_012, 1_018, 1_024, 1_030]) {
    const dag = "d".repeat(size - least);
    const key = await stored(`r${size}`, dag);
    expect(sizeOf(key)).toBeLessThanOrEqual(1_024);
    expect(await at(kv).head(`r${size}`)).toMatchObject({ dag });
  }
});

test("300 values that are gone cost a list, not 300", async () => {
  const kv = new FaultyKv();
  await runOf(at(kv), "r", 3);
  const before = kv.total;
  const gone = Array.from({ length: 300 }, (_, i) => ({ hash: String(i).padStart(64, "0"), runId: "r", seq: 2 }));
  expect(await at(kv).hasValues(gone)).toEqual(gone.map(() => false));
  expect(kv.total - before).toBe(1);
});

test("a large value that is listed and cannot be read yet is not taken for lost", async () => {
  const kv = new FaultyKv();
  const value = await named(`["${"x".repeat(2_000_000)}"]`);
  const store = at(kv);
  await storedRun(store, "r", outputsOf([value]), { refers: [value.hash] }, [value]);
  const reader = cloudflareKvStore(
    { ...kv.at("ams"), getWithMetadata: async () => ({ value: null, metadata: null }) },
    silent,
  );
  const refused = reader.getValue({ hash: value.hash, runId: "r", seq: 0 });
  await expect(refused).rejects.toMatchObject({ code: "STORE_STALE" });
});

test("the key that says that a run was removed removes no other when it is copied there", async () => {
  const kv = new FaultyKv();
  await runOf(at(kv), "removed", 1);
  const values = await runOf(at(kv), "r", 2);
  await at(kv).remove(["removed"]);
  const [tombstone] = kv.keys().filter((key) => key.includes("/%/")) as [string];
  const metadata = kv.metadata(tombstone) as Record<string, unknown>;
  await kv.at("ams").put(tombstone.replace("/removed/", "/r/"), "", { metadata });
  const warnings: string[] = [];
  const store = cloudflareKvStore(kv.at("ams"), { onWarning: (one) => warnings.push(one) });
  expect((await store.read("r", 0, 100)).events).toEqual([
    ...outputsOf(values.slice(0, 1)),
    ...outputsOf(values.slice(1)),
  ]);
  expect(warnings.join()).toContain('The claim in key "heddle//r/r/');
});

test("a run that begins while one of its name is removed keeps its large values and its links", async () => {
  const value = await named(`["${"x".repeat(2_000_000)}"]`);
  const small = await named('["small"]');
  const wanted = [
    { hash: value.hash, runId: "r", seq: 0 },
    { hash: small.hash, runId: "origin", seq: 0 },
  ];
  let kept = 0;
  for (let operations = 1; ; operations++) {
    const kv = new FaultyKv();
    const batch = { values: new Map([[small.hash, small.encoded]]), refers: [small.hash] };
    await storedRun(at(kv), "origin", outputsOf([small]), batch);
    const write = async () => {
      const store = at(kv);
      let place = await acquired(store, "r", 1_000_000);
      await store.putValue("r", value.hash, value.encoded);
      place = await appended(store, "r", place, outputsOf([value]), { refers: [value.hash] });
      await appended(store, "r", place, reusing([small], "origin"), { refers: [small.hash] });
      await store.release("r", place.epoch);
    };
    await write();
    // After so many operations the removal waits for the new run.
    let [wait, writing]: [number, Promise<void> | undefined] = [operations, undefined];
    const waiting = heldUp(kv, async () => {
      if (wait-- === 0) writing = write();
      await writing;
    });
    await cloudflareKvStore(waiting, silent).remove(["r"]);
    if (!writing) break;
    await at(kv).remove(["origin"]);
    const { events } = await at(kv).read("r", 0, 100);
    // Before it says that the run is removed, the new one is still the old one.
    if (events.length > 0) {
      expect(await at(kv).hasValues(wanted), `${operations}`).toEqual([true, true]);
      kept++;
    }
    await at(kv).remove(["r"]);
    expect(left(kv), `${operations}`).toEqual([]);
  }
  expect(kept).toBeGreaterThan(5);
});

test("an owner gives way to one of its epoch who has written by then, whoever's name comes first", async () => {
  const kv = new FaultyKv();
  let [operations, second]: [number, Promise<unknown> | undefined] = [0, undefined];
  const other = at(kv);
  const slow = heldUp(kv, async () => {
    // Between its first look and its claim.
    if (operations++ === 1)
      second = acquired(other, "r", 0, "zzz").then((place) => appended(other, "r", place, eventsOf("first", 2)));
    await second;
  });
  expect(await cloudflareKvStore(slow, silent).acquire("r", "aaa", 0, 1_000)).toMatchObject({ heldBy: "zzz" });
  expect(await other.renew("r", 1, 0, 1_000)).toBe(true);
  expect((await at(kv).read("r", 0, 10)).events).toEqual(eventsOf("first", 2));
});

test("a prune that lasts longer than its lease takes nothing from who has the run by then", async () => {
  const kv = new FaultyKv();
  const [value] = (await runOf(at(kv), "r", 1)) as [Awaited<ReturnType<typeof named>>];
  const other = at(kv);
  let [isPruning, taking]: [boolean, Promise<unknown> | undefined] = [false, undefined];
  const slow = cloudflareKvStore(
    heldUp(kv, async (operation) => {
      if (isPruning && operation === "put") taking ??= acquired(other, "r", 1_000_000);
      await taking;
    }),
    silent,
  );
  const place = await acquired(slow, "r", 10_000);
  isPruning = true;
  const pruning = slow.prune([{ runId: "r", epoch: place.epoch, keep: new Set() }]);
  await expect(pruning).rejects.toMatchObject({ code: "FENCED" });
  expect(taking).toBeDefined();
  const batches = kv.keys().filter((key) => /\/1\d{10}$/.test(key));
  expect(batches).toHaveLength(1);
  expect(JSON.stringify(kv.metadata(batches[0] as string))).toContain(value.hash.slice(0, 8));
});

test("who takes a run just before it is removed is told, and leaves nothing that counts", async () => {
  const kv = new FaultyKv();
  await runOf(at(kv), "r", 1);
  const owner = at(kv);
  let taking: Promise<WritePosition> | undefined;
  const remover = cloudflareKvStore(
    heldUp(kv, async (operation) => {
      // It has seen who had it before, and has not said yet that it is removed; one has it in between, and another.
      if (operation === "put")
        taking ??= storedRun(at(kv), "r", eventsOf("between", 1)).then(() => acquired(owner, "r", 1_000_000));
      await taking;
    }),
    silent,
  );
  await remover.remove(["r"]);
  let place = (await taking) as WritePosition;
  place = await appended(owner, "r", place, eventsOf("written", 1));
  const end = batchOf("r", place.seq, eventsOf("end", 1), { head: { status: "completed" } });
  await expect(owner.append("r", place, end)).rejects.toMatchObject({ code: "FENCED" });
  expect((await at(kv).read("r", 0, 10)).events).toEqual([]);
  await appended(owner, "r", await acquired(owner, "r", 2_000_000), eventsOf("new", 1));
  expect((await at(kv).read("r", 0, 10)).events).toEqual(eventsOf("new", 1));
});

test("what a pruned replay still needs of its origin stays with it, and no more", async () => {
  const kv = new FaultyKv();
  const values = await runOf(at(kv), "r", 4);
  await replayOf(at(kv), "replay", "r", values);
  const store = at(kv);
  const held = await acquired(store, "replay", 100_000);
  await store.prune([{ runId: "replay", epoch: held.epoch, keep: new Set([values[1]?.hash as string]) }]);
  await at(kv).remove(["r"]);
  const there = values.map(({ hash }) => ({ hash, runId: "r", seq: 3 }));
  expect(await at(kv).hasValues(there)).toEqual([false, true, false, false]);
  await at(kv).remove(["replay"]);
  expect(left(kv)).toEqual([]);
});

test("where nothing is seen of an owner that others went on from, what stands before is not joined to them", async () => {
  const kv = new FaultyKv();
  const [first, second, third] = [at(kv), at(kv), at(kv)];
  const one = await appended(first, "r", await acquired(first, "r"), eventsOf("first", 4));
  const two = await appended(second, "r", await acquired(second, "r", 10_000), eventsOf("second", 2));
  await second.release("r", two.epoch);
  // It does not know that it lost the run.
  await appended(first, "r", one, eventsOf("beaten", 2));
  await appended(third, "r", await acquired(third, "r", 20_000), eventsOf("third", 1));
  const whole = [...eventsOf("first", 4), ...eventsOf("second", 2), ...eventsOf("third", 1)];
  expect((await at(kv).read("r", 0, 100)).events).toEqual(whole);
  for (const key of kv.keys()) if (key.includes("/r/r/0000000002/")) kv.change(key, { value: null });
  expect((await at(kv).read("r", 0, 100)).more).toBe(true);
  await expect(at(kv).read("r", 6, 100)).rejects.toMatchObject({ code: "STORE_STALE" });
  await expect(at(kv).acquire("r", "next", 30_000, 1)).rejects.toMatchObject({ code: "STORE_STALE" });
});

test("a replay that is removed and made anew by the same store holds its values again", async () => {
  const kv = new FaultyKv();
  const values = await runOf(at(kv), "r", 3);
  const store = at(kv);
  await replayOf(store, "replay", "r", values);
  await at(kv).remove(["replay"]);
  await replayOf(store, "replay", "r", values);
  await at(kv).remove(["r"]);
  const there = values.map(({ hash }) => ({ hash, runId: "r", seq: 2 }));
  expect(await at(kv).hasValues(there)).toEqual([true, true, true]);
});

test("a run that is still listed, though nothing else is left of it, is removed and pruned all the same", async () => {
  for (const how of ["removed", "pruned"]) {
    const kv = new FaultyKv();
    await runOf(at(kv), "r", 1);
    for (const key of kv.keys()) if (key.includes("/r/r/")) await kv.at("ams").delete(key);
    expect((await at(kv).heads({ limit: 10 })).heads).toHaveLength(1);
    if (how === "removed") await at(kv).remove(["r"]);
    else expect(await new DagProvenance(at(kv)).prune({ keep: 0 })).toMatchObject({ runs: ["r"], left: [] });
    expect(left(kv), how).toEqual([]);
  }
});

describe("what is larger than a key", () => {
  const largeRun = async (kv: FaultyKv) => {
    const large = await named('["large"]', [new Uint8Array(26 << 20)]);
    await storedRun(at(kv), "r", outputsOf([large]), { refers: [large.hash], head: { status: "completed" } }, [large]);
    return large;
  };

  test("goes with its run, also where its writer was stopped before it ended", async () => {
    for (const operations of [3, 4, 5]) {
      const kv = new FaultyKv();
      kv.grant(operations);
      await largeRun(kv).catch(() => {});
      kv.grant(Number.POSITIVE_INFINITY);
      await at(kv).remove(["r"]);
      expect(left(kv), `${operations}`).toEqual([]);
    }
  });

  test("stays for a replay at every step of a removal that is stopped, and the next one ends it", async () => {
    let isStopped = true;
    for (let operations = 1; isStopped; operations++) {
      const kv = new FaultyKv();
      const large = await largeRun(kv);
      await replayOf(at(kv), "replay", "r", [large]);
      kv.grant(operations);
      isStopped = await at(kv)
        .remove(["r"])
        .then(
          () => false,
          () => true,
        );
      kv.grant(Number.POSITIVE_INFINITY);
      const found = await at(kv).getValue({ hash: large.hash, runId: "r", seq: 0 });
      expectEqual(found, large.encoded, `${operations}`);
      await at(kv).remove(["r"]);
      expectEqual(await at(kv).getValue({ hash: large.hash, runId: "r", seq: 0 }), large.encoded, `${operations}`);
      await at(kv).remove(["replay"]);
      expect(left(kv), `${operations}`).toEqual([]);
    }
  });
});

test("an origin of 60 replays is removed within 50 operations a time, and each of its replays too", async () => {
  const kv = new FaultyKv();
  const values = await runOf(at(kv), "r", 10);
  const replays = Array.from({ length: 60 }, (_, i) => `replay ${i}`);
  for (const replay of replays) await replayOf(at(kv), replay, "r", values);
  expect(await within(kv, 50, () => at(kv).remove(["r"]))).toBe(1);
  for (const replay of replays) {
    expect(await at(kv).hasValues(values.map(({ hash }) => ({ hash, runId: "r", seq: 9 })))).not.toContain(false);
    expect(await within(kv, 20, () => at(kv).remove([replay]))).toBe(1);
  }
  expect(left(kv)).toEqual([]);
});
