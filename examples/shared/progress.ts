// How far the run is, on stderr: one moving line in a terminal, one line per node anywhere else. Never reads stdin.

import ora from "ora";

/** What the display needs of an event of a run. */
export interface ProgressEvent {
  readonly type: string;
  readonly path?: string;
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

/** How many nodes there are, which are done, and what each running one says of itself. */
interface State {
  readonly total: number;
  readonly done: Set<string>;
  readonly running: Map<string, string>;
}

interface Display {
  show(event: ProgressEvent, state: State): void;
  stop(): void;
}

const DONE = new Set(["node-completed", "node-reused"]);
const ENDED = new Set([...DONE, "node-failed", "node-aborted", "node-paused"]);

/** Shows the progress of a run of `total` nodes, of which some may be done already. */
export function showProgress(total: number, done: readonly string[]): Progress {
  const { isTTY, columns } = process.stderr;
  const state: State = { total, done: new Set(done), running: new Map() };
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

function follow({ done, running }: State, event: ProgressEvent): void {
  const { type, path = "", done: steps, total } = event;
  if (type === "node-started") running.set(path, path);
  if (type === "node-progress") running.set(path, `${path} ${steps}/${total ?? "?"}`);
  if (ENDED.has(type)) running.delete(path);
  if (DONE.has(type)) done.add(path);
}

function movingLine(): Display {
  const spinner = ora({ stream: process.stderr, discardStdin: false }).start();
  return {
    show(_, { total, done, running }) {
      spinner.text = `${done.size}/${total} nodes  ${[...running.values()].join("  ")}`;
      spinner.render(); // a busy sync node leaves no time for the spinner's own timer
    },
    stop: () => spinner.stop(),
  };
}

function plainLines(): Display {
  return {
    show({ type, path = "", message }, { total, done }) {
      if (type === "node-log") process.stderr.write(`${path}: ${message}\n`);
      if (ENDED.has(type)) process.stderr.write(`[${done.size}/${total}] ${path} ${type.slice("node-".length)}\n`);
    },
    stop() {},
  };
}
