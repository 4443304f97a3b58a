// A real process is killed with SIGKILL at random moments, again and again until its run is done. Nothing that was
// stored is lost or executed a second time.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { DagProvenance, type Durability, type Store } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { test } from "vitest";
import { bundle } from "./processes/bundle.js";
import type { Load } from "./processes/killed-dag.js";
import { killMany, killUntilDone, type Victim } from "./support/kill-until-done.js";
import { journal } from "./support/store-with.js";
import { temporaryDirectory } from "./support/stores.js";

const KILLS = process.env.CHAOS ? 1_000 : 50;
const FIRST_SEED = Number(process.env.SEED ?? 1);
const MODES: readonly Durability[] = ["async", "sync", "async", "sync", "exit"];

const script = await bundle("killed.ts");

/** A process that keeps its run in a directory of its own. */
function victim(durability: Durability): Victim {
  const directory = temporaryDirectory();
  const log = join(directory, "calls.log");
  return {
    live: (lifeMs) => live([directory, log, durability], lifeMs),
    events: () => withStore(directory, (store) => journal(store, "run")),
    outputOf: (label) =>
      withStore(directory, (store) => new DagProvenance(store).loadOutput("run", label) as Promise<Load>),
    calls: () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []),
  };
}

async function live(args: readonly string[], lifeMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
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
async function withStore<T>(directory: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = fileSystemStore(directory);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

test(`${KILLS} kills of a process at random moments lose nothing that was stored`, { timeout: 3_600_000 }, () =>
  killMany(KILLS, (run) => {
    const seed = FIRST_SEED + run;
    return killUntilDone(victim(MODES[seed % MODES.length] as Durability), { seed, firstMs: 200, nextMs: 50 });
  }),
);
