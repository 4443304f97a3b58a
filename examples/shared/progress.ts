// How far the run is, on stderr: one moving line in a terminal, one line per node and per element of a map anywhere
// else. Never reads stdin.

import ora from "ora";
import { isOutermost, type Outline, patternOf } from "./outline.js";

/** What the display needs of an event of a run. */
export interface ProgressEvent {
  readonly type: string;
  readonly path?: string;
  readonly executor?: string;
  readonly done?: number;
  readonly total?: number;
  readonly message?: string;
}

/** A display that is fed events until it is stopped. */
export interface Progress {
  onEvent(event: ProgressEvent): void;
  /** The nodes that are being executed. */
  running(): readonly string[];
  stop(): void;
}

/** What is done before the run begins or goes on, and how many elements its maps have, as far as that is known. */
export interface Before {
  readonly done: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** Which paths are done, what each running one says of itself, and how many elements each map has. */
interface State {
  readonly outline: Outline;
  readonly done: Set<string>;
  readonly running: Map<string, string>;
  readonly sizes: Map<string, number>;
}

interface Display {
  show(event: ProgressEvent, state: State): void;
  stop(): void;
}

const DONE = new Set(["node-completed", "node-reused"]);
const ENDED = new Set([...DONE, "node-failed", "node-aborted", "node-paused"]);

/** Shows the progress of a run. */
export function showProgress(outline: Outline, { done, sizes }: Before): Progress {
  const { isTTY, columns } = process.stderr;
  const state: State = { outline, done: new Set(done), running: new Map(), sizes: new Map(sizes) };
  const display = isTTY && columns > 0 ? movingLine() : plainLines(); // ora 9 never returns at a width of 0
  return {
    onEvent(event) {
      follow(state, event);
      display.show(event, state);
    },
    running: () => [...state.running.keys()],
    stop: () => display.stop(),
  };
}

function follow({ outline, done, running, sizes }: State, event: ProgressEvent): void {
  const { type, path = "", executor, done: steps, total } = event;
  if (type === "node-started" && executor !== "composite") running.set(path, "");
  if (type === "node-progress") running.set(path, ` ${steps}/${total ?? "?"}`);
  if (type === "node-progress" && total !== undefined) {
    for (const map of outline.maps) if (map.from === path) sizes.set(map.path, total);
  }
  if (ENDED.has(type)) running.delete(path);
  if (DONE.has(type)) done.add(path);
}

function movingLine(): Display {
  const spinner = ora({ stream: process.stderr, discardStdin: false }).start();
  return {
    show(_, state) {
      const running = [...state.running].map(([path, steps]) => describe(path, state) + steps);
      spinner.text = `${outermostOf(state)} nodes  ${running.join("  ")}`;
      spinner.render(); // a busy sync node leaves no time for the spinner's own timer
    },
    stop: () => spinner.stop(),
  };
}

function plainLines(): Display {
  return {
    show({ type, path = "", message }, state) {
      if (type === "node-log") process.stderr.write(`${path}: ${message}\n`);
      if (ENDED.has(type) && isWorthALine(type, path, state)) {
        const ended = isOutermost(path) || !DONE.has(type) ? path : describe(path, state);
        process.stderr.write(`[${outermostOf(state)}] ${ended} ${type.slice("node-".length)}\n`);
      }
    },
    stop() {},
  };
}

/** Of what goes well inside a map, only the end of each element. What is reused there stands behind the map. */
function isWorthALine(type: string, path: string, { outline }: State): boolean {
  if (isOutermost(path) || !DONE.has(type)) return true;
  return type === "node-completed" && outline.maps.some(({ last }) => last === patternOf(path));
}

function outermostOf({ outline, done }: State): string {
  return `${[...done].filter(isOutermost).length}/${outline.nodes}`;
}

/** A path; inside a map with how many of its kind are done: `match 7/25 chunks: chunks[7]/match`. */
function describe(path: string, { outline, done, sizes }: State): string {
  const pattern = patternOf(path);
  const map = outline.maps.find((candidate) => pattern.startsWith(`${candidate.path}[*]`));
  if (!map) return path;
  const inner = pattern.slice(`${map.path}[*]/`.length);
  const doneOfIt = [...done].filter((one) => patternOf(one) === pattern).length;
  return `${inner && `${inner} `}${doneOfIt}/${sizes.get(map.path) ?? "?"} ${map.path}: ${path}`;
}
