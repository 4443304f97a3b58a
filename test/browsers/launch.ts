// Starts a real browser, the same way for all three engines. It ends with `close`, with `kill`, or with this process.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserName, findBrowser } from "../../scripts/browsers.mjs";
import { type ChromiumPage, startChromium } from "./chromium.js";
import type { Engine } from "./engine.js";
import { startFirefox } from "./firefox.js";
import type { Page } from "./page.js";
import { startWebKit } from "./webkit.js";

/** A browser that runs. */
export interface Browser<P extends Page = Page> {
  readonly name: BrowserName;
  readonly version: string;
  /** Its main process. */
  readonly pid: number;
  /** Opens an address in a window of its own, so that no page is in the background; resolves when it has loaded. */
  newPage(url: string): Promise<P>;
  /** Kills its main process with SIGKILL, and waits until no process of it is left. */
  kill(): Promise<void>;
  /** Ends it as its user would, and waits until no process of it is left. */
  close(): Promise<void>;
}

/** How a browser is started. */
export interface LaunchOptions {
  /**
   * The directory of its profile, kept for the next start; default: a new one, removed at the end. WebKit takes none
   * and forgets everything.
   */
  readonly profile?: string;
}

const ENGINES = { chromium: startChromium, firefox: startFirefox, webkit: startWebKit };

/** Starts a browser. `scripts/set-up-browsers.mjs` has seen to it that it is here. */
export function launch(name: "chromium", options?: LaunchOptions): Promise<Browser<ChromiumPage>>;
export function launch(name: BrowserName, options?: LaunchOptions): Promise<Browser>;
export async function launch(name: BrowserName, { profile }: LaunchOptions = {}): Promise<Browser> {
  const found = await findBrowser(name);
  if (!found) throw new Error(`No ${name} is here. Run: node scripts/set-up-browsers.mjs ${name}`);
  const removes = profile === undefined ? mkdtempSync(join(tmpdir(), `heddle-${name}-`)) : undefined;
  const engine: Engine = await ENGINES[name]({ path: found.path, profile: profile ?? removes ?? "", removes });
  const { version, pid, groups } = engine;
  return {
    name,
    version,
    pid,
    newPage: (url) => engine.newPage(url),
    async kill() {
      engine.kill();
      await end(groups);
    },
    async close() {
      await engine.quit().catch(() => undefined);
      await end(groups);
    },
  };
}

/** What is there besides the browser serves only it, and is not waited for. */
async function end([browser, ...others]: Engine["groups"]): Promise<void> {
  await browser.end();
  for (const other of others) await other.end({ waitMs: 0 });
}
