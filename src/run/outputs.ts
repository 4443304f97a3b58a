// The outputs of one run while somebody still needs them: handed out isolated, let go after the last consumer, read
// back from the record only when asked for.

import type { Plan, Step } from "../definition/plan.js";
import type { RecordedOutput } from "../record/fold.js";
import { copyAll, copyMutable, freezePlain } from "./isolate.js";
import type { GivenInputs, RecordedOutputs } from "./recording.js";

/** Reads a recorded output, at once or as a promise. */
export type Load = (output: RecordedOutput) => unknown;

/** The outputs of one run by step number. */
export class Outputs {
  readonly #plan: Plan;
  readonly #given: GivenInputs;
  readonly #load: Load | undefined;
  readonly #values: unknown[];
  readonly #consumersLeft: Int32Array;
  readonly #unread = new Map<number, RecordedOutput>();
  readonly #mutable = new Set<number>();
  readonly #reading = new Map<number, Promise<void>>();
  readonly #known: Set<number>;

  constructor(plan: Plan, given: GivenInputs, known: RecordedOutputs | undefined, load: Load | undefined) {
    this.#plan = plan;
    this.#given = given;
    this.#load = load;
    this.#values = new Array(plan.steps.length);
    this.#known = new Set(known?.keys());
    for (const [index, output] of known ?? []) if (output) this.#unread.set(index, output);
    this.#consumersLeft = Int32Array.from(plan.steps, ({ downstream }) =>
      this.#known.size === 0 ? downstream.length : downstream.filter((down) => !this.#known.has(down)).length,
    );
  }

  /** Takes the output of a step, frozen from now on. */
  set(index: number, value: unknown, share: boolean | undefined): void {
    if (typeof value === "object" && value !== null && freezePlain(value) && !share) this.#mutable.add(index);
    if (this.#isNeeded(index)) this.#values[index] = value;
    this.#known.add(index);
  }

  /** True if an input of this step must be read from the record before {@link gather}. */
  isUnread(step: Step): boolean {
    return this.#unread.size > 0 && step.upstream.some((up) => this.#unread.has(up));
  }

  /** Reads the recorded inputs of this step. */
  async read(step: Step): Promise<void> {
    await Promise.all(step.upstream.map((up) => this.#read(up)));
  }

  /** The inputs for one attempt of a step, isolated from every other attempt. */
  gather(step: Step): Record<string, unknown> {
    const given = this.#given.get(step.path);
    if (given) return copyAll(given);
    const inputs: Record<string, unknown> = {};
    for (const { input, from } of step.feeds) {
      inputs[input] = typeof from === "number" ? this.#see(from) : from.map((up) => this.#see(up));
    }
    return inputs;
  }

  /** Notes that a step has ended for good: outputs nobody else waits for are let go. */
  release(step: Step): void {
    for (const up of step.upstream) {
      (this.#consumersLeft[up] as number)--;
      if (this.#isNeeded(up)) continue;
      this.#values[up] = undefined;
      this.#mutable.delete(up);
      this.#unread.delete(up);
    }
  }

  /** The outputs of all sinks that have one, for the caller of the run. */
  async sinks(): Promise<Record<string, unknown>> {
    const sinks = this.#plan.steps.filter(({ index, downstream }) => downstream.length === 0 && this.#known.has(index));
    await Promise.all(sinks.map(({ index }) => this.#read(index)));
    return Object.fromEntries(sinks.map(({ label, index }) => [label, this.#see(index)]));
  }

  #isNeeded(index: number): boolean {
    return (this.#consumersLeft[index] as number) > 0 || this.#plan.steps[index]?.downstream.length === 0;
  }

  #see(index: number): unknown {
    const value = this.#values[index];
    return this.#mutable.has(index) ? copyMutable(value) : value;
  }

  #read(index: number): Promise<void> | undefined {
    const output = this.#unread.get(index);
    if (!output) return undefined;
    const reading = this.#reading.get(index) ?? this.#readNow(index, output);
    this.#reading.set(index, reading);
    return reading;
  }

  async #readNow(index: number, output: RecordedOutput): Promise<void> {
    const value = await this.#load?.(output);
    this.set(index, value, this.#plan.steps[index]?.node.share);
    this.#unread.delete(index);
    this.#reading.delete(index);
  }
}
