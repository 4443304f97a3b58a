// In a page: pools of Web Workers beside each other.

import { webWorkers } from "heddle/adapters/web-workers";
import { comlink } from "../pools/comlink.js";
import { type Described, described, type Group, type Sizes } from "../pools/group.js";
import { type Executors, heddlePool } from "../pools/heddle.js";
import { type Pool, SIZE, type Wire } from "../pools/pool.js";
import { raw, rawInBatches } from "../pools/raw.js";
import { runGroups, WHOLE_BENCH_MS } from "../pools/run-groups.js";
import { taskGroups } from "../pools/task-groups.js";
import { workerpoolOf } from "../pools/workerpool.js";

/** What this page can do. */
export interface WorkersPage {
  /** Starts the pools, and tells what can be measured. */
  prepare(sizes: Sizes): Promise<readonly Described[]>;
  /** A number for each column. */
  sample(title: string, name: string): Promise<readonly number[]>;
}

let groups: readonly Group[] = [];

const page: WorkersPage = {
  async prepare(sizes) {
    const executor = make({ size: SIZE, idleMs: WHOLE_BENCH_MS });
    await executor.warmUp();
    const pools = [...peers(), await heddlePool(executor)];
    groups = [...taskGroups(pools, executor, sizes), ...runGroups(make, inNextTurn, sizes)];
    return groups.map(described);
  },

  async sample(title, name) {
    const work = groups.find((group) => group.title === title)?.works.find((one) => one.name === name);
    if (!work) throw new Error(`There is no "${name}" in "${title}".`);
    return work.sample();
  },
};
Object.assign(globalThis, { page });

const make: Executors = (options, file = "heddle") => webWorkers(() => start(file), options);

function start(name: string): Worker {
  return new Worker(`/${name}.js`, { type: "module" });
}

function peers(): Pool[] {
  const wire = () => wireOf(start("raw"));
  return [
    rawInBatches(wire),
    raw(wire),
    comlink(() => start("comlink")),
    workerpoolOf("/workerpool.js", { workerOpts: { type: "module" } }),
  ];
}

function wireOf(worker: Worker): Wire {
  return {
    post: (message, moved = []) => worker.postMessage(message, moved),
    hear: (listener) => {
      worker.onmessage = ({ data }) => listener(data);
    },
  };
}

const { port1, port2 } = new MessageChannel();

/** Timers of a page wait for milliseconds; messages do not. */
function inNextTurn(callback: () => void): void {
  port1.onmessage = callback;
  port2.postMessage(undefined);
}
