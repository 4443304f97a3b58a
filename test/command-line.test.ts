// The command line of the examples as its users meet it: processes that run, are interrupted and killed, and are started
// again. The tests wait for what the processes say or store, and run side by side.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type AnyNode, DagProvenance, DagRunner, dag, node, type RunInspection } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { describe, expect, test } from "vitest";
import { addData, DATA, type Ended, install, Session } from "./support/session.js";
import { temporaryDirectory } from "./support/stores.js";

/** After so long npm passes on a press of Ctrl-C; and after so long it is another one. */
const [SAME_PRESS_MS, TWO_PRESSES_MS] = [20, 400];
/** Long enough to press twice while a node runs, on a busy machine. */
const PACE_MS = 3_000;

const program = await install(DATA);

function start(directory: string, ...args: readonly string[]): Session {
  return new Session(program, ["--dir", directory, ...args]);
}

function run(directory: string, ...args: readonly string[]): Promise<Ended> {
  return start(directory, ...args).ended;
}

/** Opens the records of a directory as another program would. */
async function withRecords<T>(directory: string, use: (provenance: DagProvenance) => Promise<T>): Promise<T> {
  const store = fileSystemStore(directory, { onWarning: () => {} });
  return use(new DagProvenance(store)).finally(() => store.close());
}

/** The newest run on record. */
function newest(directory: string): Promise<RunInspection> {
  return withRecords(directory, async (provenance) => {
    const [head] = (await provenance.listRuns({ limit: 1 })).runs;
    return provenance.inspect(head?.runId ?? "");
  });
}

/** Resolves when a node of the newest run is stored with this status. */
async function stored(directory: string, path: string, status: string): Promise<void> {
  const isStored = async () => executionsOf(await newest(directory), status).some((one) => one.path === path);
  while (!(await isStored())) await sleep(20);
}

function executionsOf({ executions }: RunInspection, status: string) {
  return executions.filter((execution) => execution.status === status);
}

/** What comes before the table of nodes, which tells times. */
function reportIn(out: string): string {
  return out.slice(0, out.indexOf("\nRun "));
}

/** Records a run of some other dag, as another program or another version of this one would. */
async function recordOther(directory: string, name: string, run: () => string): Promise<string> {
  const nodes: Record<string, AnyNode> = { other: node({ input: {}, run }) };
  const { runId } = await withRecords(directory, (provenance) =>
    new DagRunner(dag(name, { nodes, edges: [] }), { provenance }).run({}),
  );
  return runId;
}

function broken(): never {
  throw new Error("broken");
}

describe.concurrent("flights", () => {
  test("stopped again and again, give the report of an undisturbed run", async () => {
    const [calm, directory] = [temporaryDirectory(), temporaryDirectory()];
    const undisturbed = start(calm, "flights");
    await undisturbed.says("[1/18]");
    await refusesWhatOthersRun(calm);
    await pausesAtSigterm(directory);
    await pausesAtCtrlC(directory);
    const before = await dies(directory);
    await cancelsAtSecondCtrlC(directory, before.filter(({ parent }) => parent === undefined).length);

    const { code, out, err } = await run(directory, "flights");
    expect(code).toBe(0);
    expect(err).toMatch(
      /^Continuing run \S+ \(cancelled after 1\d of 18 nodes\)\.\n(.*\n)*\[1\d\/18\] flightKinds completed\n/,
    );
    const inspection = await newest(directory);
    expect(inspection.run).toMatchObject({ status: "completed", epoch: 5 });
    expect(inspection.executions).toEqual(expect.arrayContaining(before)); // the same attempts at the same times
    const functions = before.filter(({ composite }) => !composite); // a pause in the middle of a map is one of the map
    expect(functions.map(({ attempts }) => attempts.length)).toEqual(functions.map(() => 1));
    expect(reportIn(out)).toContain("231,083");
    expect(reportIn(out)).toBe(reportIn((await undisturbed.ended).out));
  });

  async function refusesWhatOthersRun(directory: string) {
    const { code, out, err } = await run(directory, "flights");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^Run "\S+" is being executed by .*\nTo start a new one: .* flights --new --dir \S+\n$/);
  }

  async function pausesAtSigterm(directory: string) {
    const session = start(directory, "flights");
    await session.says("[1/18]");
    session.send("SIGTERM");
    const { code, out, err } = await session.ended;
    expect([code, out]).toEqual([143, ""]);
    expect(err).toMatch(/^Pausing: waiting for \S+( \w+)?\.\n/m);
    expect(err).toMatch(
      /The run is paused after \d of 18 nodes(, \d+ of 24 chunks)?\.\nTo continue it: npm start -- flights --dir \S+\n$/,
    );
    expect((await newest(directory)).run).toMatchObject({ status: "paused", reason: "SIGTERM" });
  }

  async function pausesAtCtrlC(directory: string) {
    const session = start(directory, "flights");
    await session.says("(paused after ");
    session.send("SIGINT");
    const { code, err } = await session.ended;
    expect(code).toBe(130);
    expect(err).toMatch(/^Continuing run \S+ \(paused after \d of 18 nodes(, \d+ of 24 chunks)?\)\.\n/);
    expect(err).toMatch(/^Pausing: waiting for .*; press Ctrl-C again to cancel\.\n/m);
    expect((await newest(directory)).run).toMatchObject({ status: "paused", reason: "SIGINT" });
  }

  /** Returns what was on record of nodes that were completed. */
  async function dies(directory: string) {
    const session = start(directory, "flights");
    await stored(directory, "hourIntervals", "completed");
    session.send("SIGKILL");
    expect((await session.ended).code).toBeNull();
    return executionsOf(await newest(directory), "completed");
  }

  async function cancelsAtSecondCtrlC(directory: string, done: number) {
    const session = start(directory, "flights", "--pace", String(PACE_MS));
    await stored(directory, "flightKinds", "running");
    session.send("SIGINT");
    await sleep(SAME_PRESS_MS);
    session.send("SIGINT");
    await session.says("; press Ctrl-C again to cancel.");
    await sleep(TWO_PRESSES_MS);
    expect(session.hasSaid("Cancelling")).toBe(false);
    session.send("SIGINT");
    const { code, err } = await session.ended;
    expect(code).toBe(130);
    expect(err).toMatch(new RegExp(`^Continuing run \\S+ \\(interrupted after ${done} of 18 nodes\\)`));
    // Beside it another may run, on another thread.
    expect(err).toMatch(/^Pausing: waiting for (\w+, )?flightKinds(, \w+)?; press/m);
    expect(err).toMatch(/Cancelling: stopping .*flightKinds.*\nThe run is cancelled after 1\d of 18 nodes\./s);
    expect(executionsOf(await newest(directory), "aborted").map(({ path }) => path)).toContain("flightKinds");
  }
});

describe.concurrent("bird strikes", () => {
  test("run, are replayed, listed and inspected", async () => {
    const directory = temporaryDirectory();
    const first = await run(directory);
    const { runId } = (await newest(directory)).run;
    expect(first.code).toBe(0);
    expect(first.err).toMatch(/^\[1\/11\] \w+ completed\n.*\n\[11\/11\] report completed\n$/s);
    expect(first.out).toMatch(new RegExp(`^Bird strikes\n.*\nRun ${runId}\n`, "s"));

    const replay = await run(directory, "--replay", "bySpecies", "--replay", "byCost");
    const replayed = (await newest(directory)).run;
    expect(replay.code).toBe(0);
    expect(replay.out).toMatch(new RegExp(`^Replay ${replayed.runId} of run ${runId}\n`));
    expect(replay.out.match(/(\w+) +│ completed .* named in replay/g)).toHaveLength(2);
    expect(replay.out.match(/(\w+) +│ reused .* recorded/g)).toHaveLength(9);

    const { out: list } = await run(directory, "--runs");
    const [newer, older] = list.split("\n").filter((line) => line.includes("│ birdstrikes │"));
    expect(newer).toMatch(new RegExp(`^│ ${replayed.runId} │ .* completed .*│ ${runId.slice(0, 9)} │$`));
    expect(older).toMatch(new RegExp(`^│ ${runId} │ .* completed .* 127 │ – +│$`));
    const { out: record } = await run(directory, "--inspect", replayed.runId.slice(-5));
    expect(record).toMatch(new RegExp(`^Run ${replayed.runId} of birdstrikes: completed, 11 of 11 nodes done\n`));
    expect(record).toMatch(new RegExp(` chunks\\[\\*\\]/clean .* 1,988,779 │ reused from ${runId.slice(0, 9)} │\n`));
  });

  test("run anew when the newest run is completed, or when told to", async () => {
    const directory = temporaryDirectory();
    await run(directory, "--replay", "report"); // makes the run first
    const { runId, replayOf = "" } = (await newest(directory)).run;
    expect(replayOf).not.toBe("");
    await run(directory);
    const second = (await newest(directory)).run;
    expect(second.runId > runId).toBe(true);
    expect(second).not.toHaveProperty("replayOf");

    const changed = await recordOther(directory, "birdstrikes", broken);
    const refused = await run(directory);
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(/^Dag .* is not the one that .*:\n(- .*\n)+To start a new one: .* birdstrikes --new /);
    expect(await run(directory, "--new")).toMatchObject({ code: 0 });
    expect((await newest(directory)).run.runId > changed).toBe(true);
    const replay = await run(directory, "--replay", "report", "--of", replayOf.slice(0, 9));
    expect(replay.out).toMatch(new RegExp(`^Replay \\S+ of run ${replayOf}\n`));
  });

  test("that failed are continued where they failed", async () => {
    const [directory, poor] = [temporaryDirectory(), await install(["airports.csv"])];
    const failed = await new Session(poor, ["--dir", directory]).ended;
    expect(failed.code).toBe(1);
    expect(failed.out).toMatch(/ readStrikes +│ failed /);
    expect(failed.err).toMatch(/Node "readStrikes" failed: ENOENT: .*\nTo continue it: .*\nTo start a new one: .*\n$/);
    const { runId } = (await newest(directory)).run;
    const { out } = await run(directory, "--inspect", runId);
    expect(out).toMatch(/^Run \S+ of birdstrikes: failed, \d of 11 nodes done\n.*\nNode "readStrikes": Error: ENOENT/s);

    addData(poor, "birdstrikes.csv");
    const mended = await new Session(poor, ["--restart", runId, "--dir", directory]).ended;
    expect(mended.err).toMatch(/^Continuing run \S+ \(failed after \d of 11 nodes\)\.\n/);
    expect(mended.out).toMatch(/ readStrikes +│ completed +│ +2 │.* restarted after failure/);
  });

  test("are recorded although nobody reads their report", async () => {
    const directory = temporaryDirectory();
    const session = start(directory);
    session.closeOutput();
    expect(await session.ended).toMatchObject({ code: 0, err: expect.stringMatching(/report completed\n$/) });
    expect((await newest(directory)).run.status).toBe("completed");
  });
});

describe.concurrent("a damaged journal", () => {
  /** Spoils the last event of this type that is on record of the newest run. */
  async function damage(directory: string, type: string): Promise<void> {
    const path = join(directory, "runs", (await newest(directory)).run.runId, "1.jsonl");
    const text = readFileSync(path, "utf8");
    const at = text.lastIndexOf(type);
    writeFileSync(path, `${text.slice(0, at)}${type.toUpperCase()}${text.slice(at + type.length)}`);
  }

  test("is named, and a new run offered", async () => {
    const directory = temporaryDirectory();
    await recordOther(directory, "birdstrikes", broken);
    await damage(directory, "node-failed");
    const { code, out, err } = await run(directory);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^The journal of run .* is damaged .*\nTo start a new one: .* birdstrikes --new .*\n$/);
  });

  test("is read as far as it can be", async () => {
    const directory = temporaryDirectory();
    await run(directory);
    await damage(directory, "node-completed");
    const { code, out } = await run(directory, "--inspect", (await newest(directory)).run.runId);
    expect(code).toBe(0);
    expect(out).toMatch(/^Run \S+ of birdstrikes: running, \d+ of 11 nodes done\n.*\nDamaged: The journal of run /s);
    expect(out).toMatch(/ report +│ (pending|running) /);
  });
});

describe.concurrent("the command line", () => {
  test("is what npm start starts", async () => {
    const child = spawn("npm", ["start", "--silent", "--", "--help"], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(await child.stdout.setEncoding("utf8").toArray()).toEqual([(await run("unused", "--help")).out]);
  });

  test("of a run of another program shows it, and does not touch it", async () => {
    const directory = temporaryDirectory();
    const runId = await recordOther(directory, "cake", broken);
    expect((await run(directory, "--runs")).out).toContain(`│ ${runId} │ cake │ failed `);
    expect((await run(directory, "--inspect", runId)).out).toContain('Node "other": Error: broken');
    expect(await run(directory, "--restart", runId)).toEqual({
      code: 1,
      out: "",
      err: `Run ${runId} is one of "cake". The jobs here are birdstrikes, flights.\n`,
    });
  });

  test.each([
    [["cake"], 'There is no job "cake". The jobs are birdstrikes, flights.'],
    [["flights", "birdstrikes"], "One job at a time, please. You named flights, birdstrikes."],
    [["--cake"], "Unknown option '--cake'. See: npm start -- --help"],
    [["--inspect"], "Option '--inspect <value>' argument missing. See: npm start -- --help"],
    [["--new", "--replay", "report"], "--new and --replay exclude each other. Give one of them."],
    [["--of", "x"], "--of goes with --replay <node> only."],
    [["--replay", "cake"], /^There is no node "cake" to replay\. The nodes are readStrikes, .*\.$/],
    [["--inspect", "cake"], 'There is no run "cake" in DIR. The newest: RUN.'],
    [["--restart", "RUN"], /^Run RUN is completed\. To execute nodes of it again: .* --replay <node> --of RUN /],
    [["flights", "--inspect", "RUN"], "Run RUN is one of birdstrikes, not of flights."],
    [["--dir", "FILE"], /^Opening the store failed at "FILE.*": a file stands where a directory should be\./],
  ])("refuses %j", async (args, message) => {
    const directory = temporaryDirectory();
    const RUN = await recordOther(directory, "birdstrikes", () => "");
    const places = { DIR: directory, FILE: program, RUN };
    const fill = (text: string) => text.replace(/DIR|FILE|RUN/g, (name) => places[name as keyof typeof places]);
    const { code, out, err } = await run(directory, ...args.map(fill));
    expect([code, out]).toEqual([1, ""]);
    const [line, ...others] = err.split("\n");
    expect(others).toEqual([""]);
    if (typeof message === "string") expect(line).toBe(fill(message));
    else expect(line).toMatch(new RegExp(fill(message.source)));
  });
});
