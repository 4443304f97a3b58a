// heddle's executor, without runs around the tasks.

import type { AnyDag, AnyNode, BaseContext, Place, Task } from "heddle";
import type { PoolOptions, WorkerExecutor } from "heddle/adapters/web-workers";
import { NODES, single } from "./dags.js";
import type { Pool } from "./pool.js";

/** Makes an executor whose workers run the file of this name in threads/. */
export type Executors = (options: PoolOptions, file?: "heddle" | "chain") => WorkerExecutor;

const CONTEXT = {
  runId: "a run",
  dag: single.name,
  label: "a node",
  path: "a node",
  attempt: 1,
  epoch: 0,
  idempotencyKey: "a run/a node",
} as BaseContext;

/** Where a node runs. @throws an Error if that is not in a worker. */
export async function placeOf(executor: WorkerExecutor, node: AnyNode, { name, plan }: AnyDag): Promise<Place> {
  const place = await executor.place?.(node, plan);
  if (place?.name !== executor.name) throw new Error(`A node of dag "${name}" runs ${place?.name}.`);
  return place;
}

export async function heddlePool(executor: WorkerExecutor): Promise<Pool> {
  const places = new Map<string, Place>();
  for (const [name, node] of Object.entries(NODES)) places.set(name, await placeOf(executor, node, single));
  const execute = (name: keyof typeof NODES, given: unknown, moves: readonly unknown[]) =>
    places.get(name)?.execute(taskOf(name, given, moves)) as Promise<unknown>;
  return {
    name: "heddle, its executor",
    run: (task, given) => execute(task, given, []),
    move: (buffer) => execute("move", buffer, [buffer]),
  };
}

function taskOf(name: keyof typeof NODES, given: unknown, moves: readonly unknown[]): Task {
  const node = NODES[name];
  return { node, input: { given }, context: CONTEXT, answers: undefined, moves, begins, pauses, onAbort };
}

function begins(): void {}
function pauses(): void {}
function onAbort(): void {}
