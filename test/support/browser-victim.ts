// A page that executes a run, for `kill-until-done.ts`: it dies with its browser, or by itself.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Durability, JournalEvent } from "heddle";
import type { BrowserName } from "../../scripts/browsers.mjs";
import { type Browser, launch } from "../browsers/launch.js";
import type { Page } from "../browsers/page.js";
import { poll } from "../browsers/poll.js";
import { site } from "../browsers/site.js";
import type { Load } from "../processes/killed-dag.js";
import type { Victim } from "./kill-until-done.js";

const BEGIN_TIMEOUT_MS = 60_000;

/** A victim with a profile of its own that outlives its browsers. */
export interface BrowserVictim extends Victim {
  close(): Promise<void>;
}

/** How a life ends. True if the browser lives on. */
export type Death = (browser: Browser, page: Page) => Promise<boolean>;

/** The main process of the browser is killed with SIGKILL. */
const KILLED: Death = async (browser) => {
  await browser.kill();
  return false;
};

/** Makes a victim in a new profile. */
export async function browserVictim(name: BrowserName, durability: Durability, die = KILLED): Promise<BrowserVictim> {
  const profile = mkdtempSync(join(tmpdir(), `heddle-${name}-`));
  const served = await site(["killed.ts"]);
  let browser: Browser | undefined;
  let page: Page | undefined;
  /** A page in the browser that lives, or in a new one on the profile as the last one left it. */
  const open = async () => {
    browser ??= await launch(name, { profile });
    page ??= await browser.newPage(served.url("killed"));
    return page;
  };
  return {
    async live(lifeMs) {
      const living = await open();
      const before = served.told.length;
      const ended = living.call<string>("live", durability).catch(() => undefined);
      const begun = poll("a function to be called", BEGIN_TIMEOUT_MS, () => served.told.length > before || undefined);
      const isUp = Promise.race([ended, begun]).then(() => sleep(lifeMs));
      const status = await Promise.race([ended, isUp]);
      page = undefined;
      if (!(await die(browser as Browser, living))) browser = undefined;
      return status !== "completed";
    },
    events: async () => (await open()).call<readonly JournalEvent[]>("events"),
    async outputOf(label) {
      const output = await (await open()).call<Omit<Load, "bytes"> & { bytes: readonly number[] }>("outputOf", label);
      return { ...output, bytes: Uint8Array.from(output.bytes) };
    },
    calls: () => served.told,
    async close() {
      await browser?.close();
      await served.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
