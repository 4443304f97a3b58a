// The Worker of the examples in real workerd, on real data; and pitfall 11: what belongs to a request stays in it, and
// the clock may stand still.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DagRunner } from "heddle";
import type { RequestInit } from "miniflare";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { birdstrikesJob } from "../../examples/birdstrikes/job.js";
import { dataFile } from "../../examples/shared/data-file.js";
import { bundle } from "../browsers/bundle.js";
import { startWorker } from "./workerd.js";

const WORKER = resolve(import.meta.dirname, "../../examples/worker/worker.ts");
const REQUESTS = resolve(import.meta.dirname, "requests.ts");

interface Answer {
  readonly runId: string;
  readonly status: string;
  readonly [other: string]: unknown;
}

let scripts: ReadonlyMap<string, string>;
let report: unknown;

beforeAll(async () => {
  scripts = await bundle([WORKER, REQUESTS], { esbuild: { splitting: false } });
  const { dag, context, inputs } = birdstrikesJob;
  const result = await new DagRunner(dag, { context }).run(inputs());
  // As it comes out of JSON.
  report = JSON.parse(JSON.stringify(result.status === "completed" && result.outputs.report));
});

/** Starts a Worker, without Node compatibility. */
async function start(name: string, bindings: Record<string, string> = {}) {
  const miniflare = startWorker(scripts.get(`${name}.js`) ?? "", bindings);
  onTestFinished(() => miniflare.dispose());
  const ask = async (path: string, init?: RequestInit) => {
    const response = await miniflare.dispatchFetch(`http://localhost${path}`, init);
    return { status: response.status, body: (await response.json()) as Answer };
  };
  return async (path: string, init?: RequestInit) => {
    let answer = await ask(path, init);
    // On a busy machine its time is over before it is done.
    while (answer.body.status === "paused")
      answer = await ask(`/runs/${answer.body.runId}/restart`, { method: "POST" });
    return answer;
  };
}

/** Long enough to read a file, on a busy machine. */
const READ_MS = 5_000;

/** Serves the data, until it is told to break down. */
async function serveData() {
  const asked: string[] = [];
  const down = new Set<string>();
  let served = Promise.resolve();
  const server = createServer(async ({ url = "" }, response) => {
    const name = basename(url);
    asked.push(name);
    if (!down.has(name)) {
      response.end(readFileSync(dataFile(name)));
      served = once(response, "finish").then(() => sleep(READ_MS));
      return;
    }
    // What was served beside it is read by then, and not aborted.
    await served;
    response.writeHead(503, "Down").end();
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return { asked, down, DATA_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

describe("a Worker that runs a dag", () => {
  test("answers with its result, and reads it back from KV in a later request", async () => {
    const { asked, DATA_URL } = await serveData();
    const worker = await start("worker", { DATA_URL });
    const { status, body } = await worker("/runs", { method: "POST" });
    expect(status).toBe(200);
    expect(body).toEqual({ runId: body.runId, status: "completed", report });
    expect(asked.toSorted()).toEqual(["airports.csv", "birdstrikes.csv"]);
    expect(await worker(`/runs/${body.runId}`)).toEqual({ status: 200, body });
    expect((await worker("/runs")).body).toMatchObject([{ runId: body.runId, status: "completed" }]);
    expect(asked).toHaveLength(2);
  });

  test("restarts a run that failed, and executes nothing again that was stored", async () => {
    const { asked, down, DATA_URL } = await serveData();
    const worker = await start("worker", { DATA_URL });
    down.add("airports.csv");
    const failed = await worker("/runs", { method: "POST" });
    const { runId } = failed.body;
    expect(failed).toMatchObject({
      status: 502,
      body: { status: "failed", failedNode: "readAirports", error: "airports.csv: 503 Down" },
    });
    expect((await worker(`/runs/${runId}`)).body).toMatchObject({ status: "failed", failedNode: "readAirports" });
    expect(await worker(`/runs/${runId}/restart`, { method: "POST" })).toMatchObject({ status: 502 });
    down.clear();
    const restarted = await worker(`/runs/${runId}/restart`, { method: "POST" });
    expect(restarted).toEqual({ status: 200, body: { runId, status: "completed", report } });
    expect(asked.filter((name) => name === "birdstrikes.csv")).toHaveLength(1);
    expect(await worker(`/runs/${runId}/restart`, { method: "POST" })).toMatchObject({
      status: 409,
      body: { code: "RUN_COMPLETED" },
    });
  });

  test("says what it does not know", async () => {
    const worker = await start("worker", { DATA_URL: "http://127.0.0.1/" });
    for (const path of ["/runs/none", "/", "/runs/a/b", "/runs/%E0%A4%A", "/runs/a/restart/now"]) {
      expect(await worker(path), path).toMatchObject({ status: 404 });
    }
    const restart = await worker("/runs/none/restart", { method: "POST" });
    expect(restart).toMatchObject({ status: 404, body: { code: "RUN_NOT_FOUND" } });
  });
});

describe("pitfall 11: a request and a clock at the edge", () => {
  test("requests that run the same dag at once share nothing that belongs to one of them", async () => {
    const { asked, DATA_URL } = await serveData();
    const worker = await start("worker", { DATA_URL });
    const answers = await Promise.all(Array.from({ length: 4 }, () => worker("/runs", { method: "POST" })));
    expect(new Set(answers.map(({ body }) => body.runId)).size).toBe(4);
    for (const { body } of answers) expect(body).toMatchObject({ status: "completed", report });
    expect(asked).toHaveLength(8);
  });

  test("a runner and a memory store at module scope serve requests at once, and one that never ends holds up no other", async () => {
    const worker = await start("requests");
    const forever = worker("/forever");
    forever.catch(() => {});
    const answers = await Promise.all(Array.from({ length: 4 }, (_, n) => worker(`/shared?n=${n}`)));
    expect(answers.map(({ body }) => body)).toEqual([0, 1, 2, 3].map((n) => ({ status: "completed", sum: 2 * n + 2 })));
    // The record of another request is read, and its run replayed.
    expect((await worker("/replay")).body).toEqual({ status: "completed", reused: 1 });
  });

  test("a clock that stands still confuses no record, and durations are marked as coarse", async () => {
    const worker = await start("requests");
    const { body } = await worker("/still");
    expect(body).toEqual({
      first: "failed",
      failedNode: "late",
      second: "completed",
      output: 3,
      order: ["give completed", "flaky failed", "flaky completed", "late failed", "late completed"],
      durations: [0],
      coarse: [true],
      list: ["completed", "completed", "completed"],
      ids: 3,
    });
  });

  test("the clock of the platform is marked as coarse in Workers, and nowhere else", async () => {
    const worker = await start("requests");
    expect((await worker("/coarse")).body).toEqual({ coarse: true });
    const { coarseHere } = await import("./requests.js");
    expect(await coarseHere()).toBeUndefined();
  });
});
