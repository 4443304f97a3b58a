// Worker threads are killed at random: outputs are right, nothing is lost or recorded twice, and no worker is left over.

import { once } from "node:events";
import process from "node:process";
import type { Worker } from "node:worker_threads";
import { nodeWorkers } from "heddle/adapters/node-workers";
import { expect, test } from "vitest";
import { bundle } from "../processes/bundle.js";
import { killWorkers } from "./kills.js";

const KILLS = Number(process.env.KILLS ?? (process.env.CHAOS ? 1_000 : 60));
const SEED = Number(process.env.SEED ?? 1);

test(`${KILLS} kills`, { timeout: 600_000 }, async () => {
  const alive = new Set<Worker>();
  const watch = (worker: Worker) => {
    alive.add(worker);
    worker.once("exit", () => alive.delete(worker));
  };
  process.on("worker", watch);
  const executor = nodeWorkers(await bundle("../workers/serving.ts"), { size: 2 });
  try {
    const kill = (choice: number) => {
      const all = [...alive].filter(({ threadId }) => threadId > 0);
      all[Math.floor(choice * all.length)]?.terminate();
      return all.length > 0;
    };
    const killed = await killWorkers({ executor, kill }, KILLS, SEED);
    console.log(killed);
    expect(killed.failed).toBeGreaterThan(KILLS / 10);
  } finally {
    executor.close();
    process.off("worker", watch);
  }
  await Promise.all([...alive].map((worker) => once(worker, "exit")));
  expect(alive.size).toBe(0);
});
