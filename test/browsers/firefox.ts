// Firefox as Mozilla makes it, through WebDriver BiDi.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectBiDi } from "./bidi.js";
import type { Engine, Start } from "./engine.js";
import { pageIn } from "./page.js";
import { ProcessGroup } from "./process-group.js";

const PREFERENCES = {
  // No word to anyone outside: no name is looked up, and everything but this machine is behind a proxy that is not there.
  "network.dns.disabled": true,
  "network.proxy.type": 1,
  "network.proxy.http": "127.0.0.1",
  "network.proxy.http_port": 9,
  "network.proxy.ssl": "127.0.0.1",
  "network.proxy.ssl_port": 9,
  "network.proxy.no_proxies_on": "127.0.0.1",
  "network.proxy.failover_direct": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  // Starts as ever after it was killed.
  "toolkit.startup.max_resumed_crashes": -1,
  "browser.sessionstore.resume_from_crash": false,
  "browser.startup.page": 0,
  "browser.aboutwelcome.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  // No processes in stock.
  "dom.ipc.processPrelaunch.enabled": false,
};

/** Starts Firefox. */
export async function startFirefox({ path, profile, removes }: Start): Promise<Engine> {
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  writeFileSync(join(profile, "user.js"), lines.join(""));
  const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"];
  const group = new ProcessGroup(path, args, { removes });
  try {
    const bidi = await connectBiDi(`${await group.output(/WebDriver BiDi listening on (ws:\S+)/)}/session`);
    const { capabilities } = await bidi.send("session.new", { capabilities: {} });
    return {
      version: capabilities.browserVersion,
      pid: group.pid,
      groups: [group],
      async newPage(url) {
        const { context } = await bidi.send("browsingContext.create", { type: "window" });
        await bidi.send("browsingContext.navigate", { context, url, wait: "complete" });
        return pageIn({
          evaluate: (expression) => bidi.evaluate(context, expression),
          close: () => bidi.send("browsingContext.close", { context }),
        });
      },
      quit: () => bidi.send("browser.close"),
      kill: () => group.kill(),
    };
  } catch (error) {
    await group.end({ waitMs: 0 });
    throw error;
  }
}
