// The text of --help.

import type { Job } from "./shared/job.js";
import { namesIn } from "./shared/outline.js";

const TEXT = `Runs an example dag on real data, and prints its report.

  npm start -- [job]               run the job; if its newest run did not complete, continue that
  npm start -- [job] --new         run the job from scratch
  npm start -- --runs              list the runs on record; of one job, if it is named
  npm start -- --inspect <run>     print what is on record of a run
  npm start -- --restart <run>     continue this run
  npm start -- [job] --replay <node> [--of <run>]
                                   execute this node again, in a new run that reuses all else
                                   of the newest completed run; --replay may be given more than once
  npm start -- [job] --mermaid     print the dag as a Mermaid diagram
  npm start -- --help              print this

  --dir <path>                     where the records are; .heddle if not given
  --pace <ms>                      rest so long after each node: time to stop the run where you like

A run is named by its id, or by how the id begins or ends. Ctrl-C pauses, a second Ctrl-C cancels.

A map runs nodes once for each element of a list, counted from 0. What is inside is named by its path:
  --replay 'chunks[3]/match'       one node for one element (in quotes, for the sake of the shell)
  --replay 'chunks[*]/match'       one node for all elements
  --replay 'chunks[3]'             all nodes for one element
  --replay chunks                  all nodes for all elements

The jobs; the first is run if none is named:
`;

/** How to use the command line. */
export function helpText(jobs: readonly Job[]): string {
  const described = jobs.map((job) => `\n  ${job.name}: ${job.title}\n${wrap(namesIn(job.dag.plan))}\n`);
  return `${TEXT}${described.join("")}`;
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
