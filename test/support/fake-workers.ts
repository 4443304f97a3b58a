// Workers that only note what they are told, and say what a test lets them say.

import type { AnyNode, BaseContext, Task } from "heddle";
import type { Events, Handle } from "../../adapters/workers/member.js";
import { Pool } from "../../adapters/workers/pool.js";
import { type Call, type Order, PROTOCOL, type Report } from "../../adapters/workers/protocol.js";

/** The key of the one function that they serve. */
export const KEY = "d\0a";

/** A worker as its test sees it. */
class FakeWorker implements Handle {
  readonly #events: Events;
  readonly orders: Order[] = [];
  isEnded = false;
  /** Shows which call runs. */
  readonly cell = new Int32Array(new SharedArrayBuffer(4)).fill(-1);

  constructor(events: Events) {
    this.#events = events;
    const served = [{ dag: "d", address: "a", version: undefined }];
    queueMicrotask(() => this.say(["hello", { protocol: PROTOCOL, served, lock: undefined, running: this.cell }]));
  }

  get calls(): readonly Call[] {
    return this.orders.filter((order) => order[0] === "call");
  }

  post(orders: readonly Order[]): void {
    structuredClone(orders);
    this.orders.push(...orders);
  }

  terminate(): void {
    this.isEnded = true;
  }

  say(...reports: readonly Report[]): void {
    this.#events.reported(reports);
  }

  die(): void {
    this.#events.died(new Error("gone"), true);
  }
}

/** A pool of one worker, which has said what it serves. After 10 s without work it is ended. */
export async function fakePool() {
  const workers: FakeWorker[] = [];
  const state = { canStart: true };
  const spawn = (events: Events): Handle => {
    if (!state.canStart) throw new Error("no more of them");
    const worker = new FakeWorker(events);
    workers.push(worker);
    return worker;
  };
  const pool = new Pool(spawn, { size: 1, idleMs: 10_000, graceMs: 100 });
  await pool.hello();
  return { pool, state, worker: workers[0] as FakeWorker };
}

/** A task of one run. */
export function taskWith({
  input = {},
  effect = false,
  aborted,
}: {
  input?: object;
  effect?: boolean;
  aborted?: Error;
}) {
  const context = { runId: "r", dag: "d", label: "x", path: "x", attempt: 1, epoch: 0 } as BaseContext;
  const node = { effect } as AnyNode;
  return {
    node,
    input: input as Task["input"],
    context,
    answers: undefined,
    moves: [],
    begins() {},
    pauses() {},
    onAbort(listener) {
      if (aborted) listener(aborted);
    },
  } satisfies Task;
}
