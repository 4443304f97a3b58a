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

/** Closes the pool, and counts the workers that are left. */
function left(): number {
  executor.close();
  return alive.size;
}

Object.assign(globalThis, { page: { killMany, endBusyLoops, left } });
