// What pools do with single tasks: many at once, one after the other, long ones, and large ones.

import { DagRunner } from "heddle";
import type { WorkerExecutor } from "heddle/adapters/web-workers";
import { AT_A_TIME, adding, type Held, passing } from "./dags.js";
import { effort, type Group, type Sizes, timed, type Work } from "./group.js";
import { type Pool, SIZE } from "./pool.js";

/** `executor` has {@link SIZE} workers, as all pools. */
export function taskGroups(pools: readonly Pool[], executor: WorkerExecutor, sizes: Sizes): Group[] {
  return [
    trivial(pools, executor, sizes),
    roundTrips(pools, sizes),
    long(pools, sizes),
    copied(pools, executor, sizes),
    moved(pools, executor, sizes),
  ];
}

function trivial(pools: readonly Pool[], executor: WorkerExecutor, sizes: Sizes): Group {
  const { tasks } = sizes;
  const scale = 1_000 / tasks;
  const numbers = Array.from({ length: tasks }, (_, i) => i);
  const isRight = (results: readonly unknown[]) => results.length === tasks && results.every((one, i) => one === i + 1);
  const alone = pools.map((pool) =>
    timed(pool.name, scale, () => Promise.all(numbers.map((number) => pool.run("add", number))), isRight),
  );
  const mapped = (atATime: number, where?: WorkerExecutor) => {
    const runner = new DagRunner(adding(atATime), where ? { executor: where } : {});
    const name = `heddle, a map, ${atATime} at a time${where ? "" : ", inline"}`;
    const run = async () => outputOf(await runner.run({ give: { count: tasks } })).each as readonly number[];
    return timed(name, scale, run, isRight);
  };
  return {
    title: `${tasks.toLocaleString("en")} trivial tasks, ${SIZE} workers`,
    columns: ["µs a task"],
    bases: ["poolifier", "raw"],
    notes: [],
    effort: effort(sizes, 3, 15),
    works: [...alone, ...AT_A_TIME.map((atATime) => mapped(atATime, executor)), mapped(16)],
  };
}

function roundTrips(pools: readonly Pool[], sizes: Sizes): Group {
  const { trips } = sizes;
  const work = (pool: Pool) => async () => {
    let sum = 0;
    for (let i = 0; i < trips; i++) sum += (await pool.run("add", i)) as number;
    return sum;
  };
  const expected = (trips * (trips + 1)) / 2;
  return {
    title: "One trivial task at a time",
    columns: ["µs a round trip"],
    bases: ["raw"],
    notes: [],
    effort: effort(sizes, 3, 25),
    works: pools.map((pool) => timed(pool.name, 1_000 / trips, work(pool), (sum) => sum === expected)),
  };
}

function long(pools: readonly Pool[], sizes: Sizes): Group {
  const { long: count, longMs } = sizes;
  const tasks = Array.from({ length: count }, () => longMs);
  const isRight = (results: readonly unknown[]) => results.length === count && results.every((one) => one === longMs);
  const work = (pool: Pool) => () => Promise.all(tasks.map((ms) => pool.run("spin", ms)));
  const ideal: Work = { name: "ideal", sample: async () => [(count / SIZE) * longMs] };
  return {
    title: `${count} tasks of ${longMs} ms, ${SIZE} workers`,
    columns: ["ms"],
    bases: ["ideal"],
    notes: [],
    effort: effort(sizes, 1, 5),
    works: [ideal, ...pools.map((pool) => timed(pool.name, 1, work(pool), isRight))],
  };
}

function copied(pools: readonly Pool[], executor: WorkerExecutor, sizes: Sizes): Group {
  const held: Held = { bytes: new ArrayBuffer(sizes.bytes) };
  const works = pools.map((pool) => passed(pool.name, held, (bytes) => pool.run("echo", bytes)));
  return {
    title: `${sizes.bytes.toLocaleString("en")} bytes into a worker and back, copied`,
    columns: ["ms"],
    bases: ["raw"],
    notes: [],
    effort: effort(sizes, 3, 15),
    works: [...works, runThrough(executor, held, false)],
  };
}

function moved(pools: readonly Pool[], executor: WorkerExecutor, sizes: Sizes): Group {
  const held: Held = { bytes: new ArrayBuffer(sizes.bytes) };
  const works = pools.flatMap(({ name, move }) => (move ? [passed(name, held, move)] : []));
  return {
    title: `${sizes.bytes.toLocaleString("en")} bytes into a worker and back, moved`,
    columns: ["ms"],
    bases: ["raw"],
    notes: [],
    effort: effort(sizes, 3, 25),
    works: [...works, runThrough(executor, held, true)],
  };
}

/** What comes back goes next time. */
function passed(name: string, held: Held, pass: (bytes: ArrayBuffer) => Promise<unknown>): Work {
  const size = held.bytes.byteLength;
  const work = async () => {
    held.bytes = (await pass(held.bytes)) as ArrayBuffer;
    return held.bytes.byteLength;
  };
  return timed(name, 1, work, (length) => length === size);
}

/** A whole run: from a node here through a worker to a node here. */
function runThrough(executor: WorkerExecutor, held: Held, isMoved: boolean): Work {
  const size = held.bytes.byteLength;
  const runner = new DagRunner(passing(isMoved, held), { executor });
  const run = async () => outputOf(await runner.run({})).take;
  return timed("heddle, a run", 1, run, (length) => length === size && held.bytes.byteLength === size);
}

/** What a run that completed gave. */
export function outputOf(result: { readonly status: string }): Readonly<Record<string, unknown>> {
  if (result.status !== "completed") throw new Error(`A run ended as ${JSON.stringify(result)}.`);
  return (result as unknown as { readonly outputs: Readonly<Record<string, unknown>> }).outputs;
}
