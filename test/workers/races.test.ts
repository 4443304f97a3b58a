// A pool with workers whose messages come when the test says so: what real ones do too seldom to be waited for.

import { setTimeout as sleep } from "node:timers/promises";
import { DagRunner } from "heddle";
import { nodeWorkers } from "heddle/adapters/node-workers";
import { expect, onTestFinished, test, vi } from "vitest";
import { bundle } from "../processes/bundle.js";
import { fakePool, KEY, taskWith } from "../support/fake-workers.js";
import { until } from "../support/until.js";
import { outer } from "./nested-names.js";

const short = () => ({ ms: 0.1, calls: 0 });
const unknown = () => ({ ms: undefined, calls: 0 });

test("a call fails if there is no worker any more and none can be started", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  onTestFinished(() => void vi.restoreAllMocks());
  const { pool, state, worker } = await fakePool();
  state.canStart = false;
  worker.die();
  await expect(pool.run(taskWith({}), KEY, unknown())).rejects.toMatchObject({ code: "WORKER_DIED" });
  state.canStart = true;
  const run = pool.run(taskWith({}), KEY, unknown());
  pool.close();
  await expect(run).rejects.toMatchObject({ code: "POOL_CLOSED" });
});

test("however many wait that cannot be cloned, each fails for that reason", async () => {
  const { pool, worker } = await fakePool();
  const first = pool.run(taskWith({}), KEY, unknown());
  const input = { parse: () => 1 };
  const rest = Array.from({ length: 5_000 }, () => pool.run(taskWith({ input }), KEY, unknown()));
  const outcomes = Promise.allSettled(rest);
  worker.say(["returned", worker.calls[0]?.[1] as number, 1, "done"]);
  expect(await first).toBe("done");
  const reasons = (await outcomes).map((one) => (one.status === "rejected" ? one.reason : one));
  expect(new Set(reasons.map(({ code }) => code))).toEqual(new Set(["NOT_CLONEABLE"]));
  expect(reasons.filter(({ message }) => !message.includes(".parse"))).toEqual([]);
});

test("an effect that has ended and is not reported yet is not given to another worker", async () => {
  const { pool, worker } = await fakePool();
  // Something in the worker, so that the effect does not begin alone.
  const waiting = pool.run(taskWith({}), KEY, short());
  worker.say(["waits", worker.calls[0]?.[1] as number, 0.1]);
  const paid = pool.run(taskWith({ effect: true }), KEY, short());
  const turnsLong = pool.run(taskWith({}), KEY, short());
  const behind = pool.run(taskWith({}), KEY, short());
  await until(() => worker.calls.length === 4);
  const ids = worker.calls.map(([, id]) => id) as [number, number, number, number];
  worker.cell[0] = ids[2];
  await until(() => worker.orders.some(([kind]) => kind === "recall"));
  expect(worker.orders.find(([kind]) => kind === "recall")).toEqual(["recall", [ids[3]]]);
  worker.say(["returned", ids[1], undefined, "paid"], ["returned", ids[2], 60, "long"], ["recalled"]);
  expect(await paid).toBe("paid");
  expect(await turnsLong).toBe("long");
  await until(() => worker.calls.length === 5);
  expect(worker.calls.map(([, id]) => id).filter((id) => id === ids[1])).toHaveLength(1);
  worker.say(["returned", ids[3], 1, "behind"], ["returned", ids[0], undefined, "waited"]);
  expect(await behind).toBe("behind");
  expect(await waiting).toBe("waited");
  pool.close();
});

test("what is aborted before it comes is not given to a worker", async () => {
  const { pool, worker } = await fakePool();
  const aborted = new Error("too late");
  await expect(pool.run(taskWith({ effect: true, aborted }), KEY, unknown())).rejects.toBe(aborted);
  await sleep(5);
  expect(worker.calls).toEqual([]);
});

test("the time without work begins when the last call ends", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { pool, worker } = await fakePool();
  const call = () => {
    const settled = pool.run(taskWith({}), KEY, unknown());
    return { settled, end: () => worker.say(["returned", worker.calls.at(-1)?.[1] as number, 1, "done"]) };
  };
  const first = call();
  first.end();
  await vi.advanceTimersByTimeAsync(5_000);
  const second = call();
  await vi.advanceTimersByTimeAsync(10_000);
  second.end();
  expect(await Promise.all([first.settled, second.settled])).toEqual(["done", "done"]);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(worker.isEnded).toBe(false);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(worker.isEnded).toBe(true);
});

test("ctx.dag names the dag that the node stands in, as it does inline", async () => {
  const executor = nodeWorkers(await bundle("../workers/nested-names.ts"), { size: 1 });
  onTestFinished(() => executor.close());
  const inline = await new DagRunner(outer).run({});
  expect(inline).toMatchObject({ status: "completed", outputs: { sub: "inner", each: ["element"] } });
  expect(await new DagRunner(outer, { executor }).run({})).toMatchObject({
    status: "completed",
    outputs: inline.outputs,
  });
});
