// WebKitGTK, the engine of Safari, through its WebDriver, on a display that nobody sees.

import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import type { Engine, Start } from "./engine.js";
import { pageIn } from "./page.js";
import { ProcessGroup } from "./process-group.js";
import { connectWebDriver } from "./webdriver.js";

/** Starts MiniBrowser. It keeps no profile: what it stores ends with it. */
export async function startWebKit({ path, removes }: Start): Promise<Engine> {
  // `-displayfd` makes it choose a free display and say which.
  const screen = new ProcessGroup("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]);
  const groups: ProcessGroup[] = [screen];
  try {
    const port = await freePort();
    const driver = new ProcessGroup(path, [`--port=${port}`, "--host=127.0.0.1"], {
      removes,
      env: {
        DISPLAY: `:${await screen.output(/^(\d+)\n/)}`,
        // What its processes need where they may not make sandboxes, and where there is no graphics card.
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
        LIBGL_ALWAYS_SOFTWARE: "1",
        // No word to anyone outside.
        http_proxy: "http://127.0.0.1:9",
        https_proxy: "http://127.0.0.1:9",
        no_proxy: "127.0.0.1",
      },
    });
    groups.unshift(driver);
    const session = await connectWebDriver(`http://127.0.0.1:${port}`, {
      browserName: "MiniBrowser",
      "webkitgtk:browserOptions": { binary: miniBrowser(), args: ["--automation"] },
    });
    const pid = driver.children()[0] ?? driver.pid;
    return {
      version: session.version,
      pid,
      groups: [driver, screen],
      async newPage(url) {
        const handle = await session.open(url);
        return pageIn({
          evaluate: (expression) => session.evaluate(handle, expression),
          close: () => session.close(handle),
        });
      },
      async quit() {
        await session.quit();
        driver.kill();
      },
      kill() {
        driver.kill(pid);
        driver.kill();
      },
    };
  } catch (error) {
    for (const group of groups) await group.end({ waitMs: 0 });
    throw error;
  }
}

/** The small browser that comes with the driver, where Debian and Fedora put it. */
function miniBrowser(): string {
  const folders = ["/usr/libexec", ...readdirSync("/usr/lib").map((folder) => `/usr/lib/${folder}`)];
  const versions = ["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"];
  const paths = versions.flatMap((version) => folders.map((folder) => `${folder}/${version}/MiniBrowser`));
  const found = paths.find((path) => existsSync(path));
  if (!found) throw new Error("No MiniBrowser is here; on Debian it comes with the package webkit2gtk-driver.");
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("This machine has no free port.");
  return address.port;
}
