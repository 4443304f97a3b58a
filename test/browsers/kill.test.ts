// The process of Chromium is killed with SIGKILL at random moments of runs in IndexedDB, and a new one started on the
// same profile, until the runs are done. The same in Firefox: test/matrix.

import process from "node:process";
import type { Durability } from "heddle";
import { test } from "vitest";
import { browserVictim } from "../support/browser-victim.js";
import { killMany, killUntilDone } from "../support/kill-until-done.js";

const KILLS = process.env.CHAOS ? 20 : 5;
const FIRST_SEED = Number(process.env.SEED ?? 1);
const MODES: readonly Durability[] = ["async", "sync", "async", "sync", "exit"];

test(`${KILLS} kills of Chromium at random moments lose nothing that was stored`, { timeout: 3_600_000 }, () =>
  killMany(KILLS, async (run) => {
    const seed = FIRST_SEED + run;
    const victim = await browserVictim("chromium", MODES[seed % MODES.length] as Durability);
    try {
      return await killUntilDone(victim, { seed, firstMs: 300, nextMs: 100 });
    } finally {
      await victim.close();
    }
  }),
);
