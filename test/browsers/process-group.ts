// Starts a program as a process group of its own, so that all it starts can be waited for and killed. Nothing of it
// outlives this process, however that ends.

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import process from "node:process";
import { poll } from "./poll.js";
import { livingProcesses } from "./processes.js";

/** Waits until its input ends, which the death of this process brings about, then kills the group and tidies up. */
const WATCHDOG = 'cat > /dev/null; kill -s KILL -- "-$0"; [ -z "$1" ] || rm -rf -- "$1"';
/** Marks all processes that come from one program, also those that leave its group, as handlers of crashes do. */
const MARK = "HEDDLE_TEST_GROUP";

const START_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 20_000;
/** So much of what a program wrote is kept. */
const OUTPUT_CHARACTERS = 10_000;

/** How a group is started. */
export interface GroupOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A directory that is removed when the group has ended. */
  readonly removes?: string | undefined;
}

/** A program and all processes that it started. */
export class ProcessGroup {
  /** The program itself. */
  readonly pid: number;
  readonly #command: string;
  readonly #program: ChildProcess;
  readonly #watchdog: ChildProcess;
  readonly #mark = `${MARK}=${randomUUID()}`;
  #output = "";

  /** @throws an Error if there is no such program. */
  constructor(command: string, args: readonly string[], { env = {}, removes = "" }: GroupOptions = {}) {
    this.#command = command;
    this.#program = spawn(command, args, {
      detached: true,
      env: { ...process.env, ...env, [MARK]: this.#mark.slice(MARK.length + 1) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // The exception below has said it.
    this.#program.on("error", () => undefined);
    if (this.#program.pid === undefined) throw new Error(`${command} cannot be started.`);
    this.pid = this.#program.pid;
    for (const stream of [this.#program.stdout, this.#program.stderr]) {
      stream?.on("data", (chunk) => {
        this.#output = (this.#output + chunk).slice(-OUTPUT_CHARACTERS);
      });
    }
    this.#watchdog = spawn("sh", ["-c", WATCHDOG, String(this.pid), removes], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
  }

  /** Waits for words in what the program writes; resolves with the first group of the pattern. */
  output(pattern: RegExp): Promise<string> {
    return poll(`${this.#command} to start`, START_TIMEOUT_MS, () => {
      const isOver = this.#program.exitCode !== null || this.#program.signalCode !== null;
      if (isOver) throw new Error(`${this.#command} ended before it had started:\n${this.#output}`);
      return pattern.exec(this.#output)?.[1];
    });
  }

  /** Kills one process of the group, by default the program, and leaves it to the others to notice. */
  kill(pid = this.pid): void {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // It was faster.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** The living processes that the program started itself. */
  children(): readonly number[] {
    return this.#members().flatMap(({ pid, parent }) => (parent === this.pid ? [pid] : []));
  }

  /** Waits until no process of the group is left. Those that do not end by themselves are killed. */
  async end({ waitMs = END_TIMEOUT_MS } = {}): Promise<void> {
    const isOver = () => !this.#isLiving() || undefined;
    await poll("the browser to end", waitMs, isOver).catch(() => undefined);
    for (const { pid } of this.#members()) this.kill(pid);
    await this.#dismissWatchdog();
    await poll("the processes of the browser to end", END_TIMEOUT_MS, isOver);
  }

  async #dismissWatchdog(): Promise<void> {
    if (this.#watchdog.exitCode !== null) return;
    const isGone = new Promise((resolve) => this.#watchdog.once("exit", resolve));
    this.#watchdog.stdin?.end();
    await isGone;
  }

  #members() {
    const isOurs = (environment: string) => environment.includes(this.#mark);
    return (livingProcesses() ?? []).filter(({ group, environment }) => group === this.pid || isOurs(environment()));
  }

  #isLiving(): boolean {
    if (livingProcesses()) return this.#members().length > 0;
    try {
      return process.kill(-this.pid, 0);
    } catch {
      return false;
    }
  }
}
