// Where the browsers are that tests run in, and how to get those that are missing.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** Of each browser: the variable that names it, how it answers that it works, where it is, and what brings it. */
const BROWSERS = {
  chromium: {
    variable: "CHROME_PATH",
    probe: "--version",
    names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
    paths: [
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
      "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
    ],
    debian: ["chromium"],
    needs: [],
    advice:
      "Chrome or Chromium (anywhere: npx playwright-core install --with-deps chromium; macOS: brew install chromium)",
  },
  firefox: {
    variable: "FIREFOX_PATH",
    probe: "--version",
    names: ["firefox-esr", "firefox"],
    paths: [
      "/Applications/Firefox.app/Contents/MacOS/firefox",
      "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
      "C:\\Program Files (x86)\\Mozilla Firefox\\firefox.exe",
    ],
    debian: ["firefox-esr"],
    needs: [],
    advice:
      "Firefox, as Mozilla makes it (Ubuntu: from packages.mozilla.org, not the snap; macOS: brew install firefox)",
  },
  webkit: {
    variable: "WEBKIT_DRIVER_PATH",
    probe: "--help",
    names: ["WebKitWebDriver"],
    paths: [],
    debian: ["webkit2gtk-driver", "xvfb"],
    needs: ["Xvfb"],
    advice: "WebKitGTK with its WebDriver, and Xvfb (Linux only)",
  },
};

const PROBE_TIMEOUT_MS = 60_000;
/** So long may the download of a browser take where there is an internet ... */
const DOWNLOAD_TIMEOUT_MS = 300_000;
/** ... and so long one attempt to reach it. */
const CONNECT_TIMEOUT_MS = 5_000;
const APT_TIMEOUT_MS = 900_000;

/** The names of the browsers there are. */
export const BROWSER_NAMES = Object.keys(BROWSERS);

/** The path of a browser that starts, and what it says it is; undefined if there is none. */
export async function findBrowser(name) {
  const { variable, probe, needs } = BROWSERS[name];
  if (!needs.every((command) => onPath(command))) return undefined;
  const chosen = process.env[variable];
  for (const path of chosen ? [chosen] : await candidates(name)) {
    const answer = existsSync(path) ? ask(path, probe) : undefined;
    if (answer !== undefined) return { path, version: probe === "--version" ? answer.trim() : name };
  }
  return undefined;
}

/**
 * Finds a browser or installs it. With `isHidden` it acts as if none were here, to show that installing works.
 * @throws an Error that says what to install if there is no way to.
 */
export async function setUpBrowser(name, { isHidden = false, log = console.log } = {}) {
  const { variable, debian, advice } = BROWSERS[name];
  let found = isHidden ? undefined : await findBrowser(name);
  if (!found && process.env[variable])
    throw new Error(`${variable} is ${process.env[variable]}, which does not start.`);
  for (const { command, args, env, timeout } of found ? [] : installations(name)) {
    log(`No ${name} is here yet. Trying: ${[command, ...args].join(" ")}`);
    const { status } = spawnSync(command, args, { env: { ...process.env, ...env }, timeout, stdio: "inherit" });
    found = status === 0 ? await findBrowser(name) : undefined;
    if (found) break;
  }
  if (found) return found;
  const packages = `Debian: sudo apt-get install ${debian.join(" ")}`;
  throw new Error(`No ${name} that starts is here. Install ${advice}; ${packages}. Or set ${variable} to its path.`);
}

async function candidates(name) {
  const { names, paths } = BROWSERS[name];
  const usual = [...names.flatMap((command) => onPath(command) ?? []), ...paths];
  if (name !== "chromium") return usual;
  const { chromium } = await import("playwright-core");
  return [...usual, chromium.executablePath()];
}

/** Where a command is that may be started by its name. */
function onPath(command) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/local/bin", "/snap/bin"];
  return folders.map((folder) => join(folder, command)).find((path) => existsSync(path));
}

/** What a program says of itself; undefined if it does not start, as the empty shells of Ubuntu's snaps do not. */
function ask(path, question) {
  try {
    return execFileSync(path, [question], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: PROBE_TIMEOUT_MS,
    });
  } catch {
    return undefined;
  }
}

/** Commands that may bring a browser, the easiest first. */
function* installations(name) {
  if (name === "chromium") {
    yield {
      command: "npx",
      args: ["--no-install", "playwright-core", "install", "--no-shell", "chromium"],
      env: { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: String(CONNECT_TIMEOUT_MS) },
      timeout: DOWNLOAD_TIMEOUT_MS,
    };
  }
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  const apt = { command: "apt-get", env: { DEBIAN_FRONTEND: "noninteractive" }, timeout: APT_TIMEOUT_MS };
  const options = ["--yes", "--no-install-recommends", "--option", "DPkg::Lock::Timeout=120"];
  yield { ...apt, args: ["update"] };
  // Again from the package, also what counts as installed: it does not start.
  yield { ...apt, args: ["install", ...options, "--reinstall", ...BROWSERS[name].debian] };
}
