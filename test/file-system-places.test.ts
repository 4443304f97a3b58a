// A store in a place that does not suit it: no directory, no right, no space, a newer version's, files where they do not
// belong. Each is refused with its path or borne, and nothing that is stored is lost.

import { createHash } from "node:crypto";
import { chmodSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { DagProvenance, DagRunner, type JournalEvent, type RunHead, type Store } from "heddle";
import { describe, expect, onTestFinished, test } from "vitest";
import { linesOf, sealedLine } from "./support/journal-places.js";
import { asOtherUser } from "./support/other-user.js";
import { askingDag, FOLDER, finishedRun, keeping, openStore, plainDag, RUN } from "./support/runs-to-damage.js";
import { type SmallDisk, smallDisk } from "./support/small-disk.js";
import { journal } from "./support/store-with.js";
import { changes, filesIn, putFile, quickDirectory } from "./support/stored-files.js";
import {
  answer,
  call,
  expectRefused,
  grow,
  growingDag,
  listed,
  OF_ONE_RUN,
  pausedRun,
  READING,
  someRuns,
  twoOwners,
  WRITING,
} from "./support/verbs-on-directory.js";

describe("run ids", () => {
  const LONG = "x".repeat(1_999);
  const IDS = [
    ...". .. a/b a\\b / a A b é e\u0301 % %61 ~ a~b * ? : - _ __proto__ 1.jsonl .DS_Store".split(" "),
    ..."con nul NUL aux.txt com1 👩‍🚀 \ud800 \udc00 \ufffd \ud800\ud800".split(" "),
    ...["\0", " ", "\n", `${LONG}a`, `${LONG}b`, LONG.toUpperCase(), `${LONG}\ud800`, `${LONG}\udc00`],
  ];

  test("of any characters name runs of their own, and are listed as they were given", async () => {
    const directory = quickDirectory();
    const { runner, provenance } = keeping(plainDag(), directory);
    for (const [i, runId] of IDS.entries()) {
      const started = await runner.run({ read: { text: `${i}-` } }, { runId }).catch((error: unknown) => error);
      expect(started, JSON.stringify(runId.slice(-9))).toMatchObject({ status: "completed", runId });
    }
    for (const [i, runId] of IDS.entries()) {
      expect(await provenance.loadOutput(runId, "read")).toBe(`${i}-`.repeat(100));
      expect((await provenance.getRun(runId))?.runId).toBe(runId);
    }
    const { runs } = await provenance.listRuns({ limit: 100 });
    expect(runs.map(({ runId }) => runId).sort()).toEqual(IDS.toSorted());
    console.log(`${IDS.length} runs with strange ids were listed`);
  });

  test("have folders that no file system takes for one another or for a device", async () => {
    const directory = quickDirectory();
    const store = openStore(directory);
    const letters = ["a", "A", ".", "/", "%", "~", "2", "e", "\0", "é", "\ud83d", "\ude00", "\ufffd"];
    const pairs = letters.flatMap((one) => [one, ...letters.map((other) => one + other)]);
    const ids = [...new Set([...IDS, ...pairs])];
    for (const id of ids) await store.acquire(id, "me", 0, 1);
    await store.close();
    const names = readdirSync(join(directory, "runs"));
    const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
    expect(names.filter((name) => !/^[\w%~-]{1,200}$/.test(name) || device.test(name))).toEqual([]);
    expect(new Set(names.map((name) => name.normalize().toLowerCase())).size).toBe(ids.length);
    console.log(`${ids.length} ids have folders of their own`);
  });

  test("that are empty name no run", async () => {
    const { directory, ids } = await someRuns();
    const before = filesIn(directory);
    const { provenance, runner } = keeping(plainDag(), directory);
    expect(await provenance.getRun("")).toBeUndefined();
    for (const verb of ["restart", "replay"] as const) await expect(runner[verb](""), verb).rejects.toThrow();
    await provenance.removeRun("").catch(() => {});
    expect(changes(before, filesIn(directory))).toEqual([]);
    expect((await listed(directory)).ids).toEqual(ids);
  });
});

describe("a directory", () => {
  test("that is a file, or is inside one, is refused by its path, and stays", async () => {
    const directory = quickDirectory();
    putFile(join(directory, "file"), "not a directory");
    const before = filesIn(directory);
    for (const path of [join(directory, "file"), join(directory, "file/inside")]) {
      for (const verb of [...READING, ...WRITING]) {
        const message = expect.stringMatching(new RegExp(`"${path}.*a file stands where a directory should be`));
        await expect(call(verb, path), verb).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message });
      }
    }
    expect(changes(before, filesIn(directory))).toEqual([]);
  });

  test("that this user may not enter is refused by its path, and loses nothing", async () => {
    const { directory, ids } = await someRuns();
    const [before, inside] = [filesIn(directory), join(directory, "runs")];
    for (const [closed, path] of [
      [directory, directory],
      [dirname(inside), inside],
    ] as const) {
      chmodSync(closed, 0);
      try {
        await asOtherUser(async () => {
          for (const verb of [...READING, ...WRITING]) {
            const message = expect.stringMatching(new RegExp(`"${path}.*may not read or write there`));
            await expect(call(verb, path), verb).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message });
          }
        });
      } finally {
        chmodSync(closed, 0o755);
      }
    }
    expect(changes(before, filesIn(directory))).toEqual([]);
    expect((await listed(directory)).ids).toEqual(ids);
  });

  test("that this user may only read is read, and refuses to be written", async () => {
    const { directory, ids } = await someRuns();
    await pausedRun(directory, "waiting");
    const all = [...filesIn(directory).keys()].map((name) => join(directory, name));
    for (const path of [directory, ...all]) chmodSync(path, path.endsWith("/") || path === directory ? 0o555 : 0o444);
    await asOtherUser(async () => {
      for (const verb of READING) await expect(call(verb, directory), verb).resolves.toBeDefined();
      expect((await listed(directory)).ids).toEqual([...ids, "waiting"].sort());
      await expectRefused(
        ["run", "replay", "removeRun"],
        directory,
        "STORE_UNAVAILABLE",
        directory,
        "may not read or write",
      );
      await expect(answer(directory, "waiting")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    });
  });

  test("on a disk that is read-only is read, and refuses to be written", async () => {
    const disk = smallDisk(512);
    await finishedRun(RUN, disk.path);
    await pausedRun(disk.path, "waiting");
    disk.makeReadOnly();
    for (const verb of READING) await expect(call(verb, disk.path), verb).resolves.toBeDefined();
    await expect(answer(disk.path, "waiting")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expectRefused(["run", "replay", "removeRun"], disk.path, "STORE_UNAVAILABLE", disk.path, "read-only");
  });

  test("that holds other things keeps them", async () => {
    const directory = quickDirectory();
    for (const name of ["notes.txt", "src/main.c", "empty/"]) putFile(join(directory, name), "mine");
    const before = filesIn(directory);
    await keeping(plainDag(), directory).runner.run({ read: { text: "abc" } }, { runId: RUN });
    await keeping(plainDag(), directory).provenance.removeRun(RUN);
    expect(changes(before, filesIn(directory)).filter((change) => !change.endsWith(" is new"))).toEqual([]);
  });
});

describe("a full disk", () => {
  const empty = ({ path }: SmallDisk) => {
    for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true });
  };

  /** Begins or continues the run in a store. */
  const begin = (store: Store, durability: "sync" | "async", calls: string[], isThere: boolean) => {
    const runner = new DagRunner(growingDag(calls), { provenance: new DagProvenance(store, { durability }) });
    return isThere ? runner.restart(RUN) : runner.run({ page: { text: "ab" } }, { runId: RUN });
  };

  /** What is there of the run on a disk that is still full, after a look at everything that could be half written. */
  async function seenOn(directory: string): Promise<JournalEvent[]> {
    const { provenance, store } = keeping(plainDag(), directory);
    const events = [...(await journal(store, RUN))];
    const record = await provenance.getRun(RUN);
    expect(record?.events ?? 0).toBe(events.length);
    expect(record?.damage).toBeUndefined();
    expect((await listed(directory)).ids).toEqual(events.length > 0 ? ["first", RUN] : ["first"]);
    for (const [name, bytes] of filesIn(directory)) {
      if (!name.startsWith("values/") || name.endsWith("/")) continue;
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(basename(name));
    }
    return events;
  }

  test("ends the run with STORE_QUOTA, and a restart completes it as soon as there is space", async () => {
    const disk = smallDisk(256);
    const failed = new Map<string, number>();
    let completed = 0;
    for (let pages = 0; completed < 4; pages++) {
      for (const [durability, age] of [
        ["sync", "used"],
        ["async", "new"],
        ["sync", "new"],
      ] as const) {
        empty(disk);
        const used = openStore(disk.path);
        await keeping(plainDag(), used).runner.run({ read: { text: "abc" } }, { runId: "first" });
        disk.leave(pages);
        const calls: string[] = [];
        const store = age === "used" ? used : openStore(disk.path);
        const end = await begin(store, durability, calls, false).catch((error: unknown) => error as Error);
        const where = `${durability}, a ${age} store, ${pages} pages`;
        if (!(end instanceof Error)) {
          completed++;
          continue;
        }
        expect(end, where).toMatchObject({ code: "STORE_QUOTA", message: expect.stringContaining(disk.path) });
        const doing = end.message.replace(/ failed at .*/, "");
        failed.set(doing, (failed.get(doing) ?? 0) + 1);
        const events = await seenOn(disk.path);
        const done = events.flatMap((event) => (event.type === "node-completed" ? [event.path] : []));
        disk.makeSpace();
        calls.length = 0;
        const again = await begin(openStore(disk.path), durability, calls, events.length > 0).catch(String);
        expect(again, where).toMatchObject({ status: "completed", outputs: { last: "aaa" } });
        expect(
          calls.filter((path) => done.includes(path)),
          where,
        ).toEqual([]);
        expect(await keeping(plainDag(), disk.path).provenance.loadOutput(RUN, "large")).toBe("a".repeat(20_000));
      }
    }
    console.log(
      `The disk was full ${[...failed.values()].reduce((a, b) => a + b, 0)} times:`,
      Object.fromEntries(failed),
    );
    for (const doing of ["Making the store", "Claiming a run", "Opening a run", "Storing events", "Storing a value"]) {
      expect(failed.get(doing) ?? 0, doing).toBeGreaterThan(0);
    }
  });

  test("ends a restart with STORE_QUOTA as well, and the next restart is not refused", async () => {
    const disk = smallDisk(256);
    let refused = 0;
    for (let pages = 0; ; pages++) {
      empty(disk);
      await pausedRun(disk.path);
      disk.leave(pages);
      const end = await answer(disk.path).catch((error: unknown) => error);
      if (!(end instanceof Error)) break;
      refused++;
      expect(end).toMatchObject({ code: "STORE_QUOTA" });
      expect(await call("getRun", disk.path)).toMatchObject({ status: "paused", events: 6 });
      disk.makeSpace();
      expect(await answer(disk.path)).toMatchObject({ status: "completed" });
    }
    console.log(`A restart was refused ${refused} times for want of space`);
    expect(refused).toBeGreaterThanOrEqual(2);
  });

  test("that takes no claim rejects the run, and leaves no other promise to reject", async () => {
    const disk = smallDisk(256);
    const store = openStore(disk.path);
    await keeping(plainDag(), store).runner.run({ read: { text: "abc" } }, { runId: "first" });
    disk.leave(0);
    const unhandled: unknown[] = [];
    const listen = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", listen);
    onTestFinished(() => void process.off("unhandledRejection", listen));
    await expect(begin(store, "sync", [], false)).rejects.toMatchObject({ code: "STORE_QUOTA" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });

  test("takes the removal of a run, which makes space for others", async () => {
    const disk = smallDisk(256);
    const { runner, provenance, store } = keeping(plainDag(), disk.path);
    await runner.run({ read: { text: "abc" } }, { runId: "first" });
    await begin(store, "sync", [], false);
    disk.leave(0);
    await expect(call("run", disk.path, "other")).rejects.toMatchObject({ code: "STORE_QUOTA" });
    await provenance.removeRun(RUN);
    expect(await call("run", disk.path, "other")).toMatchObject({ status: "completed" });
    expect((await listed(disk.path)).ids).toEqual(["first", "other anew"]);
  });

  test("is not filled further by what cannot begin on it", async () => {
    const disk = smallDisk(256);
    await call("run", disk.path);
    disk.leave(0);
    for (let i = 0; i < 3; i++)
      await expect(call("run", disk.path, `r${i}`)).rejects.toMatchObject({ code: "STORE_QUOTA" });
    expect([...filesIn(disk.path).keys()].filter((name) => name.endsWith(".draft"))).toEqual([]);
  });
});

describe("what a newer version wrote is refused, and stays as it is:", () => {
  const begin = (directory: string) =>
    keeping(plainDag(), directory).runner.run({ read: { text: "abc" } }, { runId: RUN });

  test("the directory", async () => {
    const { directory } = await someRuns();
    putFile(join(directory, "heddle.json"), `${JSON.stringify({ store: "heddle", layout: 2, more: true })}\n`);
    await expectRefused(
      [...READING, ...WRITING],
      directory,
      "STORE_VERSION",
      join(directory, "heddle.json"),
      "layout 2",
    );
  });

  test.each(["1.jsonl", "2.jsonl"])("a journal file, %s", async (name) => {
    const directory = quickDirectory();
    await twoOwners(directory, RUN);
    await twoOwners(directory, "asked");
    const path = join(FOLDER, name);
    const bytes = filesIn(directory).get(path) ?? Buffer.alloc(0);
    const [header] = linesOf(bytes);
    const { sum: _, ...content } = JSON.parse(header?.text ?? "") as Record<string, unknown>;
    putFile(
      join(directory, path),
      Buffer.concat([Buffer.from(sealedLine({ ...content, heddle: 2 })), bytes.subarray(header?.end)]),
    );
    await expectRefused([...OF_ONE_RUN, "removeRun"], directory, "STORE_VERSION", join(directory, path), "layout 2");
    const before = filesIn(directory);
    await expect(begin(directory)).rejects.toMatchObject({ code: "STORE_VERSION" });
    expect(await listed(directory)).toEqual({
      ids: ["asked"],
      warnings: [expect.stringContaining(join(directory, path))],
    });
    expect(changes(before, filesIn(directory))).toEqual([]);
  });

  test("events", async () => {
    const directory = quickDirectory();
    await finishedRun("other", directory);
    const store = openStore(directory);
    const [first] = (await journal(store, "other")) as [JournalEvent & { type: "run-started" }];
    const head = { ...((await store.head("other")) as RunHead), runId: RUN, status: "paused", events: 1 } as const;
    await store.acquire(RUN, "newer", 0, 1);
    const batch = { events: [{ ...first, format: 2 }], values: new Map(), refers: [], head, durable: false };
    await store.append(RUN, { epoch: 1, seq: 0, owner: "newer" }, batch);
    await store.close();
    await expectRefused(
      ["getRun", "inspect", "loadOutput", "replay", "restart"],
      directory,
      "STORE_VERSION",
      `"${RUN}"`,
      "format 2",
    );
    const before = filesIn(directory);
    await expect(begin(directory)).rejects.toMatchObject({ code: "RUN_EXISTS" });
    expect((await listed(directory)).ids).toEqual(["other", RUN]);
    expect(changes(before, filesIn(directory))).toEqual([]);
  });
});

describe("foreign things", () => {
  const BINARY = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 37) % 256));
  const CONTENTS: Record<string, string | Uint8Array> = {
    "a text": "Dear diary,\ntoday I saved a file in the wrong place.\n",
    "a text without a newline": "hello",
    "a binary": BINARY,
    "a binary without a newline": BINARY.map((byte) => (byte === 10 ? 0 : byte)),
    "other JSON": '{"name":"heddle","private":true}\n',
  };

  const put = (directory: string, name: string, content: string | Uint8Array) => {
    rmSync(join(directory, name.replace(/\/$/, "")), { recursive: true, force: true });
    putFile(join(directory, name), content);
  };

  test.each(Object.entries(CONTENTS))(
    "in the place of a journal file are damage of that run alone: %s",
    async (_, content) => {
      const { directory, ids } = await someRuns();
      const name = `${FOLDER}/1.jsonl`;
      put(directory, name, content);
      await expectRefused(OF_ONE_RUN, directory, "STORE_DAMAGED", `"${RUN}"`, join(directory, name));
      const { ids: others, warnings } = await listed(directory);
      expect(others).toEqual(ids.filter((id) => id !== RUN));
      expect(warnings).toEqual([expect.stringContaining(join(directory, name))]);
    },
  );

  test("in the place of a journal file are damage of that run alone: a folder", async () => {
    const { directory, ids } = await someRuns();
    const name = `${FOLDER}/1.jsonl`;
    put(directory, `${name}/`, "");
    await expectRefused(OF_ONE_RUN, directory, /^STORE_(DAMAGED|UNAVAILABLE)$/, `"${RUN}"`, join(directory, name));
    const { ids: others, warnings } = await listed(directory);
    expect(others).toEqual(ids.filter((id) => id !== RUN));
    expect(warnings).toEqual([expect.stringContaining(join(directory, name))]);
  });

  test("in the place of a run's folder are refused by their path, and the other runs are listed", async () => {
    const { directory, ids } = await someRuns();
    put(directory, FOLDER, "hello");
    await expectRefused(OF_ONE_RUN, directory, /^STORE_(DAMAGED|UNAVAILABLE)$/, join(directory, FOLDER));
    expect((await listed(directory)).ids).toEqual(ids.filter((id) => id !== RUN));
  });

  test("an empty journal file is that of an owner who never wrote", async () => {
    const { directory, ids } = await someRuns();
    put(directory, `${FOLDER}/1.jsonl`, "");
    expect(await call("getRun", directory)).toBeUndefined();
    await expect(call("restart", directory)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    const { runner, provenance } = keeping(plainDag(), directory);
    expect(await runner.run({ read: { text: "xyz" } }, { runId: RUN })).toMatchObject({ status: "completed" });
    expect(await provenance.loadOutput(RUN, "read")).toBe("xyz".repeat(100));
    expect(await listed(directory)).toEqual({ ids, warnings: [] });
  });

  test.each([
    ...Object.entries({
      ...CONTENTS,
      nothing: "",
      "an empty object": "{}",
      null: "null",
      "a number": "42",
      "a list": "[]",
    }),
  ])("in the place of a claim keep nobody from the run: %s", async (_, content) => {
    const directory = quickDirectory();
    await pausedRun(directory);
    put(directory, `${FOLDER}/1.owner`, content);
    expect(await answer(directory).catch(String)).toMatchObject({ status: "completed" });
  });

  test("a folder in the place of a claim is refused by its path, and a claim that is gone keeps nobody from the run", async () => {
    const directory = quickDirectory();
    await pausedRun(directory);
    const before = filesIn(directory);
    put(directory, `${FOLDER}/1.owner/`, "");
    const message = expect.stringContaining(join(directory, FOLDER, "1.owner"));
    await expect(answer(directory)).rejects.toMatchObject({
      code: expect.stringMatching(/^STORE_(DAMAGED|UNAVAILABLE)$/),
      message,
    });
    expect(changes(before, filesIn(directory))).toEqual([`${FOLDER}/1.owner is gone`, `${FOLDER}/1.owner/ is new`]);
    rmSync(join(directory, FOLDER, "1.owner"), { recursive: true });
    expect(await answer(directory).catch(String)).toMatchObject({ status: "completed" });
  });

  test.each([...Object.entries(CONTENTS), ["nothing", ""], ["a folder", "/"]] as const)(
    "in the place of heddle.json are refused by its path, and put back all is there: %s",
    async (_, content) => {
      const { directory, ids } = await someRuns();
      const before = filesIn(directory);
      put(directory, content === "/" ? "heddle.json/" : "heddle.json", content);
      const all = [...READING, ...WRITING];
      await expectRefused(all, directory, /^STORE_(DAMAGED|UNAVAILABLE)$/, join(directory, "heddle.json"));
      put(directory, "heddle.json", before.get("heddle.json") ?? "");
      expect(changes(before, filesIn(directory))).toEqual([]);
      expect((await listed(directory)).ids).toEqual(ids);
    },
  );

  test.each([...Object.entries(CONTENTS), ["nothing", ""], ["a folder", "/"]] as const)(
    "in the place of a value are refused by its path, and other values are read: %s",
    async (_, content) => {
      const directory = quickDirectory();
      await grow(directory);
      const [name = ""] = [...filesIn(directory).keys()].filter((file) => /^values\/..\/./.test(file));
      put(directory, content === "/" ? `${name}/` : name, content);
      const { provenance } = keeping(plainDag(), directory);
      const error = await provenance.loadOutput(RUN, "large").catch((refusal: unknown) => refusal);
      const message = expect.stringContaining(join(directory, name));
      expect(error).toMatchObject({ code: expect.stringMatching(/^STORE_(DAMAGED|UNAVAILABLE)$/), message });
      expect(await provenance.loadOutput(RUN, "page")).toBe("a".repeat(4_000));
      expect(await provenance.loadOutput(RUN, "last")).toBe("aaa");
    },
  );
});

describe("files of others beside those of the store", () => {
  const NAMES = ".DS_Store Thumbs.db notes.txt~ 50% 4913 Icon\r backup/old.txt lost+found/ %zz/".split(" ");
  const OF_RUNS =
    "1.jsonl~ 1.jsonl.bak .1.jsonl.swp #1.jsonl# copy-of-1.jsonl x.jsonl 1.owner~ 2.9-abc.draft 2.jsonl.tmp/".split(
      " ",
    );

  async function litteredRuns() {
    const { directory, replayed, ids } = await someRuns();
    await grow(directory, "large");
    const [value = ""] = [...filesIn(directory).keys()].filter((file) => /^values\/..\/./.test(file));
    const places = ["", "runs/", "values/", `${dirname(value)}/`];
    const others = places.flatMap((place) => NAMES.map((name) => place + name));
    const drafts = ["heddle.json.0-0.draft", `${value}.0-0.draft`];
    const inRuns = [`${FOLDER}/`, "runs/asked/"].flatMap((place) => [...NAMES, ...OF_RUNS].map((name) => place + name));
    for (const name of [...others, ...drafts, ...inRuns]) putFile(join(directory, name), "x");
    return { directory, replayed, ids: [...ids, "large"].sort(), value, others };
  }

  test("are passed over by every verb that reads", async () => {
    const { directory } = await litteredRuns();
    for (const verb of ["getRun", "inspect", "loadOutput", "replay", "run"] as const) {
      await expect(call(verb, directory), verb).resolves.toBeDefined();
    }
    const asked = await keeping(askingDag(), directory)
      .runner.restart("asked")
      .catch((error: unknown) => error);
    expect(asked).toMatchObject({ code: "RUN_COMPLETED" });
  });

  test("are passed over by listRuns", async () => {
    const { directory, ids } = await litteredRuns();
    expect(await listed(directory)).toEqual({ ids, warnings: [] });
  });

  test("are neither removed with a run, nor do they keep its values there", async () => {
    const { directory, value, others } = await litteredRuns();
    const warnings: string[] = [];
    const provenance = new DagProvenance(openStore(directory, warnings));
    await provenance.removeRun("large");
    expect(warnings).toEqual([]);
    const left = filesIn(directory);
    expect(others.filter((name) => !left.has(name))).toEqual([]);
    expect(left.has(value)).toBe(false);
    expect(await provenance.getRun("large")).toBeUndefined();
    expect(await provenance.loadOutput(RUN, "read")).toBe("abc".repeat(100));
  });

  test("a link to a store elsewhere is a store", async () => {
    const { directory, ids } = await someRuns();
    const link = join(quickDirectory(), "link");
    symlinkSync(directory, link);
    expect((await listed(link)).ids).toEqual(ids);
    expect(await call("run", link)).toMatchObject({ status: "completed" });
  });
});
