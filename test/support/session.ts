// The command line of the examples as processes that tests start, listen to and interrupt.

import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundle } from "../processes/bundle.js";

const PACKAGES = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** All files of data that the examples read. */
export const DATA = ["birdstrikes.csv", "airports.csv", "flights-200k.json", "flights-20k.json", "flights-airport.csv"];

/** Makes the program, with the packages of this project, and of the data these files alone. Returns its path. */
export async function install(data: readonly string[]): Promise<string> {
  const program = await bundle("../../examples/main.ts", { packages: "external" });
  // Where the program looks for what its threads do.
  copyFileSync(await bundle("../../examples/serving.ts"), join(dirname(program), "thread.mjs"));
  const packages = join(dirname(program), "node_modules");
  mkdirSync(join(packages, "vega-datasets/data"), { recursive: true });
  copyFileSync(join(PACKAGES, "vega-datasets/package.json"), join(packages, "vega-datasets/package.json"));
  for (const file of data) addData(program, file);
  for (const name of readdirSync(PACKAGES)) {
    if (name !== "vega-datasets") symlinkSync(join(PACKAGES, name), join(packages, name));
  }
  return program;
}

/** Gives an installed program one more file of data. */
export function addData(program: string, file: string): void {
  const path = join("vega-datasets/data", file);
  symlinkSync(join(PACKAGES, path), join(dirname(program), "node_modules", path));
}

/** What a process printed and how it ended; no code if it was killed. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** One process of the program. */
export class Session {
  readonly ended: Promise<Ended>;
  readonly #child;
  #out = "";
  #err = "";

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#out += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#err += text));
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code) => resolve({ code, out: this.#out, err: this.#err }));
    });
  }

  hasSaid(text: string): boolean {
    return this.#err.includes(text);
  }

  /** Resolves when this stands on stderr. */
  async says(text: string): Promise<void> {
    while (!this.hasSaid(text)) {
      if (this.#child.exitCode !== null) throw new Error(`It ended without saying "${text}":\n${this.#err}`);
      await sleep(10);
    }
  }

  send(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** Does what `head` does when it has seen enough. */
  closeOutput(): void {
    this.#child.stdout.destroy();
  }
}
