// The command line as data: which verb, for which job, with which options. Wrong ones are refused here.

import { parseArgs } from "node:util";
import type { Job } from "./shared/job.js";

/** What the caller asks for. */
export type Command =
  | { readonly verb: "help" }
  | { readonly verb: "mermaid"; readonly job: Job }
  | { readonly verb: "run"; readonly job: Job; readonly rerun: readonly string[] };

/** A command line that names something the program does not have. */
export class UsageError extends Error {}

/** Reads the arguments. The first of `jobs` is the one meant if none is named. Throws a {@link UsageError}, or an `ERR_PARSE_ARGS_…`. */
export function readCommand(args: readonly string[], jobs: readonly Job[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      replay: { type: "string", multiple: true, default: [] },
      mermaid: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return { verb: "help" };
  const job = findJob(positionals, jobs);
  if (values.mermaid) return { verb: "mermaid", job };
  return { verb: "run", job, rerun: expectLabels(values.replay, job) };
}

function findJob(positionals: readonly string[], jobs: readonly Job[]): Job {
  const names = jobs.map((job) => job.name);
  const [name = names[0], ...others] = positionals;
  if (others.length > 0) throw new UsageError(`One job at a time, please. You named ${positionals.join(", ")}.`);
  const job = jobs.find((candidate) => candidate.name === name);
  if (!job) throw new UsageError(`There is no job "${name}". The jobs are ${names.join(", ")}.`);
  return job;
}

function expectLabels(rerun: readonly string[], { dag }: Job): readonly string[] {
  const labels = Object.keys(dag.nodes);
  const unknown = rerun.filter((label) => !labels.includes(label));
  if (unknown.length === 0) return rerun;
  throw new UsageError(`There is no node "${unknown.join('", "')}" to replay. The nodes are ${labels.join(", ")}.`);
}
