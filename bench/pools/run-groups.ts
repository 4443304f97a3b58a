// What whole runs do in workers and inline: computing, chains, being stopped, and how long they block their thread.

import { type AnyNode, DagRunner } from "heddle";
import { makeGraph } from "../graph.js";
import { chained, endless, late, mixing, short, spinning, TIME_OUT_MS } from "./dags.js";
import { effort, type Group, type Sizes, timed, type Work } from "./group.js";
import { type Executors, placeOf } from "./heddle.js";
import { SIZE } from "./pool.js";
import { outputOf } from "./task-groups.js";
import { TASKS } from "./tasks.js";

type Executor = ReturnType<Executors>;
/** What the platform has for giving the thread a turn: calls back in the next one. */
export type InNextTurn = (callback: () => void) => void;

export function runGroups(make: Executors, inNextTurn: InNextTurn, sizes: Sizes): Group[] {
  const executor = make({ size: SIZE, idleMs: WHOLE_BENCH_MS });
  return [computing(executor, sizes), chain(make, sizes), stopping(make, sizes), blocks(executor, inNextTurn, sizes)];
}

/** No worker is ended between two rounds. */
export const WHOLE_BENCH_MS = 3_600_000;

function computing(executor: Executor, sizes: Sizes): Group {
  const { elements } = sizes;
  const expected = Array.from({ length: elements }, (_, i) => TASKS.mix(i));
  const mapped = (name: string, options: { executor?: Executor }) => {
    const runner = new DagRunner(mixing, options);
    const run = async () => outputOf(await runner.run({ give: { count: elements } })).each as readonly number[];
    return timed(name, 1, run, (results) => results.join() === expected.join());
  };
  return {
    title: `A map over ${elements} elements that are computed`,
    columns: ["ms"],
    bases: ["inline"],
    notes: [],
    effort: effort(sizes, 2, 15),
    works: [mapped("inline", {}), mapped(`${SIZE} workers`, { executor })],
  };
}

const LATER_RUNS = 10;

function chain(make: Executors, sizes: Sizes): Group {
  const { expected } = makeGraph("chain", sizes.chain);
  const work = (name: string, start?: () => Promise<Executor>): Work => ({
    name,
    async sample() {
      const executor = await start?.();
      const one = chained(sizes.chain);
      const runner = new DagRunner(one, executor ? { executor } : {});
      const times: number[] = [];
      for (let run = 0; run <= LATER_RUNS; run++) {
        const started = performance.now();
        const [last] = Object.values(outputOf(await runner.run({})));
        times.push(((performance.now() - started) * 1_000) / sizes.chain);
        if (last !== expected[0]) throw new Error(`${name} gave ${last}.`);
      }
      if (executor) await placeOf(executor, one.plan.steps[0]?.node as AnyNode, one);
      executor?.close();
      const [first = Number.NaN, ...later] = times;
      return [first, later.reduce((sum, time) => sum + time, 0) / LATER_RUNS];
    },
  });
  const warm = async () => {
    const executor = make({ size: SIZE }, "chain");
    await executor.warmUp();
    return executor;
  };
  return {
    title: `A chain of ${sizes.chain.toLocaleString("en")} tiny nodes`,
    columns: ["first run, µs a node", "later runs, µs a node"],
    bases: [],
    notes: ["Each time with a newly declared dag and new workers."],
    effort: effort(sizes, 1, 9),
    works: [
      work("inline"),
      work(`${SIZE} workers`, async () => make({ size: SIZE }, "chain")),
      work(`${SIZE} workers, warmed up`, warm),
    ],
  };
}

/** A function has surely begun after so many milliseconds. */
const BEGUN_MS = 30;

function stopping(make: Executors, sizes: Sizes): Group {
  const stopped = (name: string, graceMs: number, stop: (executor: Executor) => Promise<number>): Work => {
    // Of one worker, so that what comes next needs a new one.
    const executor = make({ size: 1, graceMs, idleMs: WHOLE_BENCH_MS });
    const next = new DagRunner(short, { executor });
    return {
      name: `${name}, graceMs ${graceMs}`,
      async sample() {
        await next.run({ add: { given: 1 } });
        const since = await stop(executor);
        const ended = performance.now() - since;
        const { add } = outputOf(await next.run({ add: { given: 1 } }));
        if (add !== 2) throw new Error(`After ${name} a task gave ${add}.`);
        return [ended, performance.now() - since];
      },
    };
  };
  return {
    title: "An endless loop is stopped",
    columns: ["ms to the result", "ms until another task has been executed"],
    bases: [],
    notes: ["In a pool of one worker. A time-out counts from when the time was over."],
    effort: effort(sizes, 1, 15),
    works: [100, 0].flatMap((graceMs) => [
      stopped("cancelled", graceMs, cancel),
      stopped("out of time", graceMs, timeOut),
    ]),
  };
}

async function cancel(executor: Executor): Promise<number> {
  const run = new DagRunner(endless, { executor }).run({ spin: { given: Number.POSITIVE_INFINITY } });
  await new Promise((resolve) => setTimeout(resolve, BEGUN_MS));
  const since = performance.now();
  run.cancel();
  const { status } = await run;
  if (status !== "cancelled") throw new Error(`A cancelled run is ${status}.`);
  return since;
}

async function timeOut(executor: Executor): Promise<number> {
  const since = performance.now() + TIME_OUT_MS;
  const result = await new DagRunner(late, { executor }).run({ spin: { given: Number.POSITIVE_INFINITY } });
  if (result.status !== "failed" || (result.error as { code?: string }).code !== "TIMEOUT")
    throw new Error(`A run that takes too long is ${result.status}.`);
  return since;
}

function blocks(executor: Executor, inNextTurn: InNextTurn, sizes: Sizes): Group {
  const { blocking } = sizes;
  const looked = (name: string, options: { executor?: Executor }): Work => {
    const runner = new DagRunner(spinning, options);
    return {
      name,
      async sample() {
        const started = performance.now();
        const longest = watchTurns(inNextTurn);
        const each = outputOf(await runner.run({ give: { count: blocking } })).each as readonly number[];
        const ms = performance.now() - started;
        if (each.length !== blocking || each.some((one) => one !== 1)) throw new Error(`${name} gave wrong results.`);
        return [await longest(), ms];
      },
    };
  };
  return {
    title: `How long the thread is blocked by ${blocking.toLocaleString("en")} tasks of 1 ms`,
    columns: ["longest time without a turn, ms", "whole run, ms"],
    bases: [],
    notes: [],
    effort: effort(sizes, 1, 9),
    works: [looked("inline", {}), looked(`${SIZE} workers`, { executor })],
  };
}

/** Watches this thread turn by turn, until it is asked for the longest time between two turns. */
function watchTurns(inNextTurn: InNextTurn): () => Promise<number> {
  let last = performance.now();
  let longest = 0;
  let end: ((longest: number) => void) | undefined;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (end) end(longest);
    else inNextTurn(look);
  };
  inNextTurn(look);
  return () =>
    new Promise((resolve) => {
      end = resolve;
    });
}
