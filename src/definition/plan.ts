// The wiring plan of a dag: computed once when the dag is declared, read by everything that runs or explains it.

import type { AnyNode } from "./node.js";
import { elementNames, elementText } from "./path.js";

/** What fills one input: the whole output of one upstream, or the outputs of several as a list. */
export interface Feed {
  readonly input: string;
  readonly from: number | readonly number[];
}

/** For the record: which paths each input of a node takes its value from; a list where several are collected. */
export type InputPaths = Readonly<Record<string, string | readonly string[]>>;

/** One node in its place. Numbers index {@link Plan.steps}. */
export interface Step {
  readonly index: number;
  readonly label: string;
  /** Its path inside its dag. */
  readonly path: string;
  /** For a composite a stand-in with its inputs and output, which is never called. */
  readonly node: AnyNode;
  readonly inputNames: readonly string[];
  readonly feeds: readonly Feed[];
  /** Direct neighbours, each once. */
  readonly upstream: readonly number[];
  readonly downstream: readonly number[];
  readonly inputPaths: InputPaths;
  /** The version of the declared node, also where a runner put another node in its place. */
  readonly version: string | undefined;
  readonly composite: CompositePlan | undefined;
  /** True if a runner put another node in this place. */
  readonly overridden?: true;
}

/** How the nodes of a dag hang together. */
export interface Plan {
  readonly dag: string;
  /** In the order of declaration. */
  readonly steps: readonly Step[];
  /** Step numbers, each after its upstreams. */
  readonly order: readonly number[];
  /** Those without upstream, and those without downstream. */
  readonly sources: readonly number[];
  readonly sinks: readonly number[];
  /** How many neighbours each step has, by step number. */
  readonly upstreamCounts: Int32Array;
  readonly downstreamCounts: Int32Array;
  readonly byPath: ReadonlyMap<string, Step>;
}

/** What a composite does: runs its sub once (`call`), for each element (`map`, `flatMap`), or one of several (`branch`). */
export type CompositeKind = "call" | "map" | "flatMap" | "branch";

/** How a composite runs. Its main input is called "input", the others are side inputs. */
export interface CompositePlan {
  readonly kind: CompositeKind;
  /** How many elements may be under way at a time. */
  readonly concurrency: number;
  /** A failed element is a result, not a failure. */
  readonly collects: boolean;
  /** For a branch: what the key is taken from; nothing if values are `[key, value]` pairs. */
  readonly by: string | ((value: never) => unknown) | undefined;
  /** What may be run: one for each key of a branch, otherwise one under the empty text. */
  readonly subs: ReadonlyMap<string, SubPlan>;
}

/** The input of a composite that takes what its one upstream returns. */
export const MAIN_INPUT = "input";

/** What a composite runs, as seen from inside. */
export interface SubPlan {
  /** Without the sources whose place side inputs take: nobody waits for those. */
  readonly plan: Plan;
  /** `/` if it is a dag, whose nodes have paths of their own behind that of the element. */
  readonly separator: "/" | "";
  readonly source: number;
  readonly sink: number;
  /** The input of the source that takes the element. */
  readonly input: string;
  /** Side inputs that are inputs of the source. */
  readonly given: readonly string[];
  /** Side inputs that take the place of a source, by its step number. */
  readonly replaced: ReadonlyMap<number, string>;
}

/** The step that executes at a path, at any depth; nothing if the dag has none there. */
export function stepAt(plan: Plan, path: string): Step | undefined {
  const [, label = "", elements = "", rest] = PATH.exec(path) ?? [];
  let step = plan.byPath.get(label);
  const names = elementNames(elements);
  for (const [i, element] of names.entries()) {
    const sub =
      step?.composite?.kind === "call" ? undefined : step?.composite && subOfElement(step.composite, element)[1];
    if (!sub) return undefined;
    // The nodes of a dag stand behind its last element.
    if (sub.separator === "/") return i === names.length - 1 && rest !== undefined ? stepAt(sub.plan, rest) : undefined;
    step = sub.plan.steps[0];
  }
  if (rest === undefined) return step;
  const called = elements === "" && step?.composite?.kind === "call" ? step.composite.subs.get("") : undefined;
  return called && stepAt(called.plan, rest);
}

const PATH = /^([^[{/]*)((?:\[[^\]]*\]|\{[^}]*\})*)(?:\/(.*))?$/s;

/** What a composite runs for an element (`[3]`, `{Oslo}`, nothing for a call), with its key. */
export function subOfElement(
  { kind, subs }: CompositePlan,
  element: string,
): readonly [key: string, sub: SubPlan | undefined] {
  if (kind !== "branch") return ["", subs.get("")];
  for (const [key, sub] of subs) if (elementText({ key }) === element) return [key, sub];
  return ["", undefined];
}
