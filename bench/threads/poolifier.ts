import { ThreadWorker } from "poolifier";
import { TASKS } from "../pools/tasks.js";

new ThreadWorker<never>(TASKS as unknown as Record<string, (given?: never) => unknown>);
