// A real process is killed with SIGKILL at random moments, again and again until its run is done. Nothing that was
// stored is lost or executed a second time.

import { deepStrictEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { DagProvenance, type Durability, type JournalEvent } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { expect, test } from "vitest";
import { bundle } from "./processes/bundle.js";
import { expectedOutputs, killedDag } from "./processes/killed-dag.js";
import { journal } from "./support/store-with.js";
import { temporaryDirectory } from "./support/stores.js";

const KILLS = process.env.CHAOS ? 1_000 : 50;
const FIRST_SEED = Number(process.env.SEED ?? 1);
/** The first process of a run is let live for up to so long, less than a run takes; each further one for longer. */
const FIRST_LIFE_MS = 200;
const NEXT_LIFE_MS = 50;
const MODES: readonly Durability[] = ["async", "sync", "async", "sync", "exit"];

const script = await bundle("killed.ts");
const effects = new Set(killedDag("").plan.steps.flatMap(({ node, path }) => (node.effect ? [path] : [])));

interface Scene {
  readonly directory: string;
  readonly log: string;
  readonly durability: Durability;
}

/** Starts the process, and kills it after a random time unless it ends before. True if it was killed. */
async function live({ directory, log, durability }: Scene, lifeMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [script, directory, log, durability], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  await Promise.race([new Promise((resolve) => child.stdout.once("data", resolve)), ended]);
  await Promise.race([sleep(lifeMs), ended]);
  child.kill("SIGKILL");
  const { code, signal } = await ended;
  if (signal !== "SIGKILL" && code !== 0) throw new Error(`The process ended by itself, with code ${code}`);
  return signal === "SIGKILL";
}

/** What another process finds in the directory. */
async function eventsIn(directory: string): Promise<readonly JournalEvent[]> {
  const store = fileSystemStore(directory);
  const events = await journal(store, "run");
  await store.close();
  return events;
}

interface Call {
  readonly path: string;
  readonly attempt: number;
  readonly epoch: number;
}

function callsIn(log: string): Call[] {
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [path = "", attempt, epoch] = line.split(" ");
    return { path, attempt: Number(attempt), epoch: Number(epoch) };
  });
}

/** Kills the processes of one run until it is done; returns how many were killed, and how many of them half-way. */
async function killUntilDone(seed: number): Promise<{ kills: number; halfWay: number }> {
  const directory = temporaryDirectory();
  const scene = { directory, log: join(directory, "calls.log"), durability: MODES[seed % MODES.length] as Durability };
  const random = randomOf(seed);
  let [events, calls]: [readonly JournalEvent[], Call[]] = [[], []];
  let halfWay = 0;
  for (let kills = 0; ; kills++) {
    const wasKilled = await live(scene, random() * (FIRST_LIFE_MS + kills * NEXT_LIFE_MS));
    const now = await eventsIn(directory);
    deepStrictEqual(now.slice(0, events.length), events, "what was stored before is still there");
    const done = new Set(events.flatMap((event) => (event.type === "node-completed" ? [event.path] : [])));
    const newCalls = callsIn(scene.log).slice(calls.length);
    expect(newCalls.filter(({ path }) => done.has(path))).toEqual([]);
    for (const call of newCalls) if (effects.has(call.path)) expect(now).toSatisfy(hasStart(call));
    [events, calls] = [now, [...calls, ...newCalls]];
    if (now.some(({ type }) => type === "node-completed") && now.at(-1)?.type !== "run-completed") halfWay++;
    if (wasKilled) continue;
    await checkEnd(directory);
    return { kills, halfWay };
  }
}

function hasStart({ path, attempt }: Call) {
  return (events: readonly JournalEvent[]) =>
    events.some((event) => event.type === "node-started" && event.path === path && event.attempt === attempt);
}

async function checkEnd(directory: string): Promise<void> {
  const store = fileSystemStore(directory);
  const provenance = new DagProvenance(store);
  expect(await provenance.getRun("run")).toMatchObject({ status: "completed" });
  for (const [label, output] of Object.entries(expectedOutputs())) {
    deepStrictEqual(await provenance.loadOutput("run", label), output);
  }
  await store.close();
}

/** Numbers from 0 to 1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test(`${KILLS} kills of a process at random moments lose nothing that was stored`, { timeout: 3_600_000 }, async () => {
  const total = { runs: 0, kills: 0, halfWay: 0 };
  while (total.kills < KILLS) {
    const { kills, halfWay } = await killUntilDone(FIRST_SEED + total.runs++);
    total.kills += kills;
    total.halfWay += halfWay;
  }
  console.log(`${total.kills} processes killed, ${total.halfWay} of them half-way, in ${total.runs} completed runs`);
  expect(total.halfWay).toBeGreaterThan(KILLS / 4);
});
