// Kills whatever executes the run of `killed-dag.ts`, again and again until the run is done, and looks after each death
// at what is left: nothing that was stored is lost or executed a second time.

import { deepStrictEqual } from "node:assert/strict";
import type { JournalEvent } from "heddle";
import { expect } from "vitest";
import { expectedOutputs, killedDag, type Load } from "../processes/killed-dag.js";

/** What lives, is killed and leaves records behind. */
export interface Victim {
  /** Begins or continues the run, and kills after so many milliseconds unless it is done before. True if it was killed. */
  live(lifeMs: number): Promise<boolean>;
  /** What another reader finds of the run. */
  events(): Promise<readonly JournalEvent[]>;
  outputOf(label: string): Promise<Load>;
  /** The lines that the dag told of its calls, of all lives. */
  calls(): readonly string[];
}

/** How long the lives are: the first up to `firstMs`, less than a run takes; each further one longer by `nextMs`. */
export interface Lives {
  readonly seed: number;
  readonly firstMs: number;
  readonly nextMs: number;
}

/** What was done to one run. */
export interface Killed {
  readonly kills: number;
  /** Those kills after which something was completed and the run was not. */
  readonly halfWay: number;
}

interface Call {
  readonly path: string;
  readonly attempt: number;
}

const effects = new Set(killedDag(() => {}).plan.steps.flatMap(({ node, path }) => (node.effect ? [path] : [])));

/** Kills until the run is done. */
export async function killUntilDone(victim: Victim, { seed, firstMs, nextMs }: Lives): Promise<Killed> {
  const random = randomOf(seed);
  let events: readonly JournalEvent[] = [];
  let told = 0;
  let halfWay = 0;
  for (let kills = 0; ; kills++) {
    const wasKilled = await victim.live(random() * (firstMs + kills * nextMs));
    const now = await victim.events();
    deepStrictEqual(now.slice(0, events.length), events, "what was stored before is still there");
    const done = new Set(events.flatMap((event) => (event.type === "node-completed" ? [event.path] : [])));
    const calls = victim.calls().map(callIn);
    const newCalls = calls.slice(told);
    expect(newCalls.filter(({ path }) => done.has(path))).toEqual([]);
    for (const call of newCalls) if (effects.has(call.path)) expect(now).toSatisfy(hasStart(call));
    [events, told] = [now, calls.length];
    if (now.some(({ type }) => type === "node-completed") && now.at(-1)?.type !== "run-completed") halfWay++;
    if (wasKilled) continue;
    expect(now.at(-1)?.type).toBe("run-completed");
    for (const [label, output] of Object.entries(expectedOutputs())) {
      deepStrictEqual(await victim.outputOf(label), output);
    }
    return { kills, halfWay };
  }
}

function callIn(line: string): Call {
  const [path = "", attempt] = line.split(" ");
  return { path, attempt: Number(attempt) };
}

function hasStart({ path, attempt }: Call) {
  return (events: readonly JournalEvent[]) =>
    events.some((event) => event.type === "node-started" && event.path === path && event.attempt === attempt);
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

/** Kills runs, one after the other, until there were `quota` kills; prints what was done, and fails if it was too little. */
export async function killMany(quota: number, killOne: (number: number) => Promise<Killed>): Promise<void> {
  const total = { runs: 0, kills: 0, halfWay: 0 };
  while (total.kills < quota) {
    const { kills, halfWay } = await killOne(total.runs++);
    total.kills += kills;
    total.halfWay += halfWay;
  }
  console.log(`${total.kills} kills, ${total.halfWay} of them half-way, in ${total.runs} completed runs`);
  expect(total.halfWay).toBeGreaterThan(quota / 4);
}
