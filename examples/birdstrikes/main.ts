// The command line: run the dag, print the report, and replay chosen nodes.

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DagProvenance, DagRunner, HeddleError, toMermaid } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { birdstrikes } from "./pipeline.js";
import { type Progress, showProgress } from "./progress.js";
import { type NodeSummary, renderNodes, renderReport } from "./render.js";

const NODES = Object.keys(birdstrikes.nodes);

const HELP = `Bird strikes at American airports, 1990 to 2002: two CSV files to one report.

  npm start                        run, and print the report
  npm start -- --replay <node>     run, then replay this node alone; may be given more than once
  npm start -- --mermaid           print the dag as a Mermaid diagram
  npm start -- --help              print this

The nodes: ${NODES.join(", ")}.
`;

const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;

const provenance = new DagProvenance(memoryStore());
let progress: Progress | undefined;
const runner = new DagRunner(birdstrikes, { provenance, onEvent: (event) => progress?.onEvent(event) });

type Run = ReturnType<typeof runner.run>;

/** Runs the command line and returns the exit code. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      replay: { type: "string", multiple: true, default: [] },
      mermaid: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return print(HELP);
  if (values.mermaid) return print(toMermaid(birdstrikes));
  return runAndReplay(values.replay);
}

async function runAndReplay(rerun: readonly string[]): Promise<number> {
  const unknown = rerun.filter((label) => !NODES.includes(label));
  if (unknown.length > 0) {
    complain(`There is no node "${unknown.join('", "')}" to replay. The nodes are ${NODES.join(", ")}.`);
    return EXIT_FAILED;
  }
  const run = runner.run({
    readStrikes: { path: dataFile("birdstrikes.csv") },
    readAirports: { path: dataFile("airports.csv") },
  });
  const code = await finish(run);
  if (code !== 0 || rerun.length === 0) return code;
  const plan = await runner.planReplay(run.runId, { rerun });
  const why = new Map(plan.steps.map((step) => [step.path, step.why]));
  return finish(runner.replay(run.runId, { rerun }), why);
}

/** Awaits a run and prints its outcome; `why` tells per path what a replay meant to do. */
async function finish(run: Run, why?: ReadonlyMap<string, string>): Promise<number> {
  const result = await watch(run);
  if (result.status === "completed" && !why) print(`${renderReport(result.outputs.report)}\n\n`);
  print(`${renderNodes(why ? "\nThe replay" : "The run", await summaries(run.runId, why))}\n`);
  if (result.status === "failed") complain(`Node "${result.failedNode}" failed: ${result.error.message}`);
  if (result.status === "cancelled") complain("Cancelled.");
  if (result.status === "cancelled") return EXIT_INTERRUPTED;
  return result.status === "completed" ? 0 : EXIT_FAILED;
}

/** Awaits a run, with its progress on stderr, and Ctrl-C to cancel it. */
async function watch(run: Run) {
  // A terminal may send the signal more than once: npm and tsx pass it on too.
  const cancel = () => run.cancel();
  process.on("SIGINT", cancel);
  progress = showProgress(NODES.length);
  try {
    return await run;
  } finally {
    progress.stop();
    process.off("SIGINT", cancel);
  }
}

async function summaries(runId: string, why?: ReadonlyMap<string, string>): Promise<NodeSummary[]> {
  const { executions } = await provenance.inspect(runId);
  const inOrder = executions.toSorted((a, b) => NODES.indexOf(a.path) - NODES.indexOf(b.path));
  return inOrder.map(({ path, status, attempts, output }) => ({
    label: path,
    status,
    attempts: attempts.length,
    durationMs: attempts.at(-1)?.durationMs,
    outputBytes: output?.bytes,
    why: why?.get(path),
  }));
}

function dataFile(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.resolve("vega-datasets")));
}

function print(text: string): 0 {
  process.stdout.write(text);
  return 0;
}

function complain(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Tells errors that the caller can mend from faults of the program, which keep their stack. */
function isMisuse(error: unknown): error is Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return error instanceof HeddleError || code.startsWith("ERR_PARSE_ARGS");
}

// Somebody closed the pipe, as `head` does: there is nobody left to print for.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  process.exitCode = await main();
} catch (error) {
  if (!isMisuse(error)) throw error;
  complain(error.message);
  process.exitCode = EXIT_FAILED;
}
