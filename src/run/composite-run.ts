// One attempt of a composite: hands its elements out one by one, and collects what they give.

import { assemble, type Elements, nameAt } from "../collection.js";
import { elementText } from "../definition/path.js";
import { type CompositePlan, type InputPaths, MAIN_INPUT, type Step, type SubPlan } from "../definition/plan.js";
import { HeddleError } from "../errors.js";
import type { Composed } from "../events.js";
import { copyMutable } from "../isolate.js";
import { transferablesIn } from "../transferables.js";
import { findElements } from "./find-elements.js";
import type { ElementHost, Frame } from "./frame.js";
import type { FailedElement, Prior } from "./recording.js";
import type { Work } from "./work.js";

/** A frame of a run. */
export type RunFrame = Frame<CompositeRun>;

/** The state of a composite under way. */
export class CompositeRun implements Work, ElementHost {
  readonly frame: RunFrame;
  readonly step: Step;
  readonly number: number;
  isQueued = false;
  nextWork: Work | undefined;
  readonly #plan: CompositePlan;
  #elements: Elements = { kind: "list", keys: undefined, values: [] };
  /** True if elements have mutable insides, and must be copied for each attempt. */
  #isMutable = false;
  /** True if elements may be moved: nobody else needs them, nor anything that can be moved inside them. */
  #isMovable = false;
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

  constructor(frame: RunFrame, step: Step) {
    this.frame = frame;
    this.step = step;
    this.number = frame.nextAttempt(step);
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
    this.#isMovable = main !== undefined && outputs.isMovable(main) && areApart(this.#elements.values);
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
  given(position: number, areCopied = false): Record<string, unknown> {
    const value = this.#elements.values[position];
    const inputs: Record<string, unknown> = {
      [this.#sub.input]: this.#isMutable && !areCopied ? copyMutable(value) : value,
    };
    for (const name of this.#sub.given) inputs[name] = this.#sides[name];
    return inputs;
  }

  /** What of that may be moved to a place that copies. */
  movable(position: number): readonly unknown[] {
    return this.#isMovable ? [this.#elements.values[position]] : [];
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

/** True if there is something to be moved in these values, and no two of them hold the same of it. */
function areApart(values: readonly unknown[]): boolean {
  const { length } = transferablesIn(values);
  return length > 0 && length === values.reduce<number>((sum, value) => sum + transferablesIn([value]).length, 0);
}
