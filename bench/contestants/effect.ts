// Effect: a fiber per node, which joins the fibers of its upstreams. The effects are declared once; a run forks them.

import { Effect, Fiber } from "effect";
import type { Contestant } from "../contestant.js";
import { next } from "../graph.js";

export const effect: Contestant = {
  name: "Effect",
  kind: "peer",
  records: false,
  note: "forks a fiber per node, so a run contains wiring them",
  prepare({ upstream, sinks }) {
    const fibers: Fiber.Fiber<number>[] = [];
    const at = (i: number) => fibers[i] as Fiber.Fiber<number>;
    const nodes = upstream.map((ups) =>
      Effect.flatMap(
        Effect.suspend(() => Fiber.joinAll(ups.map(at))),
        (inputs) => Effect.promise(async () => next(inputs)),
      ),
    );
    const program = Effect.gen(function* () {
      fibers.length = 0;
      for (const node of nodes) fibers.push(yield* Effect.forkChild(node));
      return yield* Fiber.joinAll(sinks.map(at));
    });
    return async () => ({ sinks: await Effect.runPromise(program), recorded: 0 });
  },
};
