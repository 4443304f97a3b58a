// The types of browsers.mjs, for the tests that use it.

/** A browser that tests can run in. */
export type BrowserName = "chromium" | "firefox" | "webkit";

/** A browser on this machine. */
export interface FoundBrowser {
  readonly path: string;
  /** What it says it is. */
  readonly version: string;
}

/** The path of a browser that starts, and what it says it is; undefined if there is none. */
export function findBrowser(name: BrowserName): Promise<FoundBrowser | undefined>;
