// The bird strikes at the edge: the dag of `npm start` in a Worker, with its records in KV. At module scope there is the
// dag, which is plain data; store and runner are made for each request, since a binding belongs to the request it came
// with.
//
//   POST /runs               starts a run, and answers with its report
//   GET  /runs               the newest runs
//   GET  /runs/<id>          the report of a run, or how it stands, read from KV
//   POST /runs/<id>/restart  goes on with a run that failed, was paused, or lost its Worker

import { DagProvenance, DagRunner, HeddleError, type Run } from "heddle";
import { cloudflareKvStore, type KvNamespace } from "heddle/adapters/cloudflare-kv";
import { birdstrikes } from "../birdstrikes/pipeline.js";

/** What the Worker is bound to. */
export interface Env {
  readonly RUNS: KvNamespace;
  /** Where the two CSV files are. */
  readonly DATA_URL: string;
}

interface Invocation {
  waitUntil(promise: Promise<unknown>): void;
}

type Nodes = typeof birdstrikes.nodes;
type Edges = typeof birdstrikes.edges;

const INPUTS = { readStrikes: { path: "birdstrikes.csv" }, readAirports: { path: "airports.csv" } };
/** Then the run pauses by itself, and a restart goes on in an invocation of its own. */
const BUDGET = { timeMs: 20_000 };

/** The ids that heddle gives hold no other signs. */
const ROUTE = /^\/runs(?:\/(?<runId>[\w-]+)(?:\/(?<verb>restart))?)?$/;

/** What went wrong with a request, as HTTP says it; everything else is 500. */
const STATUS: Readonly<Record<string, number>> = {
  RUN_NOT_FOUND: 404,
  RUN_COMPLETED: 409,
  RUN_OWNED: 409,
  DAG_CHANGED: 409,
  STORE_STALE: 503,
};

// biome-ignore lint/style/noDefaultExport: workerd looks for the handler there
export default {
  async fetch(request: Request, env: Env, invocation: Invocation): Promise<Response> {
    try {
      return await answer(request, env, invocation);
    } catch (error) {
      if (!(error instanceof HeddleError)) throw error;
      const { code, message } = error;
      return Response.json({ code, message }, { status: STATUS[code] ?? 500 });
    }
  },
};

async function answer(request: Request, env: Env, invocation: Invocation): Promise<Response> {
  const provenance = new DagProvenance(cloudflareKvStore(env.RUNS));
  const runner = new DagRunner(birdstrikes, { provenance, context: filesAt(env.DATA_URL) });
  const { runId, verb } = ROUTE.exec(new URL(request.url).pathname)?.groups ?? { verb: "unknown" };
  switch ([request.method, runId && "run", verb].filter(Boolean).join(" ")) {
    case "POST":
      return outcome(runner.run(INPUTS, { budget: BUDGET }), invocation);
    case "GET":
      return Response.json((await provenance.listRuns({ dag: birdstrikes.name, limit: 20 })).runs);
    case "GET run":
      return record(runId as string, provenance);
    case "POST run restart":
      return outcome(runner.restart(runId as string, { budget: BUDGET }), invocation);
  }
  const message = "POST /runs, GET /runs, GET /runs/<id> or POST /runs/<id>/restart";
  return Response.json({ code: "NO_SUCH_ROUTE", message }, { status: 404 });
}

/** Reads files over the network. */
function filesAt(address: string) {
  return {
    async readText(path: string, signal: AbortSignal): Promise<string> {
      const response = await fetch(new URL(path, address), { signal });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
      return response.text();
    },
  };
}

/** Answers with what came of a run; it goes on for a while if nobody waits for the answer any more. */
async function outcome(run: Run<Nodes, Edges>, invocation: Invocation) {
  invocation.waitUntil(run.catch(() => {}));
  const result = await run;
  const { runId, status } = result;
  if (result.status === "completed") return Response.json({ runId, status, report: result.outputs.report });
  if (result.status !== "failed") return Response.json({ runId, status }, { status: 202 });
  const { failedNode, error } = result;
  return Response.json({ runId, status, failedNode, error: error.message }, { status: 502 });
}

async function record(runId: string, provenance: DagProvenance): Promise<Response> {
  const run = await provenance.getRun(runId);
  if (!run) throw new HeddleError("RUN_NOT_FOUND", `There is no run "${runId}", or it is not seen here yet.`);
  const { status, failedNode, damage } = run;
  if (status !== "completed") return Response.json({ runId, status, failedNode, damage });
  return Response.json({ runId, status, report: await provenance.loadOutput(runId, "report") });
}
