// Journals and values of which single bytes are others, or whose end is missing: what comes before the damage is read,
// what comes behind is never guessed, the complaint says where, and nothing is made worse.

import { renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { DagProvenance } from "heddle";
import { describe, expect, test } from "vitest";
import { flip, flips, injectAll } from "./support/inject.js";
import { cuts, ends, type Injury, injuries, injuriesOfLines, isNearEnd, STEP } from "./support/injuries.js";
import { type JournalFile, journalFiles, linesOf } from "./support/journal-places.js";
import { completed, expectComplaint, expectEvents, expectPlace, readAll } from "./support/read-damaged.js";
import {
  askingDag,
  FOLDER,
  finishedRun,
  keeping,
  openStore,
  plainDag,
  RUN,
  restartedRun,
} from "./support/runs-to-damage.js";
import { journal, storeWith } from "./support/store-with.js";
import { changes, directoryOf, type Files, filesIn, putFile, quickDirectory } from "./support/stored-files.js";
import { answer, expectRefused, grow, listed, pausedRun, someRuns, twoOwners } from "./support/verbs-on-directory.js";

const RUNS = {
  "a finished run": { makeRun: finishedRun, dag: plainDag, bytes: 2_000, lines: 10 },
  "a run of three owners": { makeRun: restartedRun, dag: askingDag, bytes: 3_500, lines: 20 },
} as const;

describe.each(Object.entries(RUNS))("%s", (what, { makeRun, dag, bytes, lines }) => {
  test("a byte flipped anywhere in its journal costs what stands behind it, and no event is read wrongly", async () => {
    const run = await makeRun();
    const faults = await injectAll(run.files, injuries(run), async (directory, { outcome }) => {
      const { events, record, complaint } = await readAll(directory);
      expectEvents(events, run, outcome);
      expectComplaint(complaint, directory, outcome);
      if (outcome.events > 0) expect(record).toMatchObject({ runId: RUN, events: outcome.events });
      else if (outcome.damage) expect(record).toMatchObject({ code: "STORE_DAMAGED" });
    });
    console.log(`${what}: ${faults} bytes were flipped`);
    expect(faults).toBeGreaterThan(bytes);
  });

  test("the complaint names the byte and the events that can still be read", async () => {
    const run = await makeRun();
    const injured = injuriesOfLines(run).filter(({ outcome }) => outcome.damage);
    const faults = await injectAll(run.files, injured, async (directory, { outcome }) => {
      const { complaint = "" } = await readAll(directory);
      expectPlace(complaint, outcome);
    });
    console.log(`${what}: ${faults} complaints about flipped bytes were read`);
    expect(faults).toBeGreaterThan(3 * lines);
  });

  test("inspect and loadOutput give what was recorded before the damage", async () => {
    const run = await makeRun();
    const faults = await injectAll(run.files, injuriesOfLines(run), async (directory, { outcome }) => {
      if (outcome.events === 0) return;
      const { provenance } = keeping(dag(), directory);
      const inspected = await provenance.inspect(RUN);
      expect(inspected.run.events).toBe(outcome.events);
      expectComplaint(inspected.run.damage, directory, outcome);
      const done = completed(run.events.slice(0, outcome.events));
      expect(inspected.executions.flatMap(({ path, output }) => (output ? [path] : [])).sort()).toEqual(done.sort());
      const fresh = keeping(dag(), directory).provenance;
      for (const path of done) expect(await fresh.loadOutput(RUN, path)).toEqual(run.outputs[path]);
    });
    console.log(`${what}: it was inspected with ${faults} flipped bytes`);
    expect(faults).toBeGreaterThan(3 * lines);
  });

  test("restart and replay refuse a damaged run, no stored byte changes, and with the file put back all is there", async () => {
    const run = await makeRun();
    const last = journalFiles(run.files, FOLDER).at(-1)?.batches.at(-1)?.start;
    const isChosen = ({ outcome: { damage } }: Injury, i: number) =>
      damage && (i % STEP === 0 || (damage.from === last && i % 4 === 0));
    const injured = injuries(run).filter(isChosen);
    const check = async (directory: string, { name, outcome }: Injury) => {
      const before = filesIn(directory);
      const { runner } = keeping(dag(), directory);
      for (const verb of ["restart", "replay"] as const) {
        const error = await runner[verb](RUN).then(String, (error: unknown) => error as Error);
        expect(error, verb).toMatchObject({ code: "STORE_DAMAGED" });
        expectComplaint((error as Error).message, directory, outcome);
      }
      expect(changes(before, filesIn(directory)).filter((change) => !change.endsWith(" is new"))).toEqual([]);
      putFile(join(directory, name), run.files.get(name) ?? "");
      expectEvents((await readAll(directory)).events, run, { events: run.events.length, damage: undefined });
    };
    const faults = await injectAll(run.files, injured, check, { change: true });
    console.log(`${what}: restart and replay were refused with ${faults} flipped bytes`);
    expect(faults).toBeGreaterThan((0.8 * bytes) / STEP);
  });

  test("a restart that is refused for damage names the byte and the events that can still be read", async () => {
    const run = await makeRun();
    const injured = injuriesOfLines(run).filter(({ outcome }, i) => outcome.damage && i % 2 === 0);
    const check = async (directory: string, { outcome }: Injury) => {
      const { runner } = keeping(dag(), directory);
      const error = await runner.restart(RUN).then(String, (error: unknown) => error as Error);
      expectPlace((error as Error).message, outcome);
    };
    const faults = await injectAll(run.files, injured, check, { change: true });
    console.log(`${what}: ${faults} complaints of restart were read`);
    expect(faults).toBeGreaterThan(lines);
  });

  test("a restart that is refused for damage leaves nothing new on the disk", async () => {
    const run = await makeRun();
    const injured = injuriesOfLines(run).filter(({ outcome }, i) => outcome.damage && i % 2 === 1);
    const check = async (directory: string) => {
      const before = filesIn(directory);
      await keeping(dag(), directory).runner.restart(RUN).then(String, String);
      expect(changes(before, filesIn(directory))).toEqual([]);
    };
    const faults = await injectAll(run.files, injured, check, { change: true });
    console.log(`${what}: ${faults} refused restarts were looked at`);
    expect(faults).toBeGreaterThan(lines);
  });

  test("listRuns gives the head of a damaged run as it was, or leaves it out with a warning", async () => {
    const run = await makeRun();
    const { batches = [] } = journalFiles(run.files, FOLDER).find(({ isNewest }) => isNewest) ?? {};
    const isOfHead = ({ outcome }: Injury, i: number) =>
      outcome.damage?.from === batches.at(-1)?.start || i % STEP === 0;
    const faults = await injectAll(run.files, injuries(run).filter(isOfHead), async (directory, { outcome }) => {
      const warnings: string[] = [];
      const { runs } = await new DagProvenance(openStore(directory, warnings)).listRuns();
      // Without its last seal the run is as it was before.
      if (!outcome.damage && outcome.events < run.events.length) {
        expect(runs).toMatchObject([{ runId: RUN, status: "running", events: outcome.events }]);
      } else if (warnings.length === 0) expect(runs).toEqual([run.head]);
      else {
        expect(runs).toEqual([]);
        expectComplaint(warnings.join(), directory, outcome);
      }
    });
    console.log(`${what}: it was listed with ${faults} flipped bytes`);
    expect(faults).toBeGreaterThan(200);
  });

  test("cut anywhere, its newest file is read up to the last whole batch", async () => {
    const run = await makeRun();
    const faults = await injectAll(
      run.files,
      cuts(run, ({ isNewest }) => isNewest),
      async (directory, { outcome }) => {
        const { events, record, complaint } = await readAll(directory);
        expectEvents(events, run, outcome);
        expect(complaint).toBeUndefined();
        if (events.length > 0) expect(record).toMatchObject({ events: events.length });
        else expect(record).toBeUndefined();
      },
    );
    console.log(`${what}: its newest file was cut at ${faults} bytes`);
    expect(faults).toBeGreaterThan(1_000);
  });

  test("cut anywhere, it is completed by a restart, and nothing that is recorded is executed again", async () => {
    const run = await makeRun();
    const newest = cuts(run, ({ isNewest }) => isNewest).filter(isNearEnd(run));
    const check = async (directory: string, { outcome }: Injury) => {
      const events = run.events.slice(0, outcome.events);
      const calls: string[] = [];
      const { runner, store } = keeping(dag(calls), directory);
      const resume = events.at(-1)?.type === "run-paused" ? { ask: "!" } : {};
      const begun = events.length === 0 ? runner.run({ read: { text: "abc" } }, { runId: RUN }) : undefined;
      const result = await (begun ?? runner.restart(RUN, { resume }));
      expect(result.status).toBe("completed");
      expect(Object.entries(run.outputs)).toEqual(expect.arrayContaining(Object.entries(result.outputs)));
      expect(calls.filter((path) => completed(events).includes(path))).toEqual([]);
      const whole = await journal(store, RUN);
      expect(whole.slice(0, events.length)).toEqual(events);
      expect(whole.at(-1)?.type).toBe("run-completed");
    };
    const faults = await injectAll(run.files, newest, check, { change: true });
    console.log(`${what}: it was cut and restarted ${faults} times`);
    expect(faults).toBeGreaterThan(60);
  });

  test("whoever restarts it behind a torn end is told how many bytes are passed over", async () => {
    const run = await makeRun();
    const newest = cuts(run, ({ isNewest }) => isNewest).filter(isNearEnd(run));
    const told = { torn: 0, whole: 0 };
    const check = async (directory: string, { content: { byteLength } }: Injury) => {
      const warnings: string[] = [];
      const store = openStore(directory, warnings);
      await store.acquire(RUN, "next", Date.now(), 1);
      await store.close();
      const torn = byteLength - (ends(run).findLast((end) => end <= byteLength) ?? 0);
      torn > 0 ? told.torn++ : told.whole++;
      expect(warnings).toEqual(torn > 0 ? [expect.stringMatching(`\\b${torn} bytes.*"${RUN}"`)] : []);
    };
    await injectAll(run.files, newest, check, { change: true });
    console.log(`${what}: ${told.torn} torn ends were told of, and none of ${told.whole} whole ones`);
    expect(told.torn).toBeGreaterThan(60);
    expect(told.whole).toBeGreaterThanOrEqual(2);
  });
});

test("cut anywhere, an older file is read up to the cut, and restart and replay are refused", async () => {
  const run = await restartedRun();
  const older = cuts(run, ({ isNewest }) => !isNewest, process.env.CHAOS ? 1 : 17);
  const lost = older.filter(({ outcome }) => outcome.damage);
  const check = async (directory: string, { outcome }: Injury) => {
    const { events, complaint } = await readAll(directory);
    expectEvents(events, run, outcome);
    expectComplaint(complaint, directory, outcome);
    const { runner } = keeping(askingDag(), directory);
    for (const verb of ["restart", "replay"] as const) {
      await expect(runner[verb](RUN), verb).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    }
  };
  const faults = await injectAll(run.files, lost, check, { change: true });
  console.log(`Older files were cut at ${faults} places`);
  expect(faults).toBeGreaterThan(90);
});

test("a claim of which a byte was flipped keeps nobody from restarting the run", async () => {
  const paused = quickDirectory();
  await pausedRun(paused);
  const name = `${FOLDER}/1.owner`;
  const claim = filesIn(paused).get(name) as Buffer;
  const text = claim.toString().trimEnd().length;
  const flipped = flips(name, claim).filter(({ byte }) => byte < text || byte % 50 === 0);
  const check = async (directory: string) => expect(await answer(directory)).toMatchObject({ status: "completed" });
  const faults = await injectAll(filesIn(paused), flipped, check, { change: true });
  console.log(`${faults} bytes of a claim were flipped`);
  expect(faults).toBeGreaterThan(60);
});

describe("a value in a file of its own", () => {
  /** A finished run whose first output has a file of its own, but for `shape` and `code`. */
  async function runWithValueFile() {
    const directory = directoryOf(new Map());
    const { runner, provenance } = keeping(plainDag(), withValueFiles(directory));
    await runner.run({ read: { text: "abc" } }, { runId: RUN });
    const { executions } = await provenance.inspect(RUN);
    const hash = executions.find(({ path }) => path === "read")?.output?.ref?.slice(1) ?? "";
    return { files: filesIn(directory), name: `values/${hash.slice(0, 2)}/${hash}` };
  }

  const withValueFiles = (directory: string) =>
    storeWith(openStore(directory), ({ capabilities }) => ({
      capabilities: { ...capabilities, batchedValueBytes: 250 },
    }));

  test("is refused by name with any byte flipped or missing, and all else is read", async () => {
    const { files, name } = await runWithValueFile();
    const bytes = files.get(name) as Buffer;
    const cut = flips(name, bytes, 3).map((fault) => ({
      ...fault,
      content: bytes.subarray(0, fault.byte),
      what: `cut to ${fault.byte}`,
    }));
    const faults = await injectAll(files, [...flips(name, bytes), ...cut], async (directory) => {
      const { provenance } = keeping(plainDag(), directory);
      const error = await provenance.loadOutput(RUN, "read").then(String, (error: unknown) => error as Error);
      expect(error).toMatchObject({ code: "STORE_DAMAGED", message: expect.stringContaining(join(directory, name)) });
      expect(await provenance.loadOutput(RUN, "cut")).toBe("abca");
    });
    console.log(`A value file was flipped or cut at ${faults} bytes`);
    expect(faults).toBeGreaterThan(400);
  });

  test("is stored anew where it was damaged, if its node is executed again", async () => {
    const { files, name } = await runWithValueFile();
    const bytes = files.get(name) as Buffer;
    const check = async (directory: string) => {
      const { runner, provenance } = keeping(plainDag(), withValueFiles(directory));
      const again = await runner.replay(RUN, { rerun: ["read"], mode: "downstream" });
      expect(again).toMatchObject({ status: "completed", outputs: { cut: "abca" } });
      expect(await provenance.loadOutput(again.runId, "read")).toBe("abc".repeat(100));
      expect(await provenance.loadOutput(RUN, "read")).toBe("abc".repeat(100));
    };
    const empty = { name, content: Buffer.alloc(0), what: "empty" };
    const faults = await injectAll(files, [...flips(name, bytes, STEP), empty], check, { change: true });
    console.log(`A value file was mended ${faults} times`);
    expect(faults).toBeGreaterThan(8);
  });
});

test("a value that is damaged after its place in the journal was found is not read wrongly", async () => {
  const { files } = await finishedRun();
  const directory = directoryOf(files);
  const { runner, provenance } = keeping(plainDag(), directory);
  const { runId } = await runner.replay(RUN, { rerun: ["cut"] });
  expect(await provenance.loadOutput(runId, "read")).toBe("abc".repeat(100));
  const { name, bytes } = journalFiles(files, FOLDER)[0] as JournalFile;
  const start = bytes.indexOf("abcabc");
  for (const byte of [start, bytes.lastIndexOf("\n", start) + 1]) {
    putFile(join(directory, name), flip(name, bytes, byte).content);
    const again = provenance.loadOutput(runId, "read");
    const message = expect.stringContaining(join(directory, name));
    await expect(again, `byte ${byte}`).rejects.toMatchObject({ code: "STORE_DAMAGED", message });
  }
});

test("a run whose folder is gone is not there, and the others are", async () => {
  const run = await finishedRun();
  const directory = directoryOf(run.files);
  await keeping(plainDag(), directory).runner.run({ read: { text: "abc" } }, { runId: "other" });
  rmSync(join(directory, FOLDER), { recursive: true });
  const { provenance, runner } = keeping(plainDag(), directory);
  expect(await provenance.getRun(RUN)).toBeUndefined();
  await expect(runner.restart(RUN)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  expect((await provenance.listRuns()).runs.map(({ runId }) => runId)).toEqual(["other"]);
});

describe("journal files in each other's place are damage that names both:", () => {
  /** So many events has a run of two owners. */
  const EVENTS = 10;
  const exchange = (one: string, other: string) => (directory: string) => {
    renameSync(join(directory, one), join(directory, "kept"));
    renameSync(join(directory, other), join(directory, one));
    renameSync(join(directory, "kept"), join(directory, other));
  };
  const copy = (from: string, to: string) => (directory: string) => {
    putFile(join(directory, to), filesIn(directory).get(from) ?? "");
  };
  /** What is done, the file that a complaint names, what it says of it, and how many events come before. */
  const CASES = [
    ["the first of two runs", exchange(`${FOLDER}/1.jsonl`, "runs/asked/1.jsonl"), "1.jsonl", '"asked"', 0],
    ["the last of two runs", exchange(`${FOLDER}/2.jsonl`, "runs/asked/2.jsonl"), "2.jsonl", '"asked"', 6],
    ["two of one run", exchange(`${FOLDER}/1.jsonl`, `${FOLDER}/2.jsonl`), "1.jsonl", "epoch 2", 0],
    ["a copy from another run", copy("runs/asked/2.jsonl", `${FOLDER}/2.jsonl`), "2.jsonl", '"asked"', 6],
    ["one more, from another run", copy("runs/asked/1.jsonl", `${FOLDER}/3.jsonl`), "3.jsonl", '"asked"', EVENTS],
    ["one more, of its own", copy(`${FOLDER}/1.jsonl`, `${FOLDER}/3.jsonl`), "3.jsonl", "epoch 1", EVENTS],
  ] as const;

  async function twoRuns() {
    const directory = quickDirectory();
    for (const runId of [RUN, "asked"]) await twoOwners(directory, runId);
    const store = openStore(directory);
    return { directory, events: await journal(store, RUN) };
  }

  test.each(CASES)("%s", async (_, harm, at, names, readable) => {
    const { directory, events } = await twoRuns();
    expect(events).toHaveLength(EVENTS);
    harm(directory);
    const texts = [`"${RUN}"`, join(directory, FOLDER, at), names];
    const verbs = readable > 0 ? (["replay"] as const) : (["replay", "getRun", "inspect", "loadOutput"] as const);
    await expectRefused(verbs, directory, "STORE_DAMAGED", ...texts);
    if (readable > 0) {
      const record = await keeping(askingDag(), directory).provenance.getRun(RUN);
      expect(record?.events).toBe(readable);
      for (const text of texts) expect(record?.damage).toContain(text);
    }
    await expect(keeping(askingDag(), directory).runner.restart(RUN)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });

  test("a folder under another name", async () => {
    const { directory } = await twoRuns();
    renameSync(join(directory, "runs/asked"), join(directory, "runs/third"));
    const error = await keeping(askingDag(), directory)
      .provenance.getRun("third")
      .catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ code: "STORE_DAMAGED", message: expect.stringMatching(/"third".*"asked"/) });
    expect((await listed(directory)).ids).toEqual([RUN]);
  });

  test("one of an earlier run of the same name", async () => {
    const directory = quickDirectory();
    await twoOwners(directory, RUN, "old");
    const old = filesIn(directory).get(`${FOLDER}/1.jsonl`) ?? Buffer.alloc(0);
    await keeping(askingDag(), directory).provenance.removeRun(RUN);
    // Without what remembers its epochs, the new run counts from 1 again.
    rmSync(join(directory, FOLDER), { recursive: true });
    await twoOwners(directory, RUN, "new");
    putFile(join(directory, FOLDER, "1.jsonl"), old);
    const read = await keeping(askingDag(), directory)
      .provenance.loadOutput(RUN, "read")
      .catch((error: unknown) => error);
    expect(read).toMatchObject({ code: "STORE_DAMAGED" });
  });
});

describe("a damaged run", () => {
  test("is left out by listRuns with a warning, and the others are listed", async () => {
    const { directory, ids } = await someRuns();
    const path = join(directory, "runs/asked/1.jsonl");
    put("runs/asked/1.jsonl", directory, (bytes) => bytes.subarray(1));
    put("runs/asked/2.jsonl", directory, (bytes) => bytes.subarray(1));
    const { ids: others, warnings } = await listed(directory);
    expect(others).toEqual(ids.filter((id) => id !== "asked"));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('"asked"');
    expect(warnings[0]).toContain(dirname(path));
  });

  function put(name: string, directory: string, change: (bytes: Buffer) => Buffer): void {
    putFile(join(directory, name), change(filesIn(directory).get(name) ?? Buffer.alloc(0)));
  }

  /** Damages a run in every line in turn, beside a replay that uses an output which stands in its first batch. */
  async function damageEveryLine(
    check: (directory: string, replayed: string, line: { isBehind: boolean; isValue: boolean }) => Promise<void>,
  ) {
    const { directory, replayed } = await someRuns();
    const files = filesIn(directory);
    const [{ name, bytes, batches }] = journalFiles(files, FOLDER) as [JournalFile];
    const faults = linesOf(bytes).map(({ start, end, text }) => ({
      ...flip(name, bytes, Math.floor((start + end) / 2)),
      isBehind: start >= (batches[0]?.end ?? 0),
      isValue: text.includes("abcabc"),
    }));
    return injectAll(files, faults, (place, line) => check(place, replayed, line), { change: true });
  }

  const readBy = (directory: string, runId: string) =>
    keeping(plainDag(), directory).provenance.loadOutput(runId, "read").catch(String);

  test("can be removed, and what others use of it and stands before the damage stays", async () => {
    let read = 0;
    const faults = await damageEveryLine(async (directory, replayed, { isBehind }) => {
      const before = await readBy(directory, replayed);
      if (isBehind) expect(before).toBe("abc".repeat(100));
      const { provenance } = keeping(plainDag(), directory);
      await provenance.removeRun(RUN);
      expect(await provenance.getRun(RUN)).toBeUndefined();
      expect((await listed(directory)).ids).toEqual(["asked", replayed].sort());
      if (!isBehind) return;
      expect(await readBy(directory, replayed)).toBe(before);
      read++;
    });
    console.log(`A run with damage in ${faults} places was removed, ${read} of them behind a value that is used`);
    expect(read).toBeGreaterThan(4);
  });

  test("can be removed, and what others use of it stays also behind the damage, as long as it fits its hash", async () => {
    const faults = await damageEveryLine(async (directory, replayed, { isValue }) => {
      if (isValue) return;
      await keeping(plainDag(), directory).provenance.removeRun(RUN);
      expect(await readBy(directory, replayed)).toBe("abc".repeat(100));
    });
    expect(faults).toBeGreaterThan(10);
  });

  test("keeps every value of the store while others are removed, and is named as the reason", async () => {
    const directory = quickDirectory();
    for (const runId of ["one", "two"]) await grow(directory, runId, runId);
    const values = (files: Files) => [...files.keys()].filter((name) => /^values\/..\/./.test(name));
    const before = values(filesIn(directory));
    expect(before).toHaveLength(2);
    put("runs/two/1.jsonl", directory, (bytes) => flip("", bytes, bytes.byteLength >> 1).content);
    const warnings: string[] = [];
    await new DagProvenance(openStore(directory, warnings)).removeRun("one");
    expect(values(filesIn(directory))).toEqual(expect.arrayContaining(before));
    expect(warnings).toEqual([expect.stringMatching(/"two".*1\.jsonl/)]);
    await new DagProvenance(openStore(directory)).removeRun("two");
    expect(values(filesIn(directory))).toEqual([]);
  });
});
