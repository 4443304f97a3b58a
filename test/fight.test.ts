// Processes fight over one run in a directory: exactly one wins each epoch, the one before stops, and what any of them
// was told is stored stays stored.

import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileSystemStore } from "heddle/adapters/file-system";
import { expect, test } from "vitest";
import { bundle } from "./processes/bundle.js";
import { type Attempted, type Ended, LEASE_MS, RUN } from "./processes/fight.js";
import { journal } from "./support/store-with.js";
import { temporaryDirectory } from "./support/stores.js";

const ROUNDS = process.env.CHAOS ? 500 : 200;

const script = await bundle("fighter.ts");

interface Fighter {
  readonly child: ChildProcess;
  readonly attempts: Attempted[];
  readonly ends: Ended[];
}

/** Says `message` whenever one of the fighters was heard of. */
const bus = new EventEmitter();

/** Resolves as soon as what the fighters say makes `condition` true, however slow they are. */
async function heard(condition: () => boolean): Promise<void> {
  while (!condition()) await once(bus, "message");
}

function fighter(directory: string, name: string): Fighter {
  const child = fork(script, [directory, name]);
  const [attempts, ends]: [Attempted[], Ended[]] = [[], []];
  child.on("message", (message: Attempted | Ended) => {
    if (message.type === "attempted") attempts.push(message);
    else ends.push(message);
    bus.emit("message");
  });
  return { child, attempts, ends };
}

/** What was told to be stored is there; besides, at most the one batch of each epoch whose writer was told nothing. */
function checkJournal(reasons: readonly string[], ends: readonly Ended[]): void {
  for (const { epoch, acknowledged, unacknowledged } of ends) {
    const stored = reasons.filter((reason) => reason.startsWith(`${epoch}:`));
    expect(stored.slice(0, acknowledged.length)).toEqual(acknowledged);
    const more = stored.slice(acknowledged.length);
    expect([[], unacknowledged]).toContainEqual(more);
  }
  expect(reasons.map((reason) => Number(reason.split(":")[1]))).toEqual(reasons.map((_, i) => i));
}

test(`${ROUNDS} rounds of a fight over a run: one winner each, and the one before stops`, {
  timeout: 600_000,
}, async () => {
  const directory = temporaryDirectory();
  const fighters = ["red", "blue"].map((name) => fighter(directory, name));
  const all = <T>(pick: (one: Fighter) => readonly T[]) => fighters.flatMap(pick);
  for (let round = 1; round <= ROUNDS; round++) {
    // The lease of the winner before is over; both want the run at once.
    const now = round * 2 * LEASE_MS;
    for (const { child } of fighters) child.send({ now });
    await heard(() => fighters.every(({ attempts }) => attempts.length === round));
    const winners = all(({ attempts }) => attempts.filter((one) => one.now === now && one.epoch !== undefined));
    expect(winners).toMatchObject([{ epoch: round }]);
    await heard(() => all(({ ends }) => ends).length === round - 1);
    // So that the take-over meets the winner at work, each time at another place.
    await sleep((round * 7) % 10);
  }
  // The test is the last to take the run.
  const store = fileSystemStore(directory);
  expect(await store.acquire(RUN, "the test", (ROUNDS + 1) * 2 * LEASE_MS, LEASE_MS)).toMatchObject({
    epoch: ROUNDS + 1,
  });
  await heard(() => all(({ ends }) => ends).length === ROUNDS);
  const ends = all((one) => one.ends);
  expect(ends.map(({ code }) => code)).toEqual(ends.map(() => "FENCED"));
  const reasons = (await journal(store, RUN)).map((event) => ("reason" in event ? String(event.reason) : ""));
  checkJournal(reasons, ends);
  const stored = ends.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  console.log(
    `${ROUNDS} rounds, ${stored} events told as stored, ${reasons.length} in the journal; wins: ${fighters.map(({ ends: own }) => own.length)}`,
  );
  expect(stored).toBeGreaterThan(ROUNDS);
  for (const { child } of fighters) {
    child.disconnect();
    await once(child, "exit");
  }
  await store.close();
});
