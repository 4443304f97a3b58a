// The least that a worker can do: one message for one task, or a list of them for a list.

import { parent } from "../pools/parent.js";
import type { RawCall, RawResult } from "../pools/raw.js";
import { TASKS } from "../pools/tasks.js";

const wire = parent();
wire.hear((message: RawCall | readonly RawCall[]) => {
  if (isList(message)) return wire.post(message.map(resultOf));
  const result = resultOf(message);
  wire.post(result, message[3] ? [result[1] as ArrayBuffer] : []);
});

function resultOf([id, task, given]: RawCall): RawResult {
  return [id, TASKS[task](given as never)];
}

function isList(message: RawCall | readonly RawCall[]): message is readonly RawCall[] {
  return Array.isArray(message[0]);
}
