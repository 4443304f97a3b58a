import { type Endpoint, type Remote, transfer, wrap } from "comlink";
import { type Pool, SIZE } from "./pool.js";
import type { TASKS } from "./tasks.js";

type Exposed = typeof TASKS & { move(buffer: ArrayBuffer): ArrayBuffer };

/** It has no pool: the workers take turns. */
export function comlink(start: () => Endpoint): Pool {
  const remotes = Array.from({ length: SIZE }, () => wrap<Exposed>(start()));
  let calls = 0;
  const next = () => remotes[calls++ % SIZE] as Remote<Exposed>;
  return {
    name: "comlink",
    run: (task, given) => next()[task](given as never),
    move: (buffer) => next().move(transfer(buffer, [buffer])),
  };
}
