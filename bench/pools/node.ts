// The pools of Node, with worker threads.

import { Worker } from "node:worker_threads";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { nodeWorkers } from "heddle/adapters/node-workers";
import { Piscina } from "piscina";
import { FixedThreadPool } from "poolifier";
import Tinypool from "tinypool";
import type { Files } from "../thread-files.js";
import { comlink } from "./comlink.js";
import type { Executors } from "./heddle.js";
import { type Pool, SIZE, type Wire } from "./pool.js";
import { raw, rawInBatches } from "./raw.js";
import { workerpoolOf } from "./workerpool.js";

export function poolsOfNode(files: Files): Pool[] {
  const wire = () => wireOf(new Worker(files.path("raw")));
  return [
    rawInBatches(wire),
    raw(wire),
    comlink(() => nodeEndpoint(new Worker(files.path("comlink")))),
    poolifier(files.path("poolifier")),
    tinypool(files.path("exports")),
    piscina(files.path("exports")),
    workerpoolOf(files.path("workerpool"), { workerType: "thread" }),
  ];
}

export function executorsOfNode(files: Files): Executors {
  return (options, file = "heddle") => nodeWorkers(files.path(file), options);
}

function wireOf(worker: Worker): Wire {
  return {
    post: (message, moved) => worker.postMessage(message, moved as ArrayBuffer[]),
    hear: (listener) => void worker.on("message", listener),
  };
}

function poolifier(file: string): Pool {
  const pool = new FixedThreadPool(SIZE, file);
  return { name: "poolifier", run: (task, given) => pool.execute(given, task) };
}

function tinypool(filename: string): Pool {
  const pool = new Tinypool({ filename, minThreads: SIZE, maxThreads: SIZE });
  return { name: "tinypool", run: (task, given) => pool.run(given, { name: task }) };
}

function piscina(filename: string): Pool {
  const pool = new Piscina({ filename, minThreads: SIZE, maxThreads: SIZE });
  return { name: "piscina", run: (task, given) => pool.run(given, { name: task }) };
}
