// Chromium and Chrome, through Playwright over the DevTools protocol.

import { type Browser, type CDPSession, chromium, type Page as PlaywrightPage } from "playwright-core";
import type { Engine, Start } from "./engine.js";
import { type Page, pageIn } from "./page.js";
import { ProcessGroup } from "./process-group.js";

/** A page with all that Playwright and the DevTools protocol can do to it. */
export interface ChromiumPage extends Page {
  readonly playwright: PlaywrightPage;
  /** Opens a session of the DevTools protocol: `(await page.cdp()).send("Page.setWebLifecycleState", …)`. */
  cdp(): Promise<CDPSession>;
}

const CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 10_000;

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--remote-debugging-port=0",
  // No word to anyone outside: what would ask in the background does not, and no name is ever looked up.
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  // All pages run at full speed.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--no-default-browser-check",
  "--password-store=basic",
];

/** Starts Chromium. */
export async function startChromium({ path, profile, removes }: Start): Promise<Engine<ChromiumPage>> {
  const group = new ProcessGroup(path, [...ARGUMENTS, `--user-data-dir=${profile}`], { removes });
  try {
    const address = await group.output(/DevTools listening on (ws:\S+)/);
    const browser = await connect(address);
    const [context] = browser.contexts();
    if (!context) throw new Error("Chromium runs without a profile.");
    const session = await browser.newBrowserCDPSession();
    let pages = 0;
    return {
      version: browser.version(),
      pid: group.pid,
      groups: [group],
      async newPage(url) {
        const blank = `about:blank#${pages++}`;
        const opened = context.waitForEvent("page", (page) => page.url() === blank);
        await session.send("Target.createTarget", { url: blank, newWindow: true });
        const page = await opened;
        await page.goto(url);
        return pageOf(page);
      },
      quit: () => session.send("Browser.close"),
      kill: () => group.kill(),
    };
  } catch (error) {
    await group.end({ waitMs: 0 });
    throw error;
  }
}

/**
 * On a busy machine one connection in a hundred or so gets no answer and another one does. Without Playwright's
 * defaults, of which one pretends that every page has the focus: such a page cannot be frozen.
 */
async function connect(address: string): Promise<Browser> {
  for (let left = CONNECTIONS; ; left--) {
    try {
      return await chromium.connectOverCDP(address, { isLocal: true, noDefaults: true, timeout: CONNECT_TIMEOUT_MS });
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

function pageOf(playwright: PlaywrightPage): ChromiumPage {
  const page = pageIn({
    evaluate: (expression) => playwright.evaluate<string>(expression),
    close: () => playwright.close(),
  });
  return { ...page, playwright, cdp: () => playwright.context().newCDPSession(playwright) };
}
