// For the pools that call what a module exports.

import { TASKS } from "../pools/tasks.js";

export const { add, spin, echo, mix } = TASKS;
