// A Worker with a runner and a store at module scope, where those of careless people are, and one clock that stands
// still: that of a deployed Worker does while code runs, the one of workerd on this machine does not.

import { chain, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { cloudflareKvStore, type KvNamespace } from "heddle/adapters/cloudflare-kv";
import { memoryStore } from "heddle/adapters/memory";

const Num = type<number>("Num");
const source = type<number>("Source");

const later = (n: number) => new Promise<number>((resolve) => setTimeout(resolve, 5, n));

const double = node({ input: { n: source }, output: Num, run: ({ n }) => later(2 * n) });
const add = node({ input: { n: Num }, output: Num, run: ({ n }) => later(n + 2) });
const sums = dag("sums", { nodes: { double, add }, edges: chain("double", "add") });
const provenance = new DagProvenance(memoryStore());
const shared = new DagRunner(sums, { provenance });

const hang = node({ output: Num, run: () => new Promise<number>(() => {}) });
const hanging = new DagRunner(dag("hanging", { nodes: { hang } }), { provenance });

const STILL = {
  now: () => 1_795_000_000_000,
  after(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  isCoarse: true,
};

/** Runs, fails, retries and restarts while no time passes. */
async function still(kv: KvNamespace) {
  const now = Date.now;
  const performanceNow = performance.now;
  Date.now = STILL.now;
  performance.now = () => 0;
  try {
    let tries = 0;
    let lateTries = 0;
    const give = node({ output: Num, run: () => 1 });
    const flaky = node({
      input: { n: Num },
      output: Num,
      retry: { attempts: 2, delayMs: 1 },
      timeoutMs: 10_000,
      run({ n }) {
        if (++tries === 1) throw new Error("once");
        return n + 1;
      },
    });
    const late = node({
      input: { n: Num },
      output: Num,
      run({ n }) {
        if (++lateTries === 1) throw new Error("late");
        return n + 1;
      },
    });
    const work = dag("work", { nodes: { give, flaky, late }, edges: chain("give", "flaky", "late") });
    const records = new DagProvenance(cloudflareKvStore(kv, { namespace: "still" }));
    const runner = new DagRunner(work, { provenance: records, clock: STILL });
    const first = await runner.run();
    const second = await runner.restart(first.runId);
    for (const _ of [1, 2]) await runner.run();
    const { executions } = await records.inspect(first.runId);
    const attempts = executions.flatMap(({ path, attempts }) => attempts.map((attempt) => ({ path, ...attempt })));
    const { runs } = await records.listRuns();
    return {
      first: first.status,
      failedNode: first.status === "failed" && first.failedNode,
      second: second.status,
      output: second.status === "completed" && second.outputs.late,
      order: attempts.map(({ path, status }) => `${path} ${status}`),
      durations: [...new Set(attempts.map(({ durationMs }) => durationMs))],
      coarse: [...new Set(attempts.map(({ coarse }) => coarse))],
      list: runs.map(({ status }) => status),
      ids: new Set(runs.map(({ runId }) => runId)).size,
    };
  } finally {
    Date.now = now;
    performance.now = performanceNow;
  }
}

/** Whether the record of a run says that its times are coarse, by the clock of the platform. */
export async function coarseHere(): Promise<boolean | undefined> {
  const { runId } = await shared.run({ double: { n: 1 } });
  return (await provenance.inspect(runId)).executions[0]?.attempts[0]?.coarse;
}

async function answer({ pathname, searchParams }: URL, kv: KvNamespace): Promise<unknown> {
  switch (pathname) {
    case "/shared": {
      const result = await shared.run({ double: { n: Number(searchParams.get("n")) } });
      return { status: result.status, sum: result.status === "completed" && result.outputs.add };
    }
    case "/replay": {
      const [run] = (await provenance.listRuns({ dag: "sums" })).runs;
      const { status, runId } = await shared.replay(run?.runId ?? "", { rerun: ["add"] });
      const { executions } = await provenance.inspect(runId);
      return { status, reused: executions.filter(({ status }) => status === "reused").length };
    }
    case "/forever":
      return hanging.run();
    case "/still":
      return still(kv);
    case "/coarse":
      return { coarse: await coarseHere() };
  }
}

// biome-ignore lint/style/noDefaultExport: workerd looks for the handler there
export default {
  async fetch(request: Request, { RUNS }: { readonly RUNS: KvNamespace }): Promise<Response> {
    return Response.json((await answer(new URL(request.url), RUNS)) ?? {});
  },
};
