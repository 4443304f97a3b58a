// Kills Web Workers at random, or ends busy ones, while others run.

import { DagRunner } from "heddle";
import { webWorkers } from "heddle/adapters/web-workers";
import { executorDags } from "heddle/conformance";
import { type Killed, killWorkers } from "../../workers/kills.js";

const alive = new Set<Worker>();
const ready = new Set<Worker>();
const executor = webWorkers(
  () => {
    const worker = new Worker("/nested-serving.js", { type: "module" });
    const terminate = worker.terminate.bind(worker);
    worker.terminate = () => {
      alive.delete(worker);
      ready.delete(worker);
      terminate();
    };
    // One that ends before it has said anything is missed after twenty seconds only.
    worker.addEventListener("message", () => alive.has(worker) && ready.add(worker));
    alive.add(worker);
    return worker;
  },
  { size: 2 },
);

/** Ends so many workers from outside: nobody is told, as when the browser takes them away. */
function killMany(kills: number, seed: number): Promise<Killed> {
  const kill = (choice: number) => {
    const victim = [...ready][Math.floor(choice * ready.size)];
    victim?.terminate();
    return victim !== undefined;
  };
  return killWorkers({ executor, kill }, kills, seed);
}

/** Lets busy loops run out of time, with other runs beside them. Returns how they ended. */
async function endBusyLoops(count: number): Promise<readonly string[]> {
  const limited = executorDags.find(({ name }) => name === "limited");
  const endings: string[] = [];
  for (let i = 0; i < count; i++) {
    const busy = new DagRunner(limited as never, { executor } as never).run({} as never);
    await killWorkers({ executor, kill: () => true }, 1, i);
    const result = (await busy) as { error?: { code?: string } };
    endings.push(String(result.error?.code));
  }
  return endings;
}

/** Cancels a busy loop. Returns after how many milliseconds it had ended, and the next task had been executed. */
async function cancelBusy(): Promise<{ readonly endedMs: number; readonly nextMs: number }> {
  const dagOf = (name: string) => executorDags.find((one) => one.name === name) as never;
  const runnerOf = (name: string, options: object = {}) =>
    new DagRunner(dagOf(name), { executor, ...options } as never) as unknown as {
      run(inputs: object): Promise<{ status: string }> & { cancel(): void };
    };
  let begins!: () => void;
  const begun = new Promise<void>((resolve) => {
    begins = resolve;
  });
  const onEvent = ({ type }: { readonly type: string }) => type === "node-progress" && begins();
  // One in each worker, so that the next task needs a new one.
  const busy = [1, 2].map(() => runnerOf("spinning", { onEvent }).run({ spin: { how: "forever" } }));
  await begun;
  const started = performance.now();
  for (const run of busy) run.cancel();
  const next = runnerOf("summing").run({ give: { count: 1 } });
  const statuses = (await Promise.all(busy)).map(({ status }) => status);
  const endedMs = Math.round(performance.now() - started);
  statuses.push((await next).status);
  if (statuses.join() !== "cancelled,cancelled,completed") throw new Error(`The runs are ${statuses}.`);
  return { endedMs, nextMs: Math.round(performance.now() - started) };
}

/** Closes the pool, and counts the workers that are left. */
function left(): number {
  executor.close();
  return alive.size;
}

Object.assign(globalThis, { page: { killMany, endBusyLoops, cancelBusy, left } });
