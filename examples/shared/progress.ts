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
  stop(): void;
}

const ENDED = new Set(["node-completed", "node-failed", "node-reused", "node-aborted"]);

/** Shows the progress of a run of `total` nodes. */
export function showProgress(total: number): Progress {
  const { isTTY, columns } = process.stderr;
  return isTTY && columns > 0 ? movingLine(total) : plainLines(total); // ora 9 never returns at a width of 0
}

function movingLine(total: number): Progress {
  const spinner = ora({ stream: process.stderr, discardStdin: false }).start();
  const running = new Map<string, string>();
  const ended = new Set<string>();
  return {
    onEvent(event) {
      follow(running, ended, event);
      spinner.text = `${ended.size}/${total} nodes  ${[...running.values()].join("  ")}`;
      spinner.render(); // a busy sync node leaves no time for the spinner's own timer
    },
    stop: () => spinner.stop(),
  };
}

function plainLines(total: number): Progress {
  const ended = new Set<string>();
  return {
    onEvent({ type, path = "", message }) {
      if (type === "node-log") process.stderr.write(`${path}: ${message}\n`);
      if (!ENDED.has(type)) return;
      process.stderr.write(`[${ended.add(path).size}/${total}] ${path} ${type.slice("node-".length)}\n`);
    },
    stop() {},
  };
}

function follow(running: Map<string, string>, ended: Set<string>, event: ProgressEvent): void {
  const { type, path = "", done, total } = event;
  if (type === "node-started") running.set(path, path);
  if (type === "node-progress") running.set(path, `${path} ${done}/${total ?? "?"}`);
  if (!ENDED.has(type)) return;
  running.delete(path);
  ended.add(path);
}
