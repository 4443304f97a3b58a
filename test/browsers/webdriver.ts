// The few words of WebDriver (w3.org/TR/webdriver2) that tests need.

import { poll } from "./poll.js";

/** A session with a browser. */
export interface WebDriver {
  readonly version: string;
  /** Opens an address in a window of its own; resolves with the window's handle when it has loaded. */
  open(url: string): Promise<string>;
  /** The text that an expression promises, waited for without a limit. */
  evaluate(handle: string, expression: string): Promise<string>;
  close(handle: string): Promise<void>;
  /** Ends the session, and the browser with it. */
  quit(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const FOREVER_MS = 24 * 60 * 60 * 1_000;

/** Starts the promise and leaves its text where {@link TAKE} finds it: a script is not waited for for ever. */
const START = (id: number, expression: string) => `
  const answers = (globalThis.answers ??= new Map());
  (${expression}).then((text) => answers.set(${id}, text));`;
const TAKE = (id: number) => `
  const text = globalThis.answers.get(${id}) ?? null;
  globalThis.answers.delete(${id});
  return text;`;

/** Begins a session as soon as the driver is there. */
export async function connectWebDriver(driver: string, capabilities: object): Promise<WebDriver> {
  await poll("the WebDriver", START_TIMEOUT_MS, () => command(driver, "GET", "/status").catch(() => undefined));
  const session = await command(driver, "POST", "/session", { capabilities: { alwaysMatch: capabilities } });
  const send = (method: string, path: string, body?: object) =>
    command(driver, method, `/session/${session.sessionId}${path}`, body);
  const inTurn = turns();
  let calls = 0;

  /** Sends a command to one window. The session looks at one at a time. */
  const inWindow = (handle: string, method: string, path: string, body?: object) =>
    inTurn(async () => {
      await send("POST", "/window", { handle });
      return send(method, path, body);
    });
  const execute = (handle: string, script: string) => inWindow(handle, "POST", "/execute/sync", { script, args: [] });
  return {
    version: session.capabilities.browserVersion,
    async open(url) {
      const { handle } = await inTurn(() => send("POST", "/window/new", { type: "window" }));
      await inWindow(handle, "POST", "/url", { url });
      return handle;
    },
    async evaluate(handle, expression) {
      const id = calls++;
      await execute(handle, START(id, expression));
      return poll("the page to answer", FOREVER_MS, async () => (await execute(handle, TAKE(id))) ?? undefined);
    },
    close: (handle) => inWindow(handle, "DELETE", "/window"),
    quit: () => inTurn(() => send("DELETE", "")),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: every command has results of its own
async function command(driver: string, method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(`${driver}${path}`, { method, body: body ? JSON.stringify(body) : null });
  const { value } = (await response.json()) as { value: { error?: string; message?: string } };
  if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

/** Runs what it is given one after the other. */
function turns(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const result = last.then(run);
    last = result.catch(() => undefined);
    return result;
  };
}
