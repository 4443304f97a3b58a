// In a Worker: what runs cost in operations on its KV. Each call has a store of its own, which has seen nothing before.

import { type Dag, DagProvenance, DagRunner, type Durability, dag } from "heddle";
import { cloudflareKvStore, type KvNamespace } from "heddle/adapters/cloudflare-kv";
import { check } from "../contestant.js";
import { makeNode, sinksOf, write } from "../contestants/heddle.js";
import { makeGraph, type Shape } from "../graph.js";
import { restarting } from "../restarting.js";
import { serve } from "./serve.js";

/** How often each kind of operation was called. */
export type Operations = Record<"reads" | "writes" | "deletes" | "lists", number>;

/** A run, and how it is recorded. */
export interface Recorded {
  readonly shape: Shape;
  readonly size: number;
  readonly mode: Durability;
  /** Every node takes so long. */
  readonly nodeMs: number;
}

/** A run that was made, and what that cost. */
export interface Made {
  readonly runId: string;
  readonly operations: Operations;
}

/** What this Worker can do. */
export interface KvWorker {
  /** Executes a dag. */
  run(recorded: Recorded): Promise<Made>;
  /** Reads everything that is recorded of a run, and the output of its last node. */
  read(recorded: Recorded, runId: string): Promise<Operations>;
  /** Executes a dag whose last node fails. */
  fail(recorded: Recorded): Promise<Made>;
  /** Restarts that run. */
  restart(recorded: Recorded, runId: string): Promise<Operations>;
  /** Makes so many runs of two nodes, and lists them: what is counted is the list alone. */
  list(mode: Durability, runs: number): Promise<Operations>;
}

interface Env {
  readonly RUNS: KvNamespace;
}

// biome-ignore lint/style/noDefaultExport: workerd looks for the handler there
export default serve<Env>(({ RUNS }): KvWorker => {
  const operations: Operations = { reads: 0, writes: 0, deletes: 0, lists: 0 };
  const store = (namespace: string) => cloudflareKvStore(counted(RUNS, operations), { namespace });
  return {
    async run(recorded) {
      const provenance = new DagProvenance(store("runs"), { durability: recorded.mode });
      return { runId: await execute(recorded, provenance), operations };
    },

    async read(recorded, runId) {
      const { graph } = declare(recorded);
      const provenance = new DagProvenance(store("runs"));
      const { executions } = await provenance.inspect(runId);
      const completed = executions.filter(({ status }) => status === "completed").length;
      if (completed !== graph.size) throw new Error(`${completed} of ${graph.size} nodes are recorded.`);
      const output = await provenance.loadOutput(runId, graph.labels.at(-1) ?? "");
      if (output !== graph.expected.at(-1)) throw new Error(`The last output is recorded as ${output}.`);
      return operations;
    },

    async fail(recorded) {
      return { runId: await failing(recorded).fail(store("failed")), operations };
    },

    async restart(recorded, runId) {
      await failing(recorded).restart(store("failed"), runId);
      return operations;
    },

    async list(mode, runs) {
      const unlisted = new DagProvenance(cloudflareKvStore(RUNS, { namespace: mode }), { durability: mode });
      for (let made = 0; made < runs; made++) {
        await execute({ shape: "chain", size: 2, mode, nodeMs: 0 }, unlisted);
      }
      const listed = await new DagProvenance(store(mode)).listRuns({ limit: runs });
      const completed = listed.runs.filter(({ status }) => status === "completed").length;
      if (completed !== runs) throw new Error(`${completed} of ${runs} runs are listed as completed.`);
      return operations;
    },
  };
});

/** Executes a dag, and checks what it gave; the id of the run. */
async function execute(recorded: Recorded, provenance: DagProvenance): Promise<string> {
  const { graph, declared } = declare(recorded);
  const { runId, outputs } = await new DagRunner(declared, { provenance }).run();
  check({ name: recorded.mode, records: false }, graph, { sinks: sinksOf(graph, outputs), recorded: 0 });
  return runId;
}

function declare({ shape, size, nodeMs }: Recorded) {
  const graph = makeGraph(shape, size);
  const nodes = write(graph, (upstreams) => makeNode(upstreams, () => pause(nodeMs)));
  return { graph, declared: dag("kv", nodes) as unknown as Dag };
}

function failing({ shape, size, mode, nodeMs }: Recorded) {
  return restarting(shape, size - 1, { durability: mode, atOthers: () => pause(nodeMs) });
}

function pause(ms: number): unknown {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}

/** The same namespace; calls are counted. */
function counted(kv: KvNamespace, operations: Operations): KvNamespace {
  const count = <Args extends unknown[], Result>(kind: keyof Operations, call: (...args: Args) => Result) => {
    return (...args: Args): Result => {
      operations[kind]++;
      return call(...args);
    };
  };
  return {
    getWithMetadata: count("reads", kv.getWithMetadata.bind(kv)),
    put: count("writes", kv.put.bind(kv)),
    delete: count("deletes", kv.delete.bind(kv)),
    list: count("lists", kv.list.bind(kv)),
  };
}
