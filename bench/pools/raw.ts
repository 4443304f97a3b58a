// Messages to workers without anything around them: what all others are compared with.

import { type Pool, SIZE, type Wire } from "./pool.js";
import type { TaskName } from "./tasks.js";

/** `moves`: what comes back is moved. */
export type RawCall = readonly [id: number, task: TaskName, given: unknown, moves: boolean];
export type RawResult = readonly [id: number, result: unknown];

type Settle = (result: unknown) => void;

/** A message for each task, and one for each result; the workers in turn. */
export function raw(start: () => Wire): Pool {
  const waiting = new Map<number, Settle>();
  const wires = startAll(start, ([id, result]: RawResult) => settle(waiting, id, result));
  let nextId = 0;
  const post = (task: TaskName, given: unknown, moved: Transferable[]) =>
    new Promise((resolve) => {
      const id = nextId++;
      waiting.set(id, resolve);
      wires[id % SIZE]?.post([id, task, given, moved.length > 0] satisfies RawCall, moved);
    });
  return {
    name: "raw",
    run: (task, given) => post(task, given, []),
    move: (buffer) => post("echo", buffer, [buffer]),
  };
}

/** A message for all tasks of a turn, and one for their results. */
export function rawInBatches(start: () => Wire): Pool {
  const waiting = new Map<number, Settle>();
  const wires = startAll(start, (results: readonly RawResult[]) => {
    for (const [id, result] of results) settle(waiting, id, result);
  });
  let batches: RawCall[][] = wires.map(() => []);
  let nextId = 0;
  let isPosting = false;
  const post = () => {
    for (const [i, batch] of batches.entries()) if (batch.length > 0) wires[i]?.post(batch);
    batches = wires.map(() => []);
    isPosting = false;
  };
  return {
    name: "raw, in batches",
    run: (task, given) =>
      new Promise((resolve) => {
        const id = nextId++;
        waiting.set(id, resolve);
        batches[id % SIZE]?.push([id, task, given, false]);
        if (!isPosting) queueMicrotask(post);
        isPosting = true;
      }),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the worker posts.
function startAll(start: () => Wire, listener: (message: any) => void): Wire[] {
  const wires = Array.from({ length: SIZE }, start);
  for (const wire of wires) wire.hear(listener);
  return wires;
}

function settle(waiting: Map<number, Settle>, id: number, result: unknown): void {
  waiting.get(id)?.(result);
  waiting.delete(id);
}
