import { expose, transfer } from "comlink";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { parentPort } from "../pools/parent.js";
import { TASKS } from "../pools/tasks.js";

const port = parentPort();
const move = (buffer: ArrayBuffer) => transfer(buffer, [buffer]);
expose({ ...TASKS, move }, port ? nodeEndpoint(port) : undefined);
