import { Transfer, worker } from "workerpool";
import { TASKS } from "../pools/tasks.js";

worker({ ...TASKS, move: (buffer: ArrayBuffer) => new Transfer(buffer, [buffer]) });
