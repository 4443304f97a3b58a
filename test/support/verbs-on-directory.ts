// Whole stores and what one may do with them: every verb of the library on a directory, each with a store of its own.

import { DagProvenance, DagRunner, dag, node, type } from "heddle";
import { expect } from "vitest";
import { askingDag, finishedRun, keeping, openStore, plainDag, RUN } from "./runs-to-damage.js";
import { changes, directoryOf, filesIn } from "./stored-files.js";

/** What one may do with a run, or with all of them. `run` begins another one. */
export type Verb = "getRun" | "inspect" | "loadOutput" | "listRuns" | "restart" | "replay" | "removeRun" | "run";
/** Those that change nothing. */
export const READING: readonly Verb[] = ["getRun", "inspect", "loadOutput", "listRuns"];
/** Those that write. */
export const WRITING: readonly Verb[] = ["run", "restart", "replay", "removeRun"];
/** Those that need the record of a run. */
export const OF_ONE_RUN: readonly Verb[] = ["getRun", "inspect", "loadOutput", "restart", "replay"];

/** Calls one verb on a run in a directory, with a store of its own. */
export function call(verb: Verb, directory: string, runId = RUN): Promise<unknown> {
  const { provenance, runner } = keeping(plainDag(), directory);
  const calls: Record<Verb, () => PromiseLike<unknown>> = {
    getRun: () => provenance.getRun(runId),
    inspect: () => provenance.inspect(runId),
    loadOutput: () => provenance.loadOutput(runId, "read"),
    listRuns: () => provenance.listRuns(),
    restart: () => runner.restart(runId),
    replay: () => runner.replay(runId),
    removeRun: () => provenance.removeRun(runId),
    run: () => runner.run({ read: { text: "abc" } }, { runId: `${runId} anew` }),
  };
  return Promise.resolve(calls[verb]());
}

/** Expects these verbs to be refused with all these texts in the message, and nothing to be changed. */
export async function expectRefused(
  verbs: readonly Verb[],
  directory: string,
  code: string | RegExp,
  ...texts: string[]
) {
  const before = filesIn(directory);
  for (const verb of verbs) {
    const error = await call(verb, directory).then(
      () => `${verb} was not refused`,
      (refusal: unknown) => refusal,
    );
    expect(error, verb).toMatchObject({ code: expect.stringMatching(code) });
    for (const text of texts) expect((error as Error).message, verb).toContain(text);
    expect(changes(before, filesIn(directory)), `${verb} changed something`).toEqual([]);
  }
}

/** The runs that are listed, and what the store warned of. */
export async function listed(directory: string) {
  const warnings: string[] = [];
  const { runs } = await new DagProvenance(openStore(directory, warnings)).listRuns();
  return { ids: runs.map(({ runId }) => runId).sort(), warnings };
}

/** A directory with the run to harm, a replay of it, and a run of two owners. */
export async function someRuns() {
  const directory = directoryOf((await finishedRun()).files);
  const { runId: replayed } = await keeping(plainDag(), directory).runner.replay(RUN, { rerun: ["cut"] });
  await twoOwners(directory, "asked");
  return { directory, replayed, ids: [RUN, replayed, "asked"].sort() };
}

/** A run that waits for an answer. */
export async function pausedRun(directory: string, runId = RUN, text = "abc") {
  await keeping(askingDag(), directory).runner.run({ read: { text } }, { runId });
}

/** Answers what that run waits for. */
export const answer = (directory: string, runId = RUN) =>
  keeping(askingDag(), directory).runner.restart(runId, { resume: { ask: "!" } });

/** A run of two owners: one that paused it, and one that completed it. */
export async function twoOwners(directory: string, runId: string, text = "abc") {
  await pausedRun(directory, runId, text);
  await answer(directory, runId);
}

const Text = type<string>("Text");

/** Nodes whose outputs need a page, several pages in a file of their own, and next to nothing. */
export function growingDag(calls: string[] = []) {
  const growing = (label: string, length: number) =>
    node({
      input: { text: Text },
      output: Text,
      run: ({ text }) => {
        calls.push(label);
        return text.slice(0, 1).repeat(length);
      },
    });
  const nodes = { page: growing("page", 4_000), large: growing("large", 20_000), last: growing("last", 3) };
  return dag("growing", {
    nodes,
    edges: [
      ["page", "large"],
      ["large", "last"],
    ],
  });
}

/** Executes that dag in a directory. */
export function grow(directory: string, runId = RUN, text = "ab") {
  const provenance = new DagProvenance(openStore(directory));
  return new DagRunner(growingDag(), { provenance }).run({ page: { text } }, { runId });
}
