// What every executor must do, as cases without a test framework. Some say what only workers do, and what others do
// instead.

import {
  type AnyDag,
  DagProvenance,
  DagRunner,
  type Executor,
  HeddleError,
  type JournalEvent,
  type Overrides,
  type Store,
} from "../src/index.js";
import {
  asking,
  dying,
  EXECUTOR_CONTEXT,
  limited,
  newer,
  passing,
  returning,
  seeing,
  sharing,
  spinning,
  staying,
  summing,
  throwing,
  trying,
  unserved,
  unservedWorker,
  waiting,
} from "./executor-dags.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { completed } from "./running.js";
import { KEPT } from "./values.js";

/** Where a case runs its dags. */
export interface ExecutorScene {
  /** Nothing for the executor that a runner has without one. */
  readonly executor: Executor | undefined;
  /** True if it runs functions in workers, which serve {@link executorDags} with {@link executorContext}. */
  readonly hasWorkers: boolean;
  /** Makes a store of any kind: how functions ran is read in records. */
  createStore(): Store;
}

/** One thing that every executor must do. */
export interface ExecutorCase {
  readonly name: string;
  /** Rejects, with an error that says what was expected. */
  run(scene: ExecutorScene): Promise<void>;
}

/** A runner with a record of its own. */
function runnerOf(scene: ExecutorScene, one: AnyDag, overrides?: Record<string, unknown>) {
  const provenance = new DagProvenance(scene.createStore());
  const { executor } = scene;
  const options = { provenance, context: EXECUTOR_CONTEXT, ...(executor ? { executor } : {}) };
  const runner = new DagRunner(one, {
    ...options,
    ...(overrides ? { overrides: overrides as Overrides<object> } : {}),
  });
  return { provenance, runner: runner as DagRunner<never, never> & AnyRunner };
}

/** What the cases call, without the types of one dag. */
interface AnyRunner {
  run(inputs?: object, options?: object): ReturnType<DagRunner<never, never>["run"]>;
}

/** The attempts of a path, as they are recorded. */
async function attemptsOf(provenance: DagProvenance, runId: string, path: string) {
  const { executions } = await provenance.inspect(runId);
  const found = executions.find((one) => one.path === path);
  expect(found, `Nothing is recorded of "${path}".`);
  return found.attempts;
}

/** Runs a dag, and says how its one failure is recorded. */
async function failureOf(scene: ExecutorScene, one: AnyDag, inputs: object = {}) {
  const { runner, provenance } = runnerOf(scene, one);
  const result = await runner.run(inputs);
  expect(result.status === "failed", `A run that should have failed is ${result.status}.`);
  const error = result.error as Error & { code?: string };
  return { error, result, attempts: await attemptsOf(provenance, result.runId, result.failedNode) };
}

const CASES: Readonly<Record<string, ExecutorCase["run"]>> = {
  async "outputs of many short functions come back in order"(scene) {
    const { runner, provenance } = runnerOf(scene, summing);
    const { outputs, runId } = await completed(runner.run({ give: { count: 1_000 } }));
    expectEqual(outputs, { sum: 999_000 }, "the outputs");
    const { executions } = await provenance.inspect(runId);
    const tries = executions.map(({ attempts }) => attempts.length);
    expect(
      tries.every((count) => count <= 1),
      "A function ran twice.",
    );
  },

  async "values of each kind come through, or are refused by their place"(scene) {
    for (const [kind, make] of Object.entries(KEPT)) {
      // Their stacks say where they were made; those that are thrown have a case of their own.
      if (/error|exception/i.test(kind)) continue;
      const { runner } = runnerOf(scene, passing);
      const result = await runner.run({ give: { kind } });
      const copy = scene.hasWorkers ? cloned(make()) : { value: make() };
      if (copy) expectEqual(result.outputs, { take: copy.value }, `what comes of ${kind}`);
      else expectEqual((result as { error?: { code?: unknown } }).error?.code, "NOT_CLONEABLE", `the error of ${kind}`);
    }
  },

  async "functions see the context that they see inline"(scene) {
    const { runner, provenance } = runnerOf(scene, seeing);
    const { outputs, runId } = await completed(runner.run());
    const seen = {
      runId,
      dag: "seeing",
      label: "look",
      path: "look",
      attempt: 1,
      epoch: 1,
      idempotencyKey: `${runId}/look`,
      ...EXECUTOR_CONTEXT,
      aborted: false,
    };
    expectEqual(outputs, { look: seen, later: "later" }, "what they saw");
    const [attempt] = await attemptsOf(provenance, runId, "look");
    expectEqual(
      attempt?.logs.map(({ message }) => message),
      ["a line"],
      "the log",
    );
    expectEqual(attempt?.progress, { done: 1, total: 2 }, "the progress");
    const [later] = await attemptsOf(provenance, runId, "later");
    expectEqual(later?.logs.length, 1, "the lines that a function logged after its first await");
  },

  async "errors come with name, message, stack, code, cause and properties"(scene) {
    const { error } = await failureOf(scene, throwing, { fail: { how: "error" } });
    const { name, message, stack, cause, code } = error;
    expectEqual([name, message, code], ["TypeError", "the message", "E_CODE"], "the error");
    expectEqual((error as { rows?: unknown }).rows, [1, { a: 2 }], "its own property");
    expectEqual([(cause as Error).name, (cause as Error).message], ["RangeError", "the cause"], "its cause");
    expect(error instanceof TypeError && cause instanceof RangeError, "It or its cause has lost its class.");
    // Some engines tell the places only.
    expect(/executor-dags|throwing|run/.test(String(stack)), `The stack does not say where it was thrown: ${stack}`);
    const many = await failureOf(scene, throwing, { fail: { how: "aggregate" } });
    expectEqual((many.error as AggregateError).errors.length, 2, "the errors in an AggregateError");
    const text = await failureOf(scene, throwing, { fail: { how: "text" } });
    expect(text.error.message.includes("a text"), `A text that was thrown is ${text.error.message}.`);
    expectEqual(text.error.code, "NODE_THREW", "the code of a text that was thrown");
    const withFunction = await failureOf(scene, throwing, { fail: { how: "function" } });
    expectEqual(withFunction.error.message, "with a function", "the message of an error that cannot be cloned");
    expectEqual((withFunction.error as { n?: unknown }).n, 1, "what of it can be");
  },

  async "what is thrown or a cause and no error arrives as it is, and is recorded once"(scene) {
    const values = { text: "a text", object: { a: [1] }, "plain cause": { a: [1] }, "no cause": null };
    for (const [how, value] of Object.entries(values)) {
      const { error, attempts } = await failureOf(scene, throwing, { fail: { how } });
      expectEqual(error.cause, value, `the cause where it is ${how}`);
      expect(!Object.keys(error).includes("cause"), "The cause is listed among the properties of the error.");
      expectEqual(attempts[0]?.error?.cause?.cause, undefined, `the cause of the recorded cause where it is ${how}`);
    }
  },

  async "a function that fails is tried again"(scene) {
    const { runner, provenance } = runnerOf(scene, trying);
    const { outputs, runId } = await completed(runner.run());
    expectEqual(outputs, { again: 3 }, "the outputs");
    expectEqual((await attemptsOf(provenance, runId, "again")).length, 3, "the number of tries");
  },

  async "a function pauses the run, and goes on with the answer"(scene) {
    const { runner } = runnerOf(scene, asking);
    const paused = await runner.run();
    expect(paused.status === "paused", `The run is ${paused.status}.`);
    expectData(paused.pauses, [{ path: "ask", reason: "how many?", payload: { least: 1 } }], "what is asked");
    const { outputs } = await completed(runner.restart(paused.runId, { resume: { ask: 7 } }));
    expectEqual(outputs, { ask: 7 }, "the outputs");
  },

  async "what cannot be cloned fails its node, and says where it stands"(scene) {
    if (!scene.hasWorkers) {
      const { runner } = runnerOf(scene, returning);
      return void ((await completed(new DagRunner(returning).run())) && runner);
    }
    const { error, result } = await failureOf(scene, returning);
    expectEqual([error.code, result.failedNode], ["NOT_CLONEABLE", "parser"], "the error");
    expect(error instanceof HeddleError, "It is no HeddleError.");
    expect(error.message.includes(".rows[1].parse"), `It does not say where: ${error.message}`);
  },

  async "the record says where functions ran, and why not in a worker"(scene) {
    const { executor, hasWorkers } = scene;
    const there = hasWorkers ? (executor?.name ?? "") : "inline";
    const { runner, provenance } = runnerOf(scene, staying);
    const { runId } = await completed(runner.run());
    for (const path of ["here", "loop"]) {
      const [attempt] = await attemptsOf(provenance, runId, path);
      expectEqual(attempt?.executor, "inline", `where "${path}" ran`);
    }
    const look = runnerOf(scene, seeing);
    const seen = await completed(look.runner.run());
    for (const path of ["look", "later"]) {
      const [attempt] = await attemptsOf(look.provenance, seen.runId, path);
      expectEqual(attempt?.executor, there, `where "${path}" ran`);
    }
    const elsewhere = runnerOf(scene, unserved);
    const unseen = await completed(elsewhere.runner.run());
    const [attempt] = await attemptsOf(elsewhere.provenance, unseen.runId, "one");
    expectEqual(attempt?.executor, hasWorkers ? "inline (not served)" : "inline", "where what is not served ran");
    const mocked = runnerOf(scene, summing, { sum: { ...summing.nodes.sum, run: () => -1 } });
    const { outputs, runId: mockedRun } = await completed(mocked.runner.run({ give: { count: 2 } }));
    expectEqual(outputs, { sum: -1 }, "the outputs with a node overridden");
    const [mock] = await attemptsOf(mocked.provenance, mockedRun, "sum");
    expectEqual(mock?.executor, hasWorkers ? "inline (overridden)" : "inline", "where it ran");
  },

  async "what must run in a worker and cannot fails, and so does another version of it"(scene) {
    if (!scene.hasWorkers) return void (await completed(runnerOf(scene, unservedWorker).runner.run()));
    const { error } = await failureOf(scene, unservedWorker);
    expectEqual(error.code, "NOT_SERVED", "the error");
    expect(error.message.includes('"one"'), `It does not name the node: ${error.message}`);
    const { error: mismatch } = await failureOf(scene, newer);
    expectEqual(mismatch.code, "WORKER_MISMATCH", "the error of another version");
    expect(/version 1 .*2/.test(mismatch.message), `It does not name both: ${mismatch.message}`);
  },

  async "a busy function is ended when its time is over, and the next one runs"(scene) {
    // On the event loop nobody could end it.
    if (!scene.hasWorkers) return;
    const { error, attempts } = await failureOf(scene, limited);
    expectEqual(error.code, "TIMEOUT", "the error");
    expectEqual(attempts.length, 1, "the number of attempts");
    await completed(runnerOf(scene, summing).runner.run({ give: { count: 10 } }));
  },

  async "pitfall 7: a busy function is ended when its run is cancelled, and others do not notice"(scene) {
    if (!scene.hasWorkers) return;
    const others = Array.from({ length: 4 }, () => runnerOf(scene, summing));
    const provenance = new DagProvenance(scene.createStore());
    let begins!: () => void;
    const begun = new Promise<void>((resolve) => {
      begins = resolve;
    });
    // It says so from the middle of its loop.
    const onEvent = ({ type }: JournalEvent) => type === "node-progress" && begins();
    const executor = scene.executor as Executor;
    const run = new DagRunner(spinning, { provenance, executor, onEvent }).run({ spin: { how: "forever" } });
    const running = others.map((one) => completed(one.runner.run({ give: { count: 200 } })));
    await begun;
    run.cancel("no more");
    const { status, runId } = await run;
    expectEqual(status, "cancelled", "the status");
    const [attempt] = await attemptsOf(provenance, runId, "spin");
    expectEqual((attempt?.error as { code?: string } | undefined)?.code, "KILLED", "the recorded error");
    for (const [i, { outputs, runId: otherId }] of (await Promise.all(running)).entries()) {
      expectEqual(outputs, { sum: 39_800 }, "the outputs of the others");
      const { executions } = await (others[i] as (typeof others)[number]).provenance.inspect(otherId);
      expect(
        executions.every(({ attempts }) => attempts.length <= 1),
        "A function of another run was tried twice.",
      );
    }
  },

  async "memory that is shared is the same everywhere, where the platform shares it"(scene) {
    const { executor } = scene;
    const runner = new DagRunner(sharing, executor ? { executor } : {});
    const { outputs } = await completed(runner.run());
    // Pages that are not isolated from others have no such memory.
    const isShared = !scene.hasWorkers || typeof SharedArrayBuffer === "function";
    expectEqual(outputs, { look: isShared ? 2 : 0 }, "what was written by two functions");
  },

  async "a function that listens is told to stop before anything else"(scene) {
    const { error, attempts } = await failureOf(scene, waiting);
    expectEqual(error.code, "TIMEOUT", "the error");
    expectEqual(attempts.length, 1, "the number of attempts");
  },

  async "long functions run beside each other, and short ones do not wait behind them"(scene) {
    if (!scene.hasWorkers) return;
    // Whoever waited for it would wait forever.
    const long = runnerOf(scene, spinning).runner.run({ spin: { how: "forever" } });
    await completed(runnerOf(scene, summing).runner.run({ give: { count: 50 } }));
    long.cancel();
    expectEqual((await long).status, "cancelled", "the status of the long one");
  },

  async "pitfall 6: a worker that dies fails what it ran, and the next one takes over"(scene) {
    if (!scene.hasWorkers) return;
    const { runner } = runnerOf(scene, dying);
    const exit = await runner.run({ die: { how: "exit" } });
    // A Web Worker that closes itself ends its function first.
    if (exit.status !== "completed") {
      expect(exit.status === "failed", `The run is ${exit.status}.`);
      expectEqual((exit.error as { code?: string }).code, "WORKER_DIED", "the error");
    }
    await completed(runnerOf(scene, summing).runner.run({ give: { count: 10 } }));
    await completed(runner.run({ die: { how: "stray" } }));
    await completed(runnerOf(scene, summing).runner.run({ give: { count: 10 } }));
  },
};

/** The copy that a border makes; nothing if it makes none. */
function cloned(value: unknown): { readonly value: unknown } | undefined {
  try {
    return { value: structuredClone(structuredClone(value)) };
  } catch {
    return undefined;
  }
}

/** All cases on executors. */
export const executorCases: readonly ExecutorCase[] = Object.entries(CASES).map(([sentence, run]) => ({
  name: `executor: ${sentence}`,
  run,
}));
export { EXECUTOR_CONTEXT as executorContext, EXECUTOR_DAGS as executorDags } from "./executor-dags.js";
