import workerpool from "workerpool";
import { type Pool, SIZE } from "./pool.js";

export function workerpoolOf(script: string, options: workerpool.WorkerPoolOptions): Pool {
  const pool = workerpool.pool(script, { ...options, minWorkers: SIZE, maxWorkers: SIZE });
  return {
    name: "workerpool",
    run: async (task, given) => pool.exec(task, [given]),
    move: async (buffer) => pool.exec("move", [buffer], { transfer: [buffer] }),
  };
}
