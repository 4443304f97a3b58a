// Runs in a directory, small enough to be damaged at every byte.

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { DagProvenance, DagRunner, dag, type JournalEvent, node, type RunHead, type Store, type } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { journal } from "./store-with.js";
import { type Files, filesIn, quickDirectory } from "./stored-files.js";

/** The run to damage, and its folder. */
export const RUN = "the run";
export const FOLDER = "runs/the%20run";

/** The reason in the event that one of the owners wrote too late. */
export const TOO_LATE = "too late";

const Text = type<string>("Text");

/** A run as it was stored. */
export interface StoredRun {
  readonly files: Files;
  readonly events: readonly JournalEvent[];
  readonly head: RunHead;
  /** The outputs of its nodes. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** A dag whose second node pauses once, with a list of the functions that were called to their end. */
export function askingDag(calls: string[] = []) {
  const read = node({
    input: { text: Text },
    output: Text,
    run: ({ text }) => {
      calls.push("read");
      return text.repeat(3);
    },
  });
  const ask = node({
    input: { text: Text },
    output: Text,
    run: ({ text }, ctx) => {
      const answer = ctx.pause("how", undefined, Text);
      calls.push("ask");
      return text + answer;
    },
  });
  return dag("asking", { nodes: { read, ask }, edges: [["read", "ask"]] });
}

/** A dag whose first output is too large to be kept in an event. */
export function plainDag(calls: string[] = []) {
  const read = node({
    input: { text: Text },
    output: Text,
    run: ({ text }) => {
      calls.push("read");
      return text.repeat(100);
    },
  });
  const cut = node({
    input: { text: Text },
    output: Text,
    run: ({ text }) => {
      calls.push("cut");
      return text.slice(0, 4);
    },
  });
  return dag("plain", { nodes: { read, cut }, edges: [["read", "cut"]] });
}

/** A store in a directory; its warnings go into the list. */
export function openStore(directory: string, warnings: string[] = []): Store {
  return fileSystemStore(directory, { onWarning: (message) => warnings.push(message) });
}

/** Provenance and runner of a dag over a store, or over one in that directory. */
export function keeping<D extends ReturnType<typeof askingDag> | ReturnType<typeof plainDag>>(
  dag: D,
  at: Store | string,
) {
  const store = typeof at === "string" ? openStore(at) : at;
  const provenance = new DagProvenance(store, { durability: "sync" });
  return { store, provenance, runner: new DagRunner(dag as ReturnType<typeof plainDag>, { provenance }) };
}

/** A run that was completed in one go. */
export async function finishedRun(runId = RUN, directory = quickDirectory()): Promise<StoredRun> {
  await keeping(plainDag(), directory).runner.run({ read: { text: "abc" } }, { runId });
  return stored(directory, runId);
}

/** A run of three owners: one that died in the middle of a write, one that lost the run and wrote on, and one that completed it. */
export async function restartedRun(runId = RUN, folder = FOLDER): Promise<StoredRun> {
  const directory = quickDirectory();
  const { runner } = keeping(askingDag(), directory);
  await runner.run({ read: { text: "abc" } }, { runId });
  appendFileSync(join(directory, folder, "1.jsonl"), '{"type":"node-st');
  const loser = openStore(directory);
  const lease = await loser.acquire(runId, "loser", 0, 1);
  await runner.restart(runId, { resume: { ask: "!" } });
  await writeTooLate(loser, runId, lease);
  await loser.close();
  return stored(directory, runId);
}

async function writeTooLate(loser: Store, runId: string, lease: Awaited<ReturnType<Store["acquire"]>>): Promise<void> {
  if ("heldBy" in lease) throw new Error(`The run is held by ${lease.heldBy}.`);
  const head = { ...((await loser.head(runId)) as RunHead), status: "cancelled", events: lease.events + 1 } as const;
  const events: JournalEvent[] = [{ type: "run-cancelled", at: head.updatedAt, reason: TOO_LATE }];
  const batch = { events, values: new Map(), refers: [], head, durable: false };
  const written = loser.append(runId, { epoch: lease.epoch, seq: lease.events, owner: "loser" }, batch);
  await written.then(
    () => Promise.reject(new Error("An owner that lost its run could write.")),
    () => {},
  );
}

async function stored(directory: string, runId: string): Promise<StoredRun> {
  const { store, provenance } = keeping(plainDag(), directory);
  const { executions } = await provenance.inspect(runId);
  const outputs = executions.map(async ({ path }) => [path, await provenance.loadOutput(runId, path)]);
  return {
    files: filesIn(directory),
    events: await journal(store, runId),
    head: (await store.head(runId)) as RunHead,
    outputs: Object.fromEntries(await Promise.all(outputs)),
  };
}
