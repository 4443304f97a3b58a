// What each of the three engines brings, for launch.ts.

import type { Page } from "./page.js";
import type { ProcessGroup } from "./process-group.js";

/** What each engine brings. */
export interface Engine<P extends Page = Page> {
  readonly version: string;
  readonly pid: number;
  /** The browser with its main process, then what it needs besides. */
  readonly groups: readonly [ProcessGroup, ...ProcessGroup[]];
  newPage(url: string): Promise<P>;
  /** Asks the browser to end. */
  quit(): Promise<unknown>;
  /** Kills the main process. */
  kill(): void;
}

/** What an engine is started with. */
export interface Start {
  readonly path: string;
  readonly profile: string;
  /** The profile, if it goes with the browser. */
  readonly removes: string | undefined;
}
