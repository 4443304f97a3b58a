// An executor over a pool: which functions go to workers, which stay here, and why.

import { addressesOf } from "../../src/definition/addresses.js";
import type { AnyNode } from "../../src/definition/node.js";
import type { Plan, Step } from "../../src/definition/plan.js";
import { HeddleError } from "../../src/errors.js";
import { expectFiniteCount, expectNumber, expectOptions } from "../../src/expect.js";
import type { Executor, Place, Task } from "../../src/ports.js";
import type { Cost } from "./flight.js";
import { keyOf, type Spawn } from "./member.js";
import { Pool, type PoolOptions } from "./pool.js";
import type { Hello } from "./protocol.js";

/** An executor with workers of its own. */
export interface WorkerExecutor extends Executor {
  /** Starts all workers, so that the first run need not wait for them. Rejects with `POOL_CLOSED` after `close`. */
  warmUp(): Promise<void>;
  /** Ends all workers; what they are doing fails with `POOL_CLOSED`, and so does what comes later. */
  close(): void;
}

/** What is special about one kind of workers. */
export interface Kind {
  /** `web-workers`, `node-workers`. */
  readonly name: string;
  /** Nothing where there are no workers. */
  readonly spawn: Spawn | undefined;
  /** The number of processors. */
  readonly processors: number;
  /** Options of its own, which were looked at before. */
  readonly options?: readonly string[];
}

/** Makes an executor. @throws HeddleError `INVALID_OPTION`. */
export function workerExecutor(
  { name, spawn, processors, options: own = [] }: Kind,
  options: PoolOptions,
): WorkerExecutor {
  expectOptions(name, options, ["size", "idleMs", "graceMs", ...own]);
  const { size = Math.max(1, processors), idleMs = 10_000, graceMs = 100 } = options;
  expectFiniteCount("size", size);
  expectNumber("idleMs", idleMs, 0);
  expectNumber("graceMs", graceMs, 0);
  return new Placing(name, spawn && new Pool(spawn, { size, idleMs: atMost(idleMs), graceMs: atMost(graceMs) }));
}

/** Longer timers fire at once (https://developer.mozilla.org/docs/Web/API/Window/setTimeout). */
function atMost(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1);
}

/** Where a node of a plan runs, once that is known. */
interface Spot {
  readonly address: string;
  readonly step: Step;
  readonly dag: string;
  place: Place | Promise<Place> | undefined;
}

class Placing implements WorkerExecutor {
  readonly name: string;
  readonly #pool: Pool | undefined;
  readonly #spots = new WeakMap<Plan, ReadonlyMap<AnyNode, Spot>>();

  constructor(name: string, pool: Pool | undefined) {
    this.name = name;
    this.#pool = pool;
  }

  execute({ node, input, context }: Task): unknown {
    return node.run(input, context);
  }

  place(node: AnyNode, plan: Plan): Place | Promise<Place> {
    const spot = this.#spotsOf(plan).get(node);
    if (!spot) return inline("not served");
    spot.place ??= this.#find(spot);
    return spot.place;
  }

  async warmUp(): Promise<void> {
    await this.#pool?.warmUp();
  }

  close(): void {
    this.#pool?.close();
  }

  #spotsOf(plan: Plan): ReadonlyMap<AnyNode, Spot> {
    const known = this.#spots.get(plan);
    if (known) return known;
    const spots = new Map<AnyNode, Spot>();
    for (const { address, step } of addressesOf(plan)) {
      // The same function at several places is the same function.
      if (!spots.has(step.node)) spots.set(step.node, { address, step, dag: plan.dag, place: undefined });
    }
    this.#spots.set(plan, spots);
    return spots;
  }

  #find(spot: Spot): Place | Promise<Place> {
    const { inline: staysHere, worker, run } = spot.step.node;
    if (staysHere) return inline();
    if (!worker && run instanceof AsyncFunction) return inline();
    if (spot.step.overridden) return this.#here(spot, "overridden");
    if (!this.#pool) return this.#here(spot, "no workers here");
    const hello = this.#pool.hello();
    if (!(hello instanceof Promise)) return this.#there(spot, this.#pool, hello);
    return hello.then(
      (one) => {
        spot.place = this.#there(spot, this.#pool as Pool, one);
        return spot.place;
      },
      (error) => {
        // What failed may succeed later.
        spot.place = undefined;
        throw error;
      },
    );
  }

  #there(spot: Spot, pool: Pool, hello: Hello): Place {
    const { address, dag, step } = spot;
    const served = hello.served.find((one) => one.dag === dag && one.address === address);
    if (!served) return this.#here(spot, "not served");
    if (served.version !== step.version) {
      const versions = `version ${served.version ?? "none"} in the worker and ${step.version ?? "none"} here`;
      throw new HeddleError(
        "WORKER_MISMATCH",
        `Node "${address}" of dag "${dag}" has ${versions}. Build both from the same source, and reload.`,
      );
    }
    const key = keyOf(dag, address);
    const cost: Cost = { ms: undefined, calls: 0 };
    return { name: this.name, queues: true, copies: true, execute: (task) => pool.run(task, key, cost) };
  }

  /** @throws HeddleError `NOT_SERVED` if the node must run in a worker. */
  #here({ address, dag, step }: Spot, why: string): Place {
    if (!step.node.worker) return inline(why);
    const message = `Node "${address}" of dag "${dag}" is declared with \`worker: true\` and cannot run in one: ${why}. Give its dag to serve() in the file of the worker, or take the option away.`;
    throw new HeddleError("NOT_SERVED", message);
  }
}

const AsyncFunction = (async () => {}).constructor as { new (): object };

function inline(why?: string): Place {
  const name = why === undefined ? "inline" : `inline (${why})`;
  return { name, execute: ({ node, input, context }) => node.run(input, context) };
}
