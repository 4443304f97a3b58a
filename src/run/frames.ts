// The tree of a run under way: a frame is one execution of one plan, a composite run hands its elements out one by one,
// each to a frame of its own.

import { assemble, type Elements, nameAt } from "../collection.js";
import { elementText } from "../definition/path.js";
import {
  type CompositePlan,
  type InputPaths,
  MAIN_INPUT,
  type Plan,
  type Step,
  type SubPlan,
} from "../definition/plan.js";
import { HeddleError } from "../errors.js";
import type { Composed } from "../events.js";
import { copyAll, copyMutable } from "../isolate.js";
import { findElements } from "./find-elements.js";
import { Outputs } from "./outputs.js";
import type { FailedElement, GivenInputs, Prior } from "./recording.js";
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

/** Whose element a frame is. */
export interface Parent {
  readonly run: CompositeRun;
  readonly position: number;
}

/** The state of one execution of a plan. */
export class Frame implements Work {
  readonly plan: Plan;
  readonly scope: Scope<CompositeRun>;
  readonly parent: Parent | undefined;
  readonly scheduler: Scheduler;
  readonly outputs: Outputs;
  isQueued = false;
  nextWork: Work | undefined;
  readonly #shared: Shared;
  #prefix: string | undefined;
  /** The latest attempt of steps that were tried more than once. */
  #attempts: Map<number, number> | undefined;

  constructor(plan: Plan, scope: Scope<CompositeRun>, shared: Shared, parent?: Parent) {
    this.plan = plan;
    this.scope = scope;
    this.parent = parent;
    this.#shared = shared;
    const { prior } = shared;
    this.outputs = new Outputs(plan, this, shared.frozen);
    this.scheduler = new Scheduler(plan, prior && ((index) => this.#takeOver(index, prior)));
    if (!parent) return;
    for (const [index, name] of parent.run.sub.replaced) this.outputs.set(index, parent.run.side(name), true);
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

  /** A new attempt of a composite. */
  compositeRun(step: Step): CompositeRun {
    return new CompositeRun(this, step, this.nextAttempt(step));
  }

  /** Notes that a step will be tried again. */
  tried({ index }: Step, attempt: number): void {
    this.#attempts ??= new Map();
    this.#attempts.set(index, attempt);
  }

  /** The inputs of a source for one attempt, isolated from every other. */
  given(step: Step): Record<string, unknown> {
    if (this.parent) return this.parent.run.given(this.parent.position);
    const inputs = this.#shared.inputs.get(step.path);
    return inputs ? copyAll(inputs) : {};
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

/** The state of a composite under way. */
export class CompositeRun implements Work {
  readonly frame: Frame;
  readonly step: Step;
  readonly number: number;
  isQueued = false;
  nextWork: Work | undefined;
  readonly #plan: CompositePlan;
  #elements: Elements = { kind: "list", keys: undefined, values: [] };
  /** True if elements have mutable insides, and must be copied for each attempt. */
  #isMutable = false;
  #sides: Readonly<Record<string, unknown>> = {};
  #key = "";
  #sub: SubPlan;
  #results: unknown[] = [];
  readonly #failed: (readonly [position: number, path: string])[] = [];
  /** The elements that failed, where that is a result. */
  readonly failures: FailedElement[] = [];
  #begun = 0;
  #ended = 0;
  #inputPaths: InputPaths | undefined;

  constructor(frame: Frame, step: Step, number: number) {
    this.frame = frame;
    this.step = step;
    this.number = number;
    this.#plan = step.composite as CompositePlan;
    this.#sub = this.#plan.subs.get("") as SubPlan;
  }

  get path(): string {
    return this.frame.pathOf(this.step);
  }

  get inputPaths(): InputPaths {
    this.#inputPaths ??= this.frame.inputPaths(this.step);
    return this.#inputPaths;
  }

  get collects(): boolean {
    return this.#plan.collects;
  }

  /** True if elements have mutable insides. */
  get hasMutable(): boolean {
    return this.#isMutable;
  }

  /** True if what its elements give is handed on as it is. */
  get isShared(): boolean | undefined {
    return this.#sub.plan.steps[this.#sub.sink]?.node.share;
  }

  get hasWork(): boolean {
    const isFree = this.#begun - this.#ended < this.#plan.concurrency;
    return isFree && this.#begun < this.#elements.values.length && !this.frame.scope.isFailing;
  }

  get isComplete(): boolean {
    return this.#ended === this.#elements.values.length;
  }

  /** Takes its inputs, and finds out what to run. @throws whatever `by` throws, HeddleError `INVALID_INPUT`. */
  begin(): void {
    const { outputs } = this.frame;
    const main = this.step.feeds.find(({ input }) => input === MAIN_INPUT)?.from as number | undefined;
    this.#isMutable = main === undefined ? (this.frame.parent?.run.hasMutable ?? false) : outputs.isMutable(main);
    const input = main === undefined ? this.frame.given(this.step)[MAIN_INPUT] : outputs.peek(main);
    const sides = this.step.feeds.filter((feed) => feed.input !== MAIN_INPUT);
    // One copy for all elements, where a side input has mutable insides.
    this.#sides = Object.fromEntries(sides.map((feed) => [feed.input, outputs.see(feed.from as number)]));
    const found = findElements(this.#plan, input, this.#isMutable, this.path);
    this.#elements = found.elements;
    this.#sub = found.sub;
    this.#key = found.key;
    this.#results = new Array(this.#elements.values.length);
  }

  /** Begins the next element and returns its position. */
  next(): number {
    return this.#begun++;
  }

  /** Takes what an element gave. */
  complete(position: number, value: unknown): void {
    this.#ended++;
    this.#results[position] = this.collects ? { status: "completed", value } : value;
  }

  /** Takes the failure of an element. */
  fail(position: number, failed: FailedElement): void {
    const { failedNode: path, error } = failed;
    this.#ended++;
    this.#results[position] = { status: "failed", path, error };
    this.#failed.push([position, path]);
    this.failures.push(failed);
  }

  /** What the composite gives when all elements have ended. @throws HeddleError `INVALID_OUTPUT` if it cannot be joined. */
  output(): unknown {
    const odd = this.#kind === "joined" ? this.#results.findIndex((result) => !Array.isArray(result)) : -1;
    if (odd >= 0) {
      throw new HeddleError(
        "INVALID_OUTPUT",
        `The flatMap "${this.path}" joins lists, but "${this.sinkPath(odd)}" returned ${typeof this.#results[odd]}. Return a list, or use map.`,
      );
    }
    return assemble(this.#kind, this.#elements.keys, this.#results);
  }

  /** For the record: how its output is made of those of its children; and the keys, to be kept beside it. */
  composed(): { readonly composed: Composed; readonly keys: readonly unknown[] | undefined } {
    const { plan, separator, sink } = this.#sub;
    const composed: Composed = {
      kind: this.#kind,
      count: this.#results.length,
      sink: separator + plan.steps[sink]?.path,
      ...(this.#plan.kind === "branch" ? { element: elementText({ key: this.#key }) } : {}),
      ...(this.collects ? { failed: this.#failed } : {}),
    };
    return { composed, keys: this.#elements.keys };
  }

  // ---- what its elements ask for

  get sub(): SubPlan {
    return this.#sub;
  }

  elementPath(position: number): string {
    return this.path + this.#elementText(position);
  }

  /** The path of what an element gives. */
  sinkPath(position: number): string {
    const { plan, separator, sink } = this.#sub;
    return this.elementPath(position) + separator + plan.steps[sink]?.path;
  }

  /** True if everything in an element is recorded as completed, and not its sink alone. */
  isDone(position: number, prior: Prior): boolean {
    const { plan, separator } = this.#sub;
    const prefix = this.elementPath(position) + separator;
    return plan.order.every((index) => prior.isDone(prefix + plan.steps[index]?.path));
  }

  /** The inputs of an element's source, for one attempt. */
  given(position: number): Record<string, unknown> {
    const value = this.#elements.values[position];
    const inputs: Record<string, unknown> = { [this.#sub.input]: this.#isMutable ? copyMutable(value) : value };
    for (const name of this.#sub.given) inputs[name] = this.#sides[name];
    return inputs;
  }

  side(name: string): unknown {
    return this.#sides[name];
  }

  /** Where the inputs of an element's source come from. */
  givenPaths(position: number): InputPaths {
    const { kind, by } = this.#plan;
    const main = this.sidePath(MAIN_INPUT);
    let element = "";
    if (kind === "map" || kind === "flatMap") element = this.#elementText(position);
    else if (kind === "branch" && by === undefined) element = elementText({ index: 1 });
    const sides = this.#sub.given.map((name) => [name, this.sidePath(name)]);
    return Object.fromEntries([[this.#sub.input, main + element], ...sides]);
  }

  /** Where an input of the composite comes from. */
  sidePath(name: string): string {
    return this.inputPaths[name] as string;
  }

  // ----

  get #kind(): Composed["kind"] {
    if (this.#plan.kind === "flatMap") return "joined";
    return this.#plan.kind === "map" ? this.#elements.kind : "one";
  }

  #elementText(position: number): string {
    if (this.#plan.kind === "call") return "";
    if (this.#plan.kind === "branch") return elementText({ key: this.#key });
    return elementText(nameAt(this.#elements.keys, position));
  }
}
