// Where the functions of a dag stand, at any depth: how a worker is told which one is meant.

import { elementText } from "./path.js";
import type { Plan, Step } from "./plan.js";

/** A step with a function, and its address: `stats`, `chunks[*]/parse`, `route{text}`. */
export interface Addressed {
  readonly address: string;
  readonly step: Step;
}

/** All steps with functions. What a runner put in other places stands where it was put. */
export function* addressesOf({ steps }: Plan, prefix = ""): Generator<Addressed> {
  for (const step of steps) {
    const address = prefix + step.path;
    if (!step.composite) yield { address, step };
    const { kind, subs } = step.composite ?? { subs: new Map() };
    for (const [key, { plan, separator }] of subs) {
      const element = kind === "call" ? "" : kind === "branch" ? elementText({ key }) : "[*]";
      yield* addressesOf(plan, address + element + separator);
    }
  }
}
