// What the command line can do, a function for each.

import { toMermaid } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import type { Job } from "./shared/job.js";
import { print } from "./shared/terminal.js";
import { Workbench } from "./workbench.js";

const HELP = `Runs an example dag on real data, and prints its report.

  npm start -- [job]                  run the job, and print its report
  npm start -- [job] --replay <node>  run, then replay this node alone; may be given more than once
  npm start -- [job] --mermaid        print the dag as a Mermaid diagram
  npm start -- --help                 print this

The jobs; the first is run if none is named:
`;

/** Prints how to use the command line. */
export function help(jobs: readonly Job[]): number {
  const described = jobs.map((job) => `\n  ${job.name}: ${job.title}\n${wrap(Object.keys(job.dag.nodes))}\n`);
  return print(`${HELP}${described.join("")}`);
}

/** Prints the dag of a job as a diagram. */
export function mermaid(job: Job): number {
  return print(toMermaid(job.dag));
}

/** Runs a job; if that went well, replays the named nodes alone. */
export async function runAndReplay(job: Job, rerun: readonly string[]): Promise<number> {
  const workbench = new Workbench(job, memoryStore());
  const { runId, exitCode } = await workbench.run();
  return exitCode !== 0 || rerun.length === 0 ? exitCode : workbench.replay(runId, rerun);
}

const WIDTH = 90;

function wrap(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const line = `${lines.at(-1) ?? "   "} ${word}`;
    if (lines.length > 0 && line.length < WIDTH) lines[lines.length - 1] = line;
    else lines.push(`    ${word}`);
  }
  return lines.join("\n");
}
