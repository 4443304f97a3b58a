// The cases on executors, inline and in worker threads of Node. Web Workers, Deno and Bun have theirs in the matrix.

import { memoryStore } from "heddle/adapters/memory";
import { nodeWorkers, type WorkerExecutor } from "heddle/adapters/node-workers";
import { executorCases } from "heddle/conformance";
import { afterAll, beforeAll, describe, test } from "vitest";
import { bundle } from "./processes/bundle.js";

let executor: WorkerExecutor;

beforeAll(async () => {
  executor = nodeWorkers(await bundle("../matrix/inside/serving.ts"), { size: 2, graceMs: 50 });
});
afterAll(() => executor.close());

describe("inline", () => {
  test.each(executorCases)("$name", ({ run }) =>
    run({ executor: undefined, hasWorkers: false, createStore: memoryStore }),
  );
});

describe("in worker threads", () => {
  test.each(executorCases)("$name", ({ run }) => run({ executor, hasWorkers: true, createStore: memoryStore }));
});
