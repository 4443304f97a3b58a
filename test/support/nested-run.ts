// Random nested dags come to life: their functions log what they see, and a driver answers, heals and restarts until a
// run is completed.

import {
  type AnyNode,
  branch,
  type Context,
  type Dag,
  dag,
  type Edge,
  flatMap,
  list,
  type Member,
  map,
  node,
  optional,
  type RestartOptions,
  type Run,
  type RunResult,
} from "heddle";
import type { CompositeDesign, DagDesign, LeafDesign, MemberDesign, SubDesign } from "./nested-design.js";
import { makeKind, schemaOf } from "./nested-values.js";
import { turns } from "./random-run.js";
import { hash, print, vandalize } from "./random-values.js";

type Values = Readonly<Record<string, unknown>>;

/** A call of a function. */
export interface NestedCall {
  readonly path: string;
  readonly runId: string;
  readonly attempt: number;
  readonly design: LeafDesign;
  readonly saw: Values;
  returned: boolean;
}

/** What the functions of a dag see of the world outside, and what they did. */
export interface NestedWorld {
  /** Functions give other values in other versions. */
  version: number;
  /** Broken nodes work from now on. */
  healed: boolean;
  /** Picky nodes work at these paths. */
  readonly mended: Set<string>;
  readonly calls: NestedCall[];
  /** The paths of the functions that run now, and the most that ever did. */
  readonly active: Set<string>;
  peak: number;
  onCall?: (ctx: Context, design: LeafDesign) => void;
}

/** A new world. */
export function newNestedWorld(): NestedWorld {
  return { version: 1, healed: false, mended: new Set(), calls: [], active: new Set(), peak: 0 };
}

/** The answer to the pause of a path. */
function answerAt(path: string): { readonly yes: number; readonly at: Date } {
  return { yes: hash(path), at: new Date(hash(path)) };
}

/** True if a node pauses at this path. */
function pausesAt({ behaviour }: LeafDesign, path: string): boolean {
  return behaviour === "pausing" && hash(`pause ${path}`) % 2 === 0;
}

/** The error of a node that always fails at this path. */
export function pickyError(
  { behaviour }: LeafDesign,
  path: string,
  { version, mended }: Pick<NestedWorld, "version"> & { readonly mended: ReadonlySet<string> },
): Error | undefined {
  if (mended.has(path)) return undefined;
  if (behaviour !== "picky" || hash(`picky ${path}`) % 5 > 1) return undefined;
  return new RangeError(`${path} is picky in version ${version}`);
}

/** What a function returns in the end. */
export function computeLeaf(design: LeafDesign, inputs: Values, path: string, version: number): unknown {
  const { id, output, passes, isSteady } = design;
  if (passes !== undefined) return inputs[passes];
  const answer = pausesAt(design, path) ? answerAt(path) : undefined;
  const seed = hash(print([id, version, Object.entries(inputs), answer]));
  return makeKind(output, seed, isSteady ? hash(`form ${id}`) : seed);
}

/** The key that a branch by function chooses. */
export function chooseCase({ id, subs, isSteady }: CompositeDesign, value: unknown): string {
  const keys = Object.keys(subs);
  return keys[hash(isSteady ? `${id}` : print(value)) % keys.length] as string;
}

// ---- building

/** Builds the dag of a design. Subs that stand in several places are one object in all of them. */
export function buildNested(design: DagDesign, world: NestedWorld): Dag {
  return new Building(world).dag(design);
}

class Building {
  readonly #world: NestedWorld;
  readonly #built = new Map<SubDesign, Member>();

  constructor(world: NestedWorld) {
    this.#world = world;
  }

  dag({ id, members }: DagDesign): Dag {
    const labels = members.map(({ label }) => label);
    const edges = members.flatMap((member) => edgesOf(member, labels));
    const nodes = Object.fromEntries(members.map((member) => [member.label, this.#member(member, labels)]));
    return dag(`dag ${id}`, { nodes, edges });
  }

  #member({ what, sides }: MemberDesign, labels: readonly string[]): Member {
    if (what.is === "node") return this.#sub(what);
    if (what.is === "place") return placeholder(schemaOf(what.output));
    return this.#composite(what, Object.fromEntries(sides.map(({ name, up }) => [name, labels[up] as string])));
  }

  #sub(sub: SubDesign): Member {
    const known = this.#built.get(sub);
    if (known) return known;
    const made =
      sub.is === "node" ? leafOf(sub, this.#world) : sub.is === "dag" ? this.dag(sub) : this.#composite(sub, {});
    this.#built.set(sub, made);
    return made;
  }

  #composite(design: CompositeDesign, sides: Readonly<Record<string, string>>): Member {
    const { kind, by, concurrency, collects } = design;
    const subs = Object.fromEntries(Object.entries(design.subs).map(([key, sub]) => [key, this.#sub(sub)]));
    const sub = subs[""] as Member;
    if (kind === "call") return sub;
    const options = {
      with: sides,
      ...(concurrency ? { concurrency } : {}),
      ...(collects ? { onError: "collect" } : {}),
    };
    if (kind === "map") return (map as unknown as Loose)(sub, options);
    if (kind === "flatMap") return (flatMap as unknown as Loose)(sub, options);
    if (by === "pair") return (branch as unknown as Loose)(subs);
    return (branch as unknown as Loose)(
      by === "property" ? "tag" : (value: unknown) => keyOf(chooseCase(design, value)),
      subs,
    );
  }
}

type Loose = (...args: unknown[]) => Member;

/** Functions choose numbers and booleans too. */
function keyOf(key: string): string | number | boolean {
  return key === "7" ? 7 : key === "true" ? true : key;
}

function edgesOf({ label, what, main }: MemberDesign, labels: readonly string[]): Edge[] {
  if (main !== undefined) return [[labels[main] as string, label]];
  if (what.is !== "node") return [];
  return what.inputs.flatMap(({ name, from }): Edge[] => {
    const ups = from && "up" in from ? [from.up] : from && "ups" in from ? from.ups : [];
    return ups.map((up) => [labels[up] as string, label, name]);
  });
}

function placeholder(output: ReturnType<typeof schemaOf>): AnyNode {
  const run = () => {
    throw new Error("A side input stands in this place.");
  };
  return node({ output, run });
}

function leafOf(design: LeafDesign, world: NestedWorld): AnyNode {
  const run = (received: Values, ctx: Context): unknown => {
    const inputs = Object.fromEntries(design.inputs.map(({ name }) => [name, received[name]]));
    const { path, runId, attempt } = ctx;
    const call = { path, runId, attempt, design, saw: printed(inputs), returned: false };
    world.calls.push(call);
    world.active.add(path);
    world.peak = Math.max(world.peak, world.active.size);
    world.onCall?.(ctx, design);
    const work = () => {
      world.active.delete(path);
      try {
        misbehave(design, inputs, ctx, world);
        const value = computeLeaf(design, inputs, path, world.version);
        call.returned = true;
        return value;
      } finally {
        if (design.isVandal) vandalize(received);
      }
    };
    return design.turns === 0 ? work() : turns(design.turns).then(work);
  };
  const retry = design.behaviour === "flaky" ? { retry: { attempts: 3, delayMs: design.id % 10 } } : {};
  const input = Object.fromEntries(design.inputs.map((one) => [one.name, inputSchema(one)]));
  return node({ input, output: schemaOf(design.output), run, effect: design.effect, ...retry });
}

function inputSchema({ kind, isOptional, from }: LeafDesign["inputs"][number]) {
  const schema = from && "ups" in from ? list(schemaOf(kind)) : schemaOf(kind);
  return isOptional ? optional(schema) : schema;
}

function misbehave(design: LeafDesign, inputs: Values, ctx: Context, world: NestedWorld): void {
  const { behaviour } = design;
  const { path, attempt } = ctx;
  const error = pickyError(design, path, world);
  if (error) throw error;
  if (behaviour === "broken" && !world.healed && hash(print(inputs)) % 3 > 0) throw new Error(`${path} is broken`);
  if (behaviour === "flaky" && attempt <= 2) throw new TypeError(`${path} is flaky`);
  if (pausesAt(design, path) && print(ctx.pause("which?", { path, inputs })) !== print(answerAt(path)))
    throw new Error(`${path} got the answer of another path`);
}

/** Prints every input. */
export function printed(inputs: Values): Values {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, print(value)]));
}

// ---- driving

/** What can restart a run. */
interface Restarts {
  restart(runId: string, options?: RestartOptions): Run;
}

/**
 * Awaits a run, and as long as it is not completed answers its pauses or heals the world, and restarts it. `begun` is
 * shown every execution.
 */
export async function driveNested(
  runner: Restarts,
  world: NestedWorld,
  first: Run,
  begun: (run: Run) => void = () => {},
): Promise<RunResult> {
  begun(first);
  let result: RunResult = await first;
  for (let round = 0; result.status !== "completed"; round++) {
    if (round > 200) throw new Error(`The run does not come to an end: ${JSON.stringify(result)}`);
    if (result.status === "failed") {
      if (world.healed) throw new Error(`Node ${result.failedNode} failed: ${result.error}`, { cause: result.error });
      world.healed = true;
    }
    const pauses = result.status === "paused" ? result.pauses : [];
    const answers = pauses.map(({ path, reason }) => [path, reason === "which?" ? answerAt(path) : "run again"]);
    const next = runner.restart(result.runId, { resume: Object.fromEntries(answers) });
    begun(next);
    result = await next;
  }
  return result;
}
