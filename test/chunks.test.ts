// The maps of the examples: killed in the middle, a job goes on with the chunk that was not done, and gives what an
// undisturbed run gives. Who continues, inspects or replays a run names what is inside a map by its path.

import { setTimeout as sleep } from "node:timers/promises";
import { DagProvenance, type Execution, type RunInspection } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { describe, expect, test } from "vitest";
import { DATA, type Ended, install, Session } from "./support/session.js";
import { temporaryDirectory } from "./support/stores.js";

/** Long enough to be killed between two chunks, by a test on a busy machine. */
const PACE_MS = 250;

const program = await install(DATA);

function start(directory: string, ...args: readonly string[]): Session {
  return new Session(program, ["--dir", directory, ...args]);
}

function run(directory: string, ...args: readonly string[]): Promise<Ended> {
  return start(directory, ...args).ended;
}

/** The newest run on record, as another program reads it, and the output of one of its nodes. */
async function newest(directory: string, label?: string): Promise<RunInspection & { readonly output: unknown }> {
  const store = fileSystemStore(directory, { onWarning: () => {} });
  try {
    const provenance = new DagProvenance(store);
    const [head] = (await provenance.listRuns({ limit: 1 })).runs;
    const runId = head?.runId ?? "";
    const output = label === undefined ? undefined : await provenance.loadOutput(runId, label);
    return { ...(await provenance.inspect(runId)), output };
  } finally {
    await store.close();
  }
}

/** What is inside the map of chunks. */
function inChunks({ executions }: RunInspection): Execution[] {
  return executions.filter(({ path }) => path.startsWith("chunks["));
}

function completed(executions: readonly Execution[]): Execution[] {
  return executions.filter(({ status }) => status === "completed");
}

/** The row of the table of nodes that begins with this name, as its cells. */
function rowIn(out: string, name: string): string[] {
  const row = out.split("\n").find((line) => line.startsWith(`│ ${name} `)) ?? "";
  return row.split("│").map((cell) => cell.trim());
}

describe.concurrent.each([
  { job: "birdstrikes", chunks: 25, inside: ["clean", "match"], last: "join", before: 4, nodes: 11 },
  { job: "flights", chunks: 24, inside: [""], last: "joinFlights", before: undefined, nodes: 18 },
])("$job", ({ job, chunks, inside, last, before, nodes }) => {
  const end = inside.at(-1) ? `/${inside.at(-1)}` : "";

  /** Runs the job until the chunks are joined. */
  async function runUntilJoined(directory: string): Promise<string> {
    const session = start(directory, job);
    await session.says(`] ${last} completed`);
    await stored(directory, last);
    session.send("SIGKILL");
    return (await session.ended).err;
  }

  async function stored(directory: string, path: string): Promise<void> {
    const isStored = async () => completed((await newest(directory)).executions).some((one) => one.path === path);
    while (!(await isStored())) await sleep(20);
  }

  test("killed inside a map goes on inside the map, to the same result", async () => {
    const [calm, directory] = [temporaryDirectory(), temporaryDirectory()];
    const undisturbed = runUntilJoined(calm);

    const session = start(directory, job, "--pace", String(PACE_MS));
    await session.says(` 8/${chunks} chunks: chunks[7]${end} completed`);
    session.send("SIGKILL");
    expect((await session.ended).code).toBeNull();
    const killed = await newest(directory);
    const done = completed(inChunks(killed));
    const elements = done.filter(({ path }) => path.endsWith(`]${end}`)).length;
    expect(killed.run.status).toBe("running");
    expect(elements).toBeGreaterThanOrEqual(5); // what was said last may not have been stored yet
    expect(elements).toBeLessThan(chunks / 2);

    const err = await runUntilJoined(directory);
    const after = before ?? String.raw`\d+`;
    expect(err).toMatch(
      new RegExp(
        `^Continuing run \\S+ \\(interrupted after ${after} of ${nodes} nodes, ${elements} of ${chunks} chunks\\)`,
      ),
    );
    expect(err.match(/\d+\/\d+ chunks: chunks\[\d+\]\S* completed/g)).toEqual(
      Array.from({ length: chunks - elements }, (_, i) => {
        const at = elements + i;
        return `${at + 1}/${chunks} chunks: chunks[${at}]${end} completed`;
      }),
    );

    const continued = await newest(directory, last);
    const all = inChunks(continued);
    expect(all).toHaveLength(chunks * inside.length);
    expect(completed(all)).toHaveLength(all.length);
    expect(all).toEqual(expect.arrayContaining(done)); // the same attempts at the same times, and no further ones
    const isNew = ({ path }: Execution) => !done.some((execution) => execution.path === path);
    expect(all.filter(isNew).map(({ attempts }) => attempts.at(-1)?.epoch)).toEqual(all.filter(isNew).map(() => 2));
    await undisturbed;
    expect(continued.output).toEqual((await newest(calm, last)).output);
  });
});

describe.concurrent("bird strikes in chunks", () => {
  test("give the report of an undisturbed run after a kill, and say what was done before", async () => {
    const [calm, directory] = [temporaryDirectory(), temporaryDirectory()];
    const undisturbed = run(calm);
    const session = start(directory, "--pace", String(PACE_MS));
    await session.says("match 8/25 chunks");
    session.send("SIGKILL");
    await session.ended;
    const done = completed(inChunks(await newest(directory)));
    const doneAt = (node: string) => done.filter(({ path }) => path.endsWith(node)).length;

    const { code, out } = await run(directory);
    expect(code).toBe(0);
    for (const node of ["clean", "match"]) {
      const status = `${doneAt(node)} done before, ${25 - doneAt(node)} executed`;
      expect(rowIn(out, `chunks[*]/${node}`)[2]).toBe(status);
    }
    expect(out.match(/^│ chunks\S* /gm)).toEqual(["│ chunks ", "│ chunks[*]/clean ", "│ chunks[*]/match "]);
    const reportIn = (text: string) => text.slice(0, text.indexOf("\nRun "));
    expect(reportIn(out)).toBe(reportIn((await undisturbed).out));
    expect((await newest(directory, "report")).output).toEqual((await newest(calm, "report")).output);
  });

  test("are paused inside the map, and inspected there", async () => {
    const directory = temporaryDirectory();
    const session = start(directory, "--pace", String(PACE_MS));
    await session.says("match 2/25 chunks");
    session.send("SIGTERM");
    const { code, err } = await session.ended;
    expect(code).toBe(143);
    expect(err).toMatch(/^Pausing: waiting for chunks\[\d+\]\/(clean|match)\.\n/m);
    const [, elements] = /The run is paused after 4 of 11 nodes, (\d+) of 25 chunks\.\n/.exec(err) ?? [];
    const { out } = await run(directory, "--inspect", (await newest(directory)).run.runId);
    expect(out).toMatch(/^Run \S+ of birdstrikes: paused, 4 of 11 nodes done\n/);
    expect(rowIn(out, "chunks[*]/match")[2]).toMatch(new RegExp(`^${elements} executed`));
  });

  test("are replayed by path and by pattern", async () => {
    const directory = temporaryDirectory();
    await run(directory);
    const { runId } = (await newest(directory)).run;
    const statuses = async (...rerun: readonly string[]) => {
      const { out } = await run(directory, ...rerun.flatMap((name) => ["--replay", name]), "--of", runId);
      return ["clean", "match"].map((node) => rowIn(out, `chunks[*]/${node}`)[2]);
    };
    expect(await statuses("chunks[3]/match")).toEqual(["25 reused", "24 reused, 1 executed"]);
    expect(await statuses("chunks[*]/match")).toEqual(["25 reused", "25 executed"]);
    expect(await statuses("chunks[3]", "report")).toEqual(["24 reused, 1 executed", "24 reused, 1 executed"]);
    expect(await statuses("chunks")).toEqual(["25 executed", "25 executed"]);

    const { code, err } = await run(directory, "--replay", "chunks[25]/match");
    expect(code).toBe(1);
    expect(err).toMatch(/^Run "\S+" of dag "birdstrikes" has no path "chunks\[25\]\/match" to replay\./);
    const misspelt = await run(directory, "--replay", "chunks[*]/mtch");
    expect(misspelt.err).toMatch(/^There is no node "chunks\[\*\]\/mtch" to replay\. .* chunks\[\*\]\/match, join, /);
  });
});

test("the help and the drawing show what is inside a map", async () => {
  const { out: help } = await run("unused", "--help");
  expect(help).toContain("--replay 'chunks[*]/match'");
  expect(help.match(/chunks\[\*\]\S*/g)).toEqual(expect.arrayContaining(["chunks[*]/clean", "chunks[*]"]));
  const { out: drawing } = await run("unused", "--mermaid");
  expect(drawing).toContain('["chunks (map)"]');
  expect(drawing).toContain('-.->|"airports"|');
});

test("a pace is a number of milliseconds", async () => {
  const { code, err } = await run("unused", "--pace", "slow");
  expect([code, err]).toEqual([1, '--pace takes a number of milliseconds, such as 200, not "slow".\n']);
});
