// Kills workers at random while nested dags run in them, and looks whether anybody noticed.

import { DagProvenance, DagRunner, type Executor, type RunInspection } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { Draws } from "../support/mutate-records.js";
import { nestedOf, SEEDS } from "./nested.js";

/** Where workers can be killed. */
export interface Killing {
  readonly executor: Executor;
  /** Kills one of the workers that are there, chosen by a number below 1; false if there is none. */
  kill(choice: number): boolean;
}

/** What came of it. */
export interface Killed {
  readonly kills: number;
  readonly runs: number;
  /** Attempts that were recorded as failed with their worker. */
  readonly failed: number;
}

const RUNS_AT_ONCE = 3;

/** Runs dags until so many workers were killed. @throws an Error that names the run that went wrong. */
export async function killWorkers({ executor, kill }: Killing, kills: number, seed: number): Promise<Killed> {
  const draws = new Draws(seed);
  const total = { kills: 0, runs: 0, failed: 0 };
  let isOver = false;
  const killing = (async () => {
    while (total.kills < kills) {
      await new Promise((resolve) => setTimeout(resolve, draws.below(80)));
      if (kill(draws.below(1_000) / 1_000)) total.kills++;
    }
    isOver = true;
  })();
  const running = Array.from({ length: RUNS_AT_ONCE }, async () => {
    while (!isOver) total.failed += await runOne(executor, ++total.runs);
  });
  await Promise.all([killing, ...running]);
  return total;
}

/** Runs one dag, and returns how many attempts failed. */
async function runOne(executor: Executor, number: number): Promise<number> {
  const { root, evaluate } = nestedOf(1 + (number % SEEDS));
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(root, { executor, provenance }) as unknown as {
    run(inputs: object): Promise<{ status: string; runId: string; outputs: Record<string, unknown> }>;
  };
  const result = await runner.run({ n0: { n: number } });
  const [output] = Object.values(result.outputs);
  if (result.status !== "completed" || output !== evaluate(number)) {
    throw new Error(
      `Run ${number} is ${result.status} with ${output} instead of ${evaluate(number)}: ${JSON.stringify(result)}`,
    );
  }
  return failedIn(await provenance.inspect(result.runId));
}

/** Counts failed attempts; each path has completed once, and nothing else has happened. */
function failedIn({ executions }: RunInspection): number {
  let failed = 0;
  for (const { path, composite, attempts } of executions) {
    if (composite) continue;
    const completed = attempts.filter(({ status }) => status === "completed");
    const died = attempts.filter(({ error }) => (error as { code?: unknown } | undefined)?.code === "WORKER_DIED");
    if (completed.length !== 1 || completed.length + died.length !== attempts.length) {
      throw new Error(`Path ${path} has the attempts ${JSON.stringify(attempts)}`);
    }
    failed += died.length;
  }
  return failed;
}
