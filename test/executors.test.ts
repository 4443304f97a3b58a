// The cases on executors, inline and in worker threads of Node. Web Workers, Deno and Bun have theirs in the matrix.

import { resolve } from "node:path";
import { memoryStore } from "heddle/adapters/memory";
import { nodeWorkers, type WorkerExecutor } from "heddle/adapters/node-workers";
import { executorCases } from "heddle/conformance";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type WorkerFile, workerFile } from "./support/worker-file.js";

let file: WorkerFile;
let executor: WorkerExecutor;

beforeAll(async () => {
  file = await workerFile(resolve(import.meta.dirname, "matrix/inside/serving.ts"));
  executor = nodeWorkers(file.url, { size: 2, graceMs: 50 });
});
afterAll(() => {
  executor.close();
  file.remove();
});

describe("inline", () => {
  test.each(executorCases)("$name", ({ run }) =>
    run({ executor: undefined, hasWorkers: false, createStore: memoryStore }),
  );
});

describe("in worker threads", () => {
  test.each(executorCases)("$name", ({ run }) => run({ executor, hasWorkers: true, createStore: memoryStore }));
});
