// What only a store in a directory can get wrong when runs go, or lose their payloads: who may prune, what is counted,
// damage and full disks.

import { existsSync, readdirSync, readlinkSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { Encoded, RunHead, Skeleton, Store } from "heddle";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { onEveryStep } from "./support/faulty-disk.js";
import { injectAll } from "./support/inject.js";
import { injuries } from "./support/injuries.js";
import { sealedLine } from "./support/journal-places.js";
import {
  append,
  event,
  expectWhole,
  LATER,
  NEEDED,
  take,
  takeAll,
  VALUES,
  valuesIn,
  writeRuns,
} from "./support/pruned-runs.js";
import { expectComplaint, expectEvents, readAll } from "./support/read-damaged.js";
import { finishedRun, openStore, RUN, restartedRun, type StoredRun } from "./support/runs-to-damage.js";
import { smallDisk } from "./support/small-disk.js";
import { changes, directoryOf, filesIn, putFile, quickDirectory } from "./support/stored-files.js";

vi.mock("node:fs/promises", async (original) => (await import("./support/faulty-disk.js")).faulty(original));

/** A directory with the runs to prune, and some stores over it. */
async function written(directory = quickDirectory()) {
  const [store, other] = [openStore(directory), openStore(directory)];
  onTestFinished(async () => {
    await store.close();
    await other.close();
  });
  await writeRuns(store);
  return { directory, store, other };
}

describe("a run that is not held under this epoch", () => {
  const LOSSES: Readonly<Record<string, (store: Store, other: Store, epoch: number) => Promise<unknown>>> = {
    "was given back": (store, _, epoch) => store.release("old", epoch),
    "was taken over": (_, other) => take(other, "old", LATER),
    "was taken over, and given back": async (_, other) => other.release("old", (await take(other, "old", LATER)).epoch),
    "was taken over by the same store": (store) => take(store, "old", LATER),
    "was removed": (_, other) => other.remove(["old"]),
    "was removed and made anew": async (_, other) => {
      await other.remove(["old"]);
      await append(other, "old", await take(other, "old"), { values: ["own", "shared"] });
    },
  };

  test.each(Object.entries(LOSSES))(
    "because it %s is FENCED, and stays, and the others are pruned",
    async (how, lose) => {
      const { directory, store, other } = await written();
      const skeletons = await takeAll(store);
      const { epoch } = skeletons[0];
      await lose(store, other, epoch);
      const before = filesIn(directory);
      const message = expect.stringMatching(`"old".* under epoch ${epoch}`);
      await expect(store.prune(skeletons)).rejects.toMatchObject({ code: "FENCED", message });
      // What a run that was removed left to others goes with these.
      const mine = how.includes("removed") ? /^runs.old/ : /^runs.old|^values/;
      expect(changes(before, filesIn(directory)).filter((change) => mine.test(change))).toEqual([]);
      const { runs } = await other.usage();
      expect(runs).toContainEqual(expect.objectContaining({ runId: "too", payloadBytes: 0 }));
      // And it is free.
      await take(other, "too");
    },
  );

  test("is FENCED if it is held by another store, or by nobody", async () => {
    const { store, other } = await written();
    const skeletons = await takeAll(store);
    await expect(other.prune(skeletons)).rejects.toMatchObject({ code: "FENCED" });
    await expect(store.prune([{ runId: "none", epoch: 1, keep: new Set() }])).rejects.toMatchObject({ code: "FENCED" });
    await store.prune(skeletons);
    await expectWhole(other);
    await expect(store.prune(skeletons)).rejects.toMatchObject({ code: "FENCED" });
  });
});

test("a run in the place of one that is gone, of the same name and epoch, is not pruned, and its owner keeps it", async () => {
  const { directory, store, other } = await written();
  const skeletons = await takeAll(store);
  rmSync(join(directory, "runs/old"), { recursive: true });
  await other.release("old", (await take(other, "old")).epoch);
  await other.release("old", (await take(other, "old")).epoch);
  const at = await take(other, "old");
  expect(at.epoch).toBe(skeletons[0].epoch);
  await append(other, "old", at, { values: ["own"] });
  await expect(store.prune(skeletons)).rejects.toMatchObject({ code: "FENCED" });
  await append(other, "old", { ...at, seq: 1 }, { values: ["kept"] });
  expect(await valuesIn(other)).toEqual(expect.arrayContaining(["kept", "own"]));
});

test("a run that was pruned goes on, and what comes with it then can be pruned again", async () => {
  const { directory, store } = await written();
  await store.prune(await takeAll(store));
  const at = await take(store, "old");
  await append(store, "old", at, { values: ["kept", "own"] });
  await store.release("old", at.epoch);
  expect(await valuesIn(openStore(directory))).toEqual(["kept", "keptFile", "own", "shared", "sharedFile"]);
  const size = async () => (await store.usage()).runs.find(({ runId }) => runId === "old")?.payloadBytes;
  expect(await size()).toBeGreaterThan(2 * 2_000);
  await store.prune(await takeAll(store));
  expect(await size()).toBe(0);
  await expectWhole(openStore(directory), { old: 4 });
  expect(await valuesIn(store)).toEqual(NEEDED);
});

test("what was pruned is not referred to any more, and what is kept stands there once", async () => {
  const { directory, store } = await written();
  await store.prune(await takeAll(store));
  const journal = filesIn(directory).get("runs/old/4.jsonl")?.toString() ?? "";
  expect(journal.split(VALUES.kept.encoded.text)).toHaveLength(2);
  expect(journal).not.toContain(VALUES.ownFile.hash);
  const at = await take(store, "again");
  await store.putValue("old", VALUES.ownFile.hash, VALUES.ownFile.encoded);
  await append(store, "again", at, { refers: ["ownFile"] });
  await store.release("again", at.epoch);
  await store.remove(["again"]);
  expect(await valuesIn(store)).toEqual(NEEDED);
});

test("usage counts every byte of the files that hold events and values, and what is shared once", async () => {
  const { directory, store, other } = await written();
  const total = (pattern: RegExp) => {
    const names = [...filesIn(directory).keys()].filter((name) => pattern.test(name));
    return names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  };
  const file = total(/^values\/..\/./) / 3;
  expect(file).toBe(30_003);
  const [old, user, too] = ["old", "user", "too"].map((run) => total(new RegExp(`^runs/${run}/.*jsonl`)));
  const lines = [VALUES.kept, VALUES.kept, VALUES.own, VALUES.shared, VALUES.both];
  const { bytes, runs, availableBytes } = await store.usage();
  expect(bytes).toBe((old ?? 0) + (user ?? 0) + (too ?? 0) + 3 * file);
  expect(availableBytes).toBeGreaterThan(0);
  expect(runs.toSorted((a, b) => a.runId.localeCompare(b.runId))).toMatchObject([
    { runId: "old", bytes: (old ?? 0) + 3 * file },
    { runId: "too", bytes: too, payloadBytes: 0 },
    { runId: "user", bytes: (user ?? 0) + file, payloadBytes: file },
  ]);
  const payload = runs.find(({ runId }) => runId === "old")?.payloadBytes ?? 0;
  const line = JSON.stringify({ value: "0".repeat(64), text: "", parts: [] }).length + 1;
  expect(payload).toBe(3 * file + lines.reduce((sum, { encoded }) => sum + encoded.text.length + line, 0));
  // What a prune that was killed left behind is there to be pruned.
  const draft = `runs/too/1.${"0".repeat(8)}-${"0".repeat(4)}-${"0".repeat(4)}-${"0".repeat(4)}-${"0".repeat(12)}.jsonl.draft`;
  putFile(join(directory, draft), "x".repeat(100));
  expect((await other.usage()).runs).toContainEqual({ runId: "too", bytes: (too ?? 0) + 100, payloadBytes: 100 });
});

test("usage counts the bytes of what a newer version wrote, without listing it", async () => {
  const { directory, store } = await written();
  const { bytes } = await store.usage();
  const line = sealedLine({ heddle: 2, run: "new", epoch: 1, owner: "x" });
  putFile(join(directory, "runs/new/1.jsonl"), line);
  const usage = await store.usage();
  expect(usage.bytes).toBe(bytes + line.length);
  expect(usage.runs.map(({ runId }) => runId).toSorted()).toEqual(["old", "too", "user"]);
});

test("a store of which nothing is there takes nothing", async () => {
  expect(await openStore(join(quickDirectory(), "none")).usage()).toEqual({ bytes: 0, runs: [] });
});

test("however many runs are removed, the journals of the others are read once", async () => {
  const { directory, store } = await written();
  for (let i = 0; i < 5; i++) {
    const at = await take(store, `r${i}`);
    await append(store, `r${i}`, at, { values: ["own"] });
    await store.release(`r${i}`, at.epoch);
  }
  let opened = 0;
  const stop = onEveryStep((step, path) => {
    if (step === "open r" && path.startsWith(join(directory, "runs/user"))) opened++;
  });
  await store.remove(["r0"]);
  const once = opened;
  await store.remove(["r1", "r2", "r3", "r4", "r4", "none"]);
  stop();
  expect(once).toBeGreaterThan(0);
  expect(opened).toBe(2 * once);
  await expectWhole(store);
  expect((await store.heads({ limit: 10 })).heads.map(({ runId }) => runId).toSorted()).toEqual(["old", "too", "user"]);
});

const OPEN_FILES = "/proc/self/fd";

test.runIf(existsSync(OPEN_FILES))("no file of a run that was removed stays open", async () => {
  const { directory, store } = await written();
  const openFiles = () =>
    readdirSync(OPEN_FILES).flatMap((fd) => {
      try {
        const path = readlinkSync(join(OPEN_FILES, fd));
        return path.startsWith(directory) ? [path] : [];
      } catch {
        return []; // closed meanwhile, as the listing itself was
      }
    });
  await takeAll(store);
  expect(openFiles()).toHaveLength(2);
  await store.remove(["old", "too"]);
  expect(openFiles()).toEqual([]);
});

test("the owner of a run that was removed is FENCED, also when it must bring to the disk what is gone", async () => {
  const { store, other } = await written();
  const at = await take(store, "old");
  await other.remove(["old"]);
  const head: RunHead = { runId: "old", dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events: 4 };
  const batch = { events: [event("late")], values: new Map(), refers: [], head, durable: true };
  await expect(store.append("old", at, batch)).rejects.toMatchObject({ code: "FENCED" });
});

describe("a value whose batch is still to come", () => {
  /** A run that somebody owns, whose lease is over by the clock of this machine, and that has put a value. */
  async function waiting() {
    const { directory, store, other } = await written();
    const at = await take(store, "late");
    await store.putValue("old", VALUES.ownFile.hash, VALUES.ownFile.encoded);
    return { directory, store, other, at };
  }

  test("stays when runs go that refer to it, though the lease of its owner is over", async () => {
    const { store, other, at } = await waiting();
    await other.remove(["old", "too"]);
    await append(store, "late", at, { refers: ["ownFile"] });
    expect(await valuesIn(other)).toContain("ownFile");
  });

  test("is refused after its owner stood still for so long that it is gone, and nothing dangles", async () => {
    const { directory, store, other, at } = await waiting();
    const { hash } = VALUES.ownFile;
    const long = new Date(Date.now() - 61_000);
    utimesSync(join(directory, "values", hash.slice(0, 2), hash), long, long);
    await other.remove(["old", "too"]);
    const refused = append(store, "late", at, { refers: ["ownFile"] });
    await expect(refused).rejects.toMatchObject({ code: "STORE_CONFLICT", message: expect.stringContaining('"late"') });
    expect((await other.read("late", 0, 10)).events).toEqual([]);
    await store.putValue("old", hash, VALUES.ownFile.encoded);
    await append(store, "late", at, { refers: ["ownFile"] });
    expect(await valuesIn(other)).toContain("ownFile");
  });

  test("holds up no other: one whose batch has come goes with its run, though somebody writes", async () => {
    const { store, other } = await waiting();
    await store.putValue("old", VALUES.keptFile.hash, VALUES.keptFile.encoded);
    const at = await take(store, "user");
    await append(store, "user", at, { refers: ["keptFile"] });
    await other.remove(["old", "too", "user"]);
    expect(await valuesIn(other)).toEqual(["ownFile"]);
  });

  // But the one at which its file, found unused, is deleted: no file system does both in one step.
  test("stays when both come at any step of a removal before its own", async () => {
    let removals = 0;
    for (let k = 1; ; k++) {
      const { store, other } = await written();
      let steps = 0;
      const stop = onEveryStep(async (step, path) => {
        if ((step === "rm" && path.includes("/values/")) || ++steps !== k) return;
        const at = await take(store, "late");
        await store.putValue("old", VALUES.ownFile.hash, VALUES.ownFile.encoded);
        await append(store, "late", at, { refers: ["ownFile"] });
      });
      await other.remove(["old"]);
      stop();
      if (steps < k) break;
      removals++;
      const { hash } = VALUES.ownFile;
      expect(await other.getValue({ hash, runId: "late", seq: 0 }), `step ${k}`).toBeDefined();
    }
    console.log(`A value came at ${removals} steps of a removal`);
    expect(removals).toBeGreaterThan(30);
  });

  test("is no matter to a run that was removed: its owner is FENCED", async () => {
    const { store, other, at } = await waiting();
    await append(store, "late", at);
    await other.remove(["old", "late"]);
    const refused = append(store, "late", { ...at, seq: 1 }, { refers: ["ownFile"] });
    await expect(refused).rejects.toMatchObject({ code: "FENCED" });
  });
});

test("runs that go together leave nothing of what only they shared, and what others need", async () => {
  const { directory, store } = await written();
  await store.remove(["too", "old"]);
  expect(await valuesIn(store)).toEqual(["shared", "sharedFile"]);
  const all = Buffer.concat([...filesIn(directory).values()]).toString("latin1");
  for (const letter of ["k", "K", "o", "b", "O"]) expect(all).not.toContain(letter.repeat(20));
  await store.remove(["user"]);
  expect(await store.usage()).toMatchObject({ bytes: 0, runs: [] });
});

test("Blobs are stored as the bytes in them, in a batch and apart", async () => {
  const { store } = await written();
  const blob = (letter: string, length: number) => new Blob([letter.repeat(length)], { type: "text/plain" });
  const encoded = (letter: string, length: number): Encoded => ({ text: "1", parts: [blob(letter, length)] });
  const bytes = (letter: string, length: number) => ({
    text: "1",
    parts: [Uint8Array.from(Buffer.from(letter.repeat(length)))],
  });
  const hashOf = async (letter: string, length: number) => {
    const data = new TextEncoder().encode(`[${length}]\n1${letter.repeat(length)}`);
    return Buffer.from(await crypto.subtle.digest("SHA-256", data)).toString("hex");
  };
  const [large, small] = [await hashOf("L", 20_000), await hashOf("s", 300)];
  await store.putValue("old", large, encoded("L", 20_000));
  const at = await take(store, "blobs");
  await store.append("blobs", at, {
    events: [event("blobs 0")],
    values: new Map([[small, encoded("s", 300)]]),
    refers: [small, large],
    head: { runId: "blobs", dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events: 1 },
    durable: true,
  });
  expect(await store.getValue({ hash: large, runId: "blobs", seq: 0 })).toEqual(bytes("L", 20_000));
  expect(await store.getValue({ hash: small, runId: "blobs", seq: 0 })).toEqual(bytes("s", 300));
});

describe.each([
  ["a finished run", finishedRun],
  ["a run of three owners", restartedRun],
] as const)("%s that was pruned", (what, makeRun) => {
  async function prunedRun(): Promise<StoredRun> {
    const { files, outputs } = await makeRun();
    const directory = directoryOf(files);
    const store = openStore(directory);
    const events = [...(await store.read(RUN, 0, Number.POSITIVE_INFINITY)).events];
    const at = await take(store, RUN, Date.now());
    events.push({ type: "run-pruned", at: 1, epoch: at.epoch, owner: at.owner });
    const head = { ...((await store.head(RUN)) as RunHead), events: events.length };
    await store.append(RUN, at, { events: events.slice(-1), values: new Map(), refers: [], head, durable: false });
    const keep = events.flatMap((event) => ("fingerprint" in event ? [event.fingerprint, event.code] : []));
    await store.prune([{ runId: RUN, epoch: at.epoch, keep: new Set(keep) }]);
    return { files: filesIn(directory), events, head, outputs };
  }

  test("is not damaged, and damage at any byte of it is found, with all events before that", async () => {
    const run = await prunedRun();
    const whole = await readAll(directoryOf(run.files));
    expect(whole).toMatchObject({ events: run.events, complaint: undefined, record: { prunedAt: expect.any(Number) } });
    const faults = await injectAll(run.files, injuries(run, 3), async (directory, { outcome }) => {
      const { events, complaint } = await readAll(directory);
      expectEvents(events, run, outcome);
      expectComplaint(complaint, directory, outcome);
    });
    console.log(`${what}: ${faults} bytes were flipped after it was pruned`);
    expect(faults).toBeGreaterThan(500);
  });
});

test("a damaged run is not pruned, and while it is there no value of another run goes", async () => {
  const { directory, store } = await written();
  const skeletons = await takeAll(store);
  const name = "runs/too/1.jsonl";
  const bytes = filesIn(directory).get(name) ?? Buffer.alloc(0);
  const damaged = Buffer.from(bytes);
  damaged[damaged.indexOf("too 0")] = 0;
  putFile(join(directory, name), damaged);
  await expect(store.prune(skeletons)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  expect(await valuesIn(store)).toEqual(Object.keys(VALUES));
  expect(filesIn(directory).get(name)?.equals(damaged)).toBe(true);
  putFile(join(directory, name), bytes);
  await expectWhole(openStore(directory));
  // The first try has given both back.
  await store.prune(await takeAll(store));
  expect(await valuesIn(store)).toEqual(NEEDED);
});

test("on a full disk it is refused with STORE_QUOTA and nothing is lost, and with space it is done", async () => {
  const disk = smallDisk(512);
  const { store } = await written(disk.path);
  let refused = 0;
  for (let pages = 0; ; pages++) {
    disk.makeSpace();
    const skeletons: readonly Skeleton[] = await takeAll(store);
    disk.leave(pages);
    const error = await store.prune(skeletons).catch((refusal: unknown) => refusal);
    await expectWhole(openStore(disk.path));
    expect([...filesIn(disk.path).keys()].filter((name) => name.endsWith(".draft"))).toEqual([]);
    if (error === undefined) break;
    expect(error).toMatchObject({ code: "STORE_QUOTA", message: expect.stringContaining(disk.path) });
    refused++;
  }
  console.log(`A prune was refused ${refused} times for want of space`);
  expect(refused).toBeGreaterThan(1);
  expect(await valuesIn(store)).toEqual(NEEDED);
});
