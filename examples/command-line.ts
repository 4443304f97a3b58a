// The command line as data: which verb, for which job, with which options. Wrong ones are refused here.

import { parseArgs } from "node:util";
import type { Job } from "./shared/job.js";
import { UsageError } from "./shared/terminal.js";

/** What the caller asks for. `job` is undefined if none is named. */
export type Command = { readonly job: Job | undefined } & (
  | { readonly verb: "help" | "mermaid" | "runs" }
  | { readonly verb: "start"; readonly fresh: boolean }
  | { readonly verb: "inspect" | "restart"; readonly run: string }
  | { readonly verb: "replay"; readonly rerun: readonly string[]; readonly of: string | undefined }
);

/** Where records are, unless the command line names another directory. */
const DEFAULT_DIRECTORY = ".heddle";

const OPTIONS = {
  new: { type: "boolean" },
  runs: { type: "boolean" },
  inspect: { type: "string" },
  restart: { type: "string" },
  replay: { type: "string", multiple: true },
  of: { type: "string" },
  dir: { type: "string" },
  pace: { type: "string" },
  mermaid: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Each of these is a verb of its own: a command line has one of them, or none. */
const VERBS = ["new", "runs", "inspect", "restart", "replay", "mermaid"] as const;

/** A command, where the records are, and how long to rest after each node. */
export interface CommandLine {
  readonly command: Command;
  readonly directory: string;
  readonly restMs: number;
}

/**
 * Reads the arguments.
 *
 * @throws UsageError
 */
export function readCommand(args: readonly string[], jobs: readonly Job[]): CommandLine {
  const { values, positionals } = parse(args);
  const setting = { directory: values.dir ?? DEFAULT_DIRECTORY, restMs: readRest(values.pace) };
  if (values.help) return { command: { verb: "help", job: undefined }, ...setting };
  const given = VERBS.filter((verb) => values[verb] !== undefined).map((verb) => `--${verb}`);
  if (given.length > 1) throw new UsageError(`${given.join(" and ")} exclude each other. Give one of them.`);
  if (values.of !== undefined && !values.replay) throw new UsageError("--of goes with --replay <node> only.");
  return { command: { ...toVerb(values), job: findJob(positionals, jobs) }, ...setting };
}

function readRest(pace = "0"): number {
  if (/^\d{1,6}$/.test(pace)) return Number(pace);
  throw new UsageError(`--pace takes a number of milliseconds, such as 200, not "${pace}".`);
}

type Values = ReturnType<typeof parse>["values"];
type Verb<C = Command> = C extends Command ? Omit<C, "job"> : never;

function toVerb({ mermaid, runs, inspect, restart, replay, of, new: fresh = false }: Values): Verb {
  if (mermaid) return { verb: "mermaid" };
  if (runs) return { verb: "runs" };
  if (inspect !== undefined) return { verb: "inspect", run: inspect };
  if (restart !== undefined) return { verb: "restart", run: restart };
  return replay ? { verb: "replay", rerun: replay, of } : { verb: "start", fresh };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    // Node's first sentence says what is wrong, the others guess at what was meant.
    const [what] = (error as Error).message.split(/\.[ \n]|\n/);
    throw new UsageError(`${what}. See: npm start -- --help`, { cause: error });
  }
}

function findJob(positionals: readonly string[], jobs: readonly Job[]): Job | undefined {
  const [name, ...others] = positionals;
  if (others.length > 0) throw new UsageError(`One job at a time, please. You named ${positionals.join(", ")}.`);
  const job = jobs.find((candidate) => candidate.name === name);
  if (job || name === undefined) return job;
  throw new UsageError(`There is no job "${name}". The jobs are ${jobs.map((known) => known.name).join(", ")}.`);
}

/** How to type a command: its words, for records in this directory. */
export function typed(directory: string, ...words: readonly string[]): string {
  const dir = directory === DEFAULT_DIRECTORY ? [] : ["--dir", directory];
  return ["npm start --", ...[...words, ...dir].map(quoteIfNeeded)].join(" ");
}

function quoteIfNeeded(word: string): string {
  return /^[\w./<>-]+$/.test(word) ? word : JSON.stringify(word);
}
