// What KV does in production and the local one does not: stale reads, remembered misses, one write a second to a key,
// short and empty pages, lists that lag; and two drivers who do not see each other.

import { chain, DagProvenance, DagRunner, dag, list, map, node, type Store, type } from "heddle";
import { cloudflareKvStore } from "heddle/adapters/cloudflare-kv";
import { conformanceCases } from "heddle/conformance";
import { describe, expect, test } from "vitest";
import { acquired, appended, eventsOf } from "../conformance/writing.js";
import { FaultyKv } from "./support/faulty-kv.js";
import { journal } from "./support/store-with.js";

const silent = { onWarning: () => {}, retryAfterMs: 0 };
const Num = type<number>("Num");

/** `count` nodes in a chain, each after so many milliseconds. */
function chained(count: number, { ms = 0, calls = [] as string[], fails = "" } = {}) {
  const labels = Array.from({ length: count }, (_, i) => `n${i}`);
  const nodes = Object.fromEntries(
    labels.map((label, i) => [
      label,
      node({
        input: i === 0 ? {} : { n: Num },
        output: Num,
        run: async (input: object) => {
          calls.push(label);
          if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
          if (fails === label) throw new Error("broken");
          return ((input as { readonly n?: number }).n ?? 0) + 1;
        },
      }),
    ]),
  );
  return dag("chained", { nodes, edges: chain(...labels) });
}

describe("conformance with one write a second to a key, remembered misses, and short and empty pages", () => {
  const large = /50 MB|5 MB/;
  test.each(conformanceCases.filter(({ name }) => !large.test(name)))("$name", async ({ run }) => {
    const kv = new FaultyKv({ second: 3, missesFor: 3, pageKeys: 3, emptyPages: true });
    await run((place = "main") => cloudflareKvStore(kv.at("ams"), { namespace: place, ...silent }));
  });
});

describe("pitfall 10: what a location does not see", () => {
  test("a batch that is missing in the middle is said to be unseen, never taken for the end", async () => {
    const kv = new FaultyKv();
    const store = cloudflareKvStore(kv.at("ams"), silent);
    const provenance = new DagProvenance(store, { durability: "sync" });
    const { runId } = await new DagRunner(chained(5), { provenance }).run();
    const batches = kv.keys().filter((key) => /\/1\d{10}$/.test(key));
    expect(batches.length).toBeGreaterThan(3);
    kv.change(batches[2] as string, { value: null });
    const reader = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
    const record = await reader.getRun(runId);
    expect(record).toMatchObject({ status: "running", damage: expect.stringContaining("may not see all writes") });
    const runner = new DagRunner(chained(5), { provenance: reader });
    await expect(runner.restart(runId)).rejects.toMatchObject({ code: "STORE_STALE" });
    await expect(runner.replay(runId)).rejects.toMatchObject({ code: "STORE_STALE" });
    // The list of runs knows better, and says so.
    expect((await reader.listRuns()).runs).toMatchObject([{ runId, status: "completed" }]);
  });

  test("a last batch that is missing is known from the claim of its owner", async () => {
    const kv = new FaultyKv();
    const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent), { durability: "sync" });
    const { runId } = await new DagRunner(chained(3), { provenance }).run();
    const last = kv
      .keys()
      .filter((key) => /\/1\d{10}$/.test(key))
      .at(-1) as string;
    kv.change(last, { value: null });
    const reader = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
    expect(await reader.getRun(runId)).toMatchObject({ damage: expect.stringContaining("Last known status: running") });
    const refused = new DagRunner(chained(3), { provenance: reader }).restart(runId);
    await expect(refused).rejects.toMatchObject({ code: "STORE_STALE" });
  });

  test("a key that is listed and not yet readable is unseen, and is read when it is there", async () => {
    const kv = new FaultyKv({ lag: () => 4 });
    const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
    const { runId } = await new DagRunner(chained(2), { provenance }).run();
    const far = cloudflareKvStore(kv.at("syd"), silent);
    const seen: string[] = [];
    for (let look = 0; look < 20; look++) {
      const record = await new DagProvenance(far).getRun(runId);
      seen.push(record === undefined ? "nothing" : record.damage ? "behind" : record.status);
    }
    expect(seen.at(-1)).toBe("completed");
    expect(seen[0]).not.toBe("completed");
    expect(seen.every((one) => ["nothing", "behind", "running", "completed"].includes(one))).toBe(true);
  });

  test("a large value that comes twice within a second is stored all the same", async () => {
    const kv = new FaultyKv({ second: 3 });
    const store = cloudflareKvStore(kv.at("ams"), silent);
    const encoded = { text: "x".repeat(1_500_000), parts: [] };
    const hash = "ab".repeat(32);
    await acquired(store, "r");
    for (let time = 0; time < 2; time++) await store.putValue("r", hash, encoded);
    expect(kv.refused).toBeGreaterThan(0);
    expect(await store.getValue({ hash, runId: "r", seq: 0 })).toEqual(encoded);
  });

  test("a time to live below what KV takes is refused at once, and another goes with every write", async () => {
    const kv = new FaultyKv();
    expect(() => cloudflareKvStore(kv.at("ams"), { ttlSeconds: 59 })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
    const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), { ttlSeconds: 60 }));
    await new DagRunner(chained(3), { provenance }).run();
    expect([...kv.ttls]).toEqual([60]);
  });

  test("a damaged batch is named, and what comes before it can be read", async () => {
    const kv = new FaultyKv();
    const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent), { durability: "sync" });
    const { runId } = await new DagRunner(chained(5), { provenance }).run();
    const key = kv.keys().filter((one) => /\/1\d{10}$/.test(one))[2] as string;
    const bytes = new Uint8Array(kv.value(key).slice(0));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    kv.change(key, { value: bytes.buffer });
    const reader = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
    const record = await reader.getRun(runId);
    expect(record?.damage).toMatch(/damaged in key ".*checksum.*Events 0 to \d+ can be read/);
    await expect(new DagRunner(chained(5), { provenance: reader }).restart(runId)).rejects.toMatchObject({
      code: "STORE_DAMAGED",
    });
  });
});

describe("two drivers who do not see each other", () => {
  let bothCompleted = 0;

  test.each(Array.from({ length: 20 }, (_, i) => i + 1))(
    "outputs are right and all readers see one history (seed %i)",
    async (seed) => {
      let state = seed;
      const random = (below: number) => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state % below;
      };
      const kv = new FaultyKv({ lag: () => 10 + random(200) });
      const warnings: string[] = [];
      const at = (location: string) => cloudflareKvStore(kv.at(location), { onWarning: (one) => warnings.push(one) });
      const double = node({ input: { n: Num }, output: Num, run: async ({ n }) => n * 2 });
      const give = node({ output: list(Num), run: async () => Array.from({ length: 30 }, (_, i) => i) });
      const sum = node({
        input: { all: list(Num) },
        output: Num,
        run: async ({ all }) => all.reduce((a, b) => a + b, 0),
      });
      const work = dag("work", {
        nodes: { give, doubled: map(double, { concurrency: 2 }), sum },
        edges: chain("give", "doubled", "sum"),
      });
      const drivers = ["ams", "syd"].map((location) =>
        new DagRunner(work, { provenance: new DagProvenance(at(location), { durability: "sync" }) }).run(
          {},
          { runId: "r" },
        ),
      );
      const results = await Promise.allSettled(drivers);
      const completed = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      expect(completed.length).toBeGreaterThan(0);
      for (const result of completed) expect(result).toMatchObject({ status: "completed", outputs: { sum: 870 } });
      kv.wait(1_000);
      const histories = await Promise.all(["ams", "syd", "iad"].map((location) => journal(at(location), "r")));
      expect(histories[1]).toEqual(histories[0]);
      expect(histories[2]).toEqual(histories[0]);
      expect(histories[0]?.at(-1)).toMatchObject({ type: "run-completed" });
      expect(await new DagProvenance(at("iad")).loadOutput("r", "sum")).toBe(870);
      if (completed.length < 2) return;
      bothCompleted++;
      expect(warnings.join()).toMatch(/written by two owners/);
    },
  );

  test("both got to the end of some of these runs", () => expect(bothCompleted).toBeGreaterThan(0));
});

describe("a run that is removed while it is executed", () => {
  const removedHalfWay = async (kv: FaultyKv, remover: string) => {
    const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
    const work = chained(3, { ms: 20 });
    let remove: Promise<void> | undefined;
    const runner = new DagRunner(work, {
      provenance,
      onEvent: ({ type, path }: { type: string; path?: string }) => {
        if (type === "node-completed" && path === "n0")
          remove = new DagProvenance(cloudflareKvStore(kv.at(remover), silent)).removeRun("r");
      },
    });
    const [result] = await Promise.allSettled([runner.run({}, { runId: "r" })]);
    await remove;
    return { result, reader: new DagProvenance(cloudflareKvStore(kv.at("iad"), silent)) };
  };

  test("does not come back: its owner sees that at the end", async () => {
    const { result, reader } = await removedHalfWay(new FaultyKv(), "ams");
    expect(result).toMatchObject({ status: "rejected", reason: { code: "FENCED" } });
    expect(await reader.getRun("r")).toBeUndefined();
    expect((await reader.listRuns()).runs).toEqual([]);
  });

  test("and can be removed and pruned if its owner could not see that", async () => {
    for (const how of ["removed", "pruned"]) {
      const kv = new FaultyKv({ lag: (location) => (location === "ams" ? 1_000_000 : 0) });
      const { result, reader } = await removedHalfWay(kv, "syd");
      expect(result).toMatchObject({ status: "fulfilled" });
      kv.wait(2_000_000);
      expect(await reader.getRun("r")).toBeUndefined();
      expect((await reader.listRuns()).runs).toHaveLength(1);
      if (how === "removed") await reader.removeRun("r");
      else expect(await reader.prune({ keep: 0 })).toMatchObject({ runs: ["r"], left: [] });
      expect((await reader.listRuns()).runs).toEqual([]);
    }
  });
});

test("a large value that a replay reuses outlives its origin, whoever made which", async () => {
  const kv = new FaultyKv();
  const at = () => new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
  const Text = type<string>("Text");
  const big = node({ output: Text, run: () => "x".repeat(1_500_000) });
  const len = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
  const work = dag("large", { nodes: { big, len }, edges: chain("big", "len") });
  const origin = await new DagRunner(work, { provenance: at() }).run();
  const replays = [];
  for (let i = 0; i < 2; i++)
    replays.push(await new DagRunner(work, { provenance: at() }).replay(origin.runId, { rerun: ["len"] }));
  await at().removeRun(origin.runId);
  await at().removeRun(replays[0]?.runId as string);
  const left = replays[1]?.runId as string;
  expect(await at().loadOutput(left, "big")).toHaveLength(1_500_000);
  await at().removeRun(left);
  expect(kv.keys().filter((key) => !/\/%\//.test(key))).toEqual([]);
});

test("what an owner who was cut off released does not make the run unreadable", async () => {
  const kv = new FaultyKv({ lag: () => 1_000 });
  const [one, two] = ["ams", "syd"].map((location) => cloudflareKvStore(kv.at(location), silent));
  const drive = async (count: number, store = one, fails = "") =>
    new DagRunner(chained(count, { fails }), { provenance: new DagProvenance(store as NonNullable<typeof one>) }).run(
      {},
      { runId: "r" },
    );
  await Promise.all([drive(5, one), drive(2, two)]);
  kv.wait(10_000);
  const store = cloudflareKvStore(kv.at("iad"), silent);
  const { events, more } = await store.read("r", 0, 1_000);
  expect(more).toBe(false);
  expect(events.at(-1)).toMatchObject({ type: "run-completed" });
});

test("all pages of one reading are of one history", async () => {
  const kv = new FaultyKv();
  const [one, two, reader] = [1, 2, 3].map(() => cloudflareKvStore(kv.at("ams"), silent)) as [Store, Store, Store];
  const first = await appended(one, "r", await acquired(one, "r"), eventsOf("first", 2));
  const second = await acquired(two, "r", 10_000);
  await appended(one, "r", first, eventsOf("beaten", 3));
  const page = await reader.read("r", 0, 3);
  await appended(two, "r", second, eventsOf("second", 3));
  await reader.head("r");
  const rest = await reader.read("r", 3, 10);
  expect([...page.events, ...rest.events]).toEqual([...eventsOf("first", 2), ...eventsOf("beaten", 3)]);
  expect((await reader.read("r", 0, 10)).events).toEqual([...eventsOf("first", 2), ...eventsOf("second", 3)]);
});

test("a list of few among many runs takes one operation a thousand keys", async () => {
  const kv = new FaultyKv();
  const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent), { durability: "sync" });
  for (let i = 0; i < 60; i++) {
    const fails = i % 20 === 0 ? "n0" : "";
    await new DagRunner(chained(1, { fails }), { provenance }).run();
  }
  const before = kv.operations.list;
  const failed = await provenance.listRuns({ status: "failed", limit: 2 });
  expect(failed.runs).toHaveLength(2);
  const rest = await provenance.listRuns({ status: "failed", limit: 2, cursor: failed.cursor as string });
  expect(rest.runs).toHaveLength(1);
  expect(kv.operations.list - before).toBe(2);
});

describe("metadata that are damaged", () => {
  const damagedAt = async (pattern: RegExp, damage: (metadata: Record<string, unknown>) => unknown) => {
    const kv = new FaultyKv();
    const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent), { durability: "sync" });
    await new DagRunner(chained(5), { provenance }).run({}, { runId: "r" });
    const all = kv
      .keys()
      .filter((one) => pattern.test(one))
      .toSorted();
    // Of the batches one in the middle, of heads the newest.
    const key = (all[2] ?? all[0]) as string;
    kv.change(key, { metadata: damage(kv.metadata(key) as Record<string, unknown>) });
    const warnings: string[] = [];
    const store = cloudflareKvStore(kv.at("ams"), { onWarning: (one) => warnings.push(one) });
    return { key, warnings, reader: new DagProvenance(store) };
  };

  test.each([
    ["with other hashes", (info: object) => ({ ...info, hashes: "00000000" })],
    ["with other sizes", (info: object) => ({ ...info, bytes: 1 })],
    ["missing", () => null],
  ])("beside a batch, %s, are named with their key", async (_, damage) => {
    const { key, reader } = await damagedAt(/\/1\d{10}$/, damage);
    const record = await reader.getRun("r");
    expect(record?.damage).toContain(`the metadata of key "${key}"`);
    await expect(reader.loadOutput("r", "n4")).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });

  test.each([
    ["a text", () => "text"],
    ["missing", () => null],
    ["changed", (info: object) => ({ ...info, status: "failed" })],
  ])("of a head, %s: it is not listed, and told", async (_, damage) => {
    const { key, warnings, reader } = await damagedAt(/\/h\//, damage);
    const { runs } = await reader.listRuns();
    expect(runs.map(({ status }) => status)).not.toContain("failed");
    expect(warnings).toEqual([expect.stringContaining(`"${key}" is damaged`)]);
  });

  test("of a claim do not hold a run for longer than it was held, and are told", async () => {
    const { key, warnings, reader } = await damagedAt(/\/0\d{10}$/, (info) => ({ ...info, until: 9e15 }));
    await expect(new DagRunner(chained(5), { provenance: reader }).restart("r")).rejects.toMatchObject({
      code: "RUN_COMPLETED",
    });
    expect(warnings).toEqual([expect.stringContaining(`The claim in key "${key}"`)]);
  });
});

describe("operations", () => {
  test("pruning within what is granted tells what was pruned, and goes on the next time", async () => {
    const kv = new FaultyKv();
    const provenance = () => new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
    const runIds: string[] = [];
    for (let i = 0; i < 4; i++) {
      // Those of one millisecond have no order.
      const clock = { now: () => 1_000 + i, after: () => () => {} };
      runIds.push((await new DagRunner(chained(2), { provenance: provenance(), clock }).run()).runId);
    }
    const before = kv.total;
    expect(await provenance().prune({ keep: 0, limit: 1 })).toMatchObject({ runs: [runIds[0]], left: [] });
    const cost = kv.total - before;
    console.log(`pruning one run: ${cost} operations`);
    expect(cost).toBeLessThanOrEqual(16);
    kv.grant(cost + 10);
    const { runs, left } = await provenance().prune({ keep: 0 });
    expect(runs).toEqual([runIds[1]]);
    expect(left).toHaveLength(2);
    expect(left[0]).toMatchObject({ runId: runIds[2], why: expect.stringContaining("KV failed") });
    kv.grant(1_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const now = Date.now() + 120_000; // what was half taken is free again
    expect((await provenance().prune({ keep: 0, now })).runs).toEqual(runIds.slice(2));
    expect((await provenance().listRuns()).runs).toEqual([]);
  });

  test("a run of 400 small nodes takes at most 40 in async mode", async () => {
    const kv = new FaultyKv();
    const provenance = new DagProvenance(cloudflareKvStore(kv.at("ams"), silent));
    const result = await new DagRunner(chained(400, { ms: 5 }), { provenance }).run();
    expect(result).toMatchObject({ status: "completed", outputs: { n399: 400 } });
    console.log("400 nodes of 5 ms in async mode:", kv.operations);
    expect(kv.total).toBeLessThanOrEqual(40);
  });
});
