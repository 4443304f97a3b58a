// Tabs are closed at random moments of runs in IndexedDB. Each pauses its run in `pagehide`, for which most often there
// is no time left; the next tab of the same browser goes on at once, since the lock of the one before is free.

import process from "node:process";
import type { Durability } from "heddle";
import { test } from "vitest";
import { browserVictim, type Death } from "../support/browser-victim.js";
import { killMany, killUntilDone } from "../support/kill-until-done.js";
import type { ChromiumPage } from "./chromium.js";

const TABS = process.env.CHAOS ? 50 : 10;
const FIRST_SEED = Number(process.env.SEED ?? 1);
const MODES: readonly Durability[] = ["async", "sync", "exit"];

/** The tab is closed as its user would: it is told with `pagehide`. */
const CLOSED: Death = async (_, page) => {
  const { playwright } = page as ChromiumPage;
  const isClosed = playwright.waitForEvent("close");
  await playwright.close({ runBeforeUnload: true });
  await isClosed;
  return true;
};

test(`${TABS} tabs closed during pagehide lose nothing that was stored`, { timeout: 3_600_000 }, () =>
  killMany(TABS, async (run) => {
    const seed = FIRST_SEED + run;
    const victim = await browserVictim("chromium", MODES[seed % MODES.length] as Durability, CLOSED);
    try {
      return await killUntilDone(victim, { seed, firstMs: 300, nextMs: 100 });
    } finally {
      await victim.close();
    }
  }),
);
