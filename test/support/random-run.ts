// Random dags come to life: their functions log what they see, a plain evaluator says what a run must give, and a
// driver answers, heals and restarts until a run is completed.

import { type AnyNode, type Clock, type Context, dag, node, type RestartOptions, type RunResult } from "heddle";
import { type Design, type NodeDesign, schemaOf, shuffled } from "./random-dag.js";
import { hash, make, print, vandalize } from "./random-values.js";

type Values = Readonly<Record<string, unknown>>;
type Given = Readonly<Record<string, Values>>;

/** A call of a node's function. */
export interface Call {
  readonly label: string;
  readonly path: string;
  readonly runId: string;
  readonly attempt: number;
  readonly isOverride: boolean;
  /** The inputs, printed. */
  readonly saw: Readonly<Record<string, string>>;
  /** Whether it returned a value. */
  returned: boolean;
}

/** What the functions of a dag see of the world outside, and what they did. */
export interface World {
  /** Broken nodes work from now on. */
  healed: boolean;
  readonly calls: Call[];
  /** How many functions run now, and the most that ever did. */
  active: number;
  peak: number;
  onCall?: (ctx: Context) => void;
}

/** A new world. */
export function newWorld(): World {
  return { healed: false, calls: [], active: 0, peak: 0 };
}

/** The answer to the pause of a node. */
function answerOf(label: string): { readonly yes: number; readonly at: Date } {
  return { yes: hash(label), at: new Date(hash(label)) };
}

/** What all broken, flaky and pausing nodes give in the end. */
function compute({ label, output, draw }: NodeDesign, inputs: Values, isOverride: boolean, answer: unknown): unknown {
  if (!output) return undefined;
  const seed = hash(print([label, draw.salt, isOverride, Object.entries(inputs), answer]));
  if (!output.many) return make(output.type, seed);
  return Array.from({ length: seed % 4 }, (_, i) => make(output.type, hash(`${seed} ${i}`)));
}

/** The node of a design. `isOverride` makes one of the same types that gives other values. */
export function nodeOf(design: NodeDesign, world: World, isOverride = false): AnyNode {
  const { label, draw } = design;
  const run = (received: Values, ctx: Context): unknown => {
    const inputs = Object.fromEntries(design.inputs.map(({ name }) => [name, received[name]]));
    const { path, runId, attempt } = ctx;
    const call = { label, path, runId, attempt, isOverride, saw: printAll(inputs), returned: false };
    world.calls.push(call);
    world.peak = Math.max(world.peak, ++world.active);
    world.onCall?.(ctx);
    const work = () => {
      world.active--;
      if (draw.behaviour === "broken" && !world.healed) throw new Error(`${label} is broken`);
      if (draw.behaviour === "flaky" && ctx.attempt <= 2) throw new TypeError(`${label} is flaky`);
      const answer = draw.behaviour === "pausing" ? ctx.pause("which?", { label, inputs }) : undefined;
      const value = compute(design, inputs, isOverride, answer);
      if (draw.isVandal) vandalize(received);
      call.returned = true;
      return value;
    };
    return draw.turns === 0 ? work() : turns(draw.turns).then(work);
  };
  const retry = draw.behaviour === "flaky" ? { retry: { attempts: 3, delayMs: draw.salt } } : {};
  const input = Object.fromEntries(design.inputs.map(({ name, schema }) => [name, schema]));
  const output = design.output && schemaOf(design.output);
  return node({ input, output: output as AnyNode["output"], run, effect: draw.effect, ...retry });
}

/** Builds the dag of a design; its functions log to `world`. */
export function buildDag({ nodes, edges, draw }: Design, world: World) {
  const entries = shuffled(nodes, draw.shuffle + 1).map((one) => [one.label, nodeOf(one, world)] as const);
  return dag("random", { nodes: Object.fromEntries(entries), edges });
}

/** Prints every input. */
export function printAll(inputs: Values): Record<string, string> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, print(value)]));
}

// ---- what must come out

/** The inputs that a design gives its sources, by label. */
export function givenOf({ nodes }: Design): Given {
  const entries = nodes.map(({ label, inputs }) => {
    const given = inputs.flatMap(({ name, from }) => (from && "given" in from ? [[name, from.given] as const] : []));
    return [label, Object.fromEntries(given)] as const;
  });
  return Object.fromEntries(entries.filter(([, values]) => Object.keys(values).length > 0));
}

/** What differs from a plain run. */
export interface Circumstances {
  readonly overridden?: ReadonlySet<string>;
  readonly given?: Given;
  /** Outputs that are taken as they are, by label. */
  readonly kept?: ReadonlyMap<string, unknown>;
}

/** What every node must see and give. */
export interface Expected {
  readonly inputs: Values;
  readonly output: unknown;
}

/** Evaluates a design, one node after the other. */
export function evaluate(design: Design, circumstances: Circumstances = {}): Map<string, Expected> {
  const { overridden = new Set(), given = givenOf(design), kept = new Map() } = circumstances;
  const all = new Map<string, Expected>();
  const output = (i: number) => all.get(design.nodes[i]?.label as string)?.output;
  for (const one of design.nodes) {
    const { label, draw } = one;
    const entries = one.inputs.map(({ name, from }) => {
      if (!from) return [name, undefined];
      if ("given" in from) return [name, given[label]?.[name]];
      return [name, "up" in from ? output(from.up) : from.ups.map(output)];
    });
    const inputs = Object.fromEntries(entries);
    const answer = draw.behaviour === "pausing" ? answerOf(label) : undefined;
    const isKept = kept.has(label);
    all.set(label, {
      inputs,
      output: isKept ? kept.get(label) : compute(one, inputs, overridden.has(label), answer),
    });
  }
  return all;
}

/** The outputs of the sinks among what is expected. */
export function sinksOf({ nodes, edges }: Design, expected: ReadonlyMap<string, Expected>): Record<string, unknown> {
  const ups = new Set(edges.map(([up]) => up));
  const sinks = nodes.filter(({ label }) => !ups.has(label));
  return Object.fromEntries(sinks.map(({ label }) => [label, expected.get(label)?.output]));
}

// ---- driving

/** A runner of a random dag. */
export interface RandomRunner {
  readonly dag: { readonly plan: { readonly byPath: ReadonlyMap<string, { readonly label: string }> } };
  restart(runId: string, options?: RestartOptions): PromiseLike<RunResult>;
}

/** Awaits a run, and as long as it is not completed answers its pauses or heals the world, and restarts it. */
export async function drive(runner: RandomRunner, world: World, first: PromiseLike<RunResult>): Promise<RunResult> {
  let result: RunResult = await first;
  for (let round = 0; result.status !== "completed"; round++) {
    if (round > 50) throw new Error(`The run does not come to an end: ${JSON.stringify(result)}`);
    if (result.status === "failed") world.healed = true;
    const pauses = result.status === "paused" ? result.pauses : [];
    const answers = pauses.map(({ path, reason }) => {
      const label = runner.dag.plan.byPath.get(path)?.label as string;
      return [path, reason === "which?" ? answerOf(label) : "run again"];
    });
    result = await runner.restart(result.runId, { resume: Object.fromEntries(answers) });
  }
  return result;
}

/** Lets `count` turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands still; short timers fire after a few turns of the event loop, long ones (leases) never. */
export class PromptClock implements Clock {
  #now = 1_000_000;
  #drawn: number;

  constructor(seed: number) {
    this.#drawn = seed;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    let isOff = false;
    this.#drawn = hash(`after ${this.#drawn}`);
    if (delayMs < 1_000) turns(1 + (this.#drawn % 4)).then(() => isOff || callback());
    return () => {
      isOff = true;
    };
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}
