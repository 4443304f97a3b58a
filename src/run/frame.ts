// One execution of one plan: the root dag of a run, or the sub of a composite for one of its elements.

import type { InputPaths, Plan, Step, SubPlan } from "../definition/plan.js";
import { copyAll } from "../isolate.js";
import { Outputs } from "./outputs.js";
import type { GivenInputs, Prior } from "./recording.js";
import { Scheduler } from "./scheduler.js";
import type { Scope } from "./scope.js";
import type { Work } from "./work.js";

/** What all frames of a run share. */
export interface Shared {
  readonly inputs: GivenInputs;
  readonly prior: Prior | undefined;
  /** Outputs that were frozen before; see `freezePlain`. */
  readonly frozen: WeakMap<object, boolean>;
}

/** What a frame needs of the composite whose element it is. */
export interface ElementHost {
  readonly sub: SubPlan;
  elementPath(position: number): string;
  /** The inputs of an element's source, for one attempt; and where these come from. */
  given(position: number, areCopied?: boolean): Record<string, unknown>;
  givenPaths(position: number): InputPaths;
  /** What of these inputs nobody else needs. */
  movable(position: number): readonly unknown[];
  /** A side input, and where it comes from. */
  side(name: string): unknown;
  sidePath(name: string): string;
}

/** Whose element a frame is. */
export interface Parent<C> {
  readonly run: C;
  readonly position: number;
}

/** The state of one execution of a plan. `C` is a composite under way. */
export class Frame<C extends ElementHost> implements Work {
  readonly plan: Plan;
  readonly scope: Scope<C>;
  readonly parent: Parent<C> | undefined;
  readonly scheduler: Scheduler;
  readonly outputs: Outputs;
  isQueued = false;
  nextWork: Work | undefined;
  readonly #shared: Shared;
  #prefix: string | undefined;
  /** The latest attempt of steps that were tried more than once. */
  #attempts: Map<number, number> | undefined;

  constructor(plan: Plan, scope: Scope<C>, shared: Shared, parent?: Parent<C>) {
    this.plan = plan;
    this.scope = scope;
    this.parent = parent;
    this.#shared = shared;
    const { prior } = shared;
    this.outputs = new Outputs(plan, this, shared.frozen);
    this.scheduler = new Scheduler(plan, prior && ((index) => this.#takeOver(index, prior)));
    if (!parent) return;
    for (const [index, name] of parent.run.sub.replaced) this.outputs.lend(index, parent.run.side(name));
  }

  get hasWork(): boolean {
    return this.scheduler.hasReady && !this.scope.isFailing;
  }

  /** What comes before the paths of its steps. Made on demand: where nothing is recorded, few ask for it. */
  get prefix(): string {
    if (this.#prefix === undefined) {
      const { run, position } = this.parent ?? {};
      this.#prefix = run ? run.elementPath(position as number) + run.sub.separator : "";
    }
    return this.#prefix;
  }

  pathOf({ path }: Step): string {
    return this.parent ? this.prefix + path : path;
  }

  /** The number of the next attempt of a step. */
  nextAttempt(step: Step): number {
    const before = this.#attempts?.get(step.index) ?? this.#shared.prior?.attempts(this.pathOf(step)) ?? 0;
    return before + 1;
  }

  /** Notes that a step will be tried again. */
  tried({ index }: Step, attempt: number): void {
    this.#attempts ??= new Map();
    this.#attempts.set(index, attempt);
  }

  /** The inputs of a source for one attempt, isolated from every other unless they are copied on their way. */
  given(step: Step, areCopied = false): Record<string, unknown> {
    if (this.parent) return this.parent.run.given(this.parent.position, areCopied);
    const inputs = this.#shared.inputs.get(step.path) ?? {};
    return areCopied ? { ...inputs } : copyAll(inputs);
  }

  /** What of these inputs nobody else needs: those of a run are recorded, and kept. */
  movableGiven(): readonly unknown[] {
    return this.parent?.run.movable(this.parent.position) ?? [];
  }

  /** Reads the recorded output of a step: at once, or as a promise. */
  load(step: Step): unknown {
    return this.#shared.prior?.load(this.pathOf(step));
  }

  /** For the record: where the inputs of a step come from, as paths in the run. */
  inputPaths(step: Step): InputPaths {
    const { parent } = this;
    if (!parent) return step.inputPaths;
    const { run, position } = parent;
    if (step.upstream.length === 0) return run.givenPaths(position);
    const { replaced } = run.sub;
    const pathAt = (index: number) => {
      const side = replaced.get(index);
      return side === undefined ? this.pathOf(this.plan.steps[index] as Step) : run.sidePath(side);
    };
    return Object.fromEntries(
      step.feeds.map(({ input, from }) => [input, typeof from === "number" ? pathAt(from) : from.map(pathAt)]),
    );
  }

  #takeOver(index: number, prior: Prior): boolean {
    const step = this.plan.steps[index] as Step;
    const isDone = prior.isDone(this.pathOf(step));
    if (isDone) this.outputs.knowRecorded(step);
    return isDone;
  }
}
