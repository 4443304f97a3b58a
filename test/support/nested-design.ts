// Nested dags as plain data: what stands where, what feeds what, and how every function behaves.

import type { Kind } from "./nested-values.js";

/**
 * How a node behaves besides computing its value. `picky` ones fail for ever at some paths (only where a map collects
 * that), `broken` ones at some inputs until the world is healed, `pausing` ones want an answer at some paths.
 */
export type NestedBehaviour = "ok" | "flaky" | "broken" | "pausing" | "picky";

/** What feeds an input: a value of the run, the element, a side input, or members of the same dag by number. */
type From =
  | { readonly given: number }
  | { readonly element: true }
  | { readonly side: string }
  | { readonly up: number }
  | { readonly ups: readonly number[] };

/** An input of a node; `kind` is that of one value, also where several are collected. Without `from` it is unfed. */
export interface NestedInput {
  readonly name: string;
  readonly kind: Kind;
  readonly isOptional: boolean;
  readonly from: From | undefined;
}

/** A function. */
export interface LeafDesign {
  readonly is: "node";
  readonly id: number;
  readonly inputs: readonly NestedInput[];
  readonly output: Kind;
  /** The input that it returns as it is. */
  readonly passes: string | undefined;
  readonly behaviour: NestedBehaviour;
  readonly turns: number;
  readonly effect: boolean | "ask";
  readonly isVandal: boolean;
  /** The form of its values never depends on what it is given. */
  readonly isSteady: boolean;
}

/** A composite; `subs` has one entry for each key of a branch, otherwise one under the empty text. */
export interface CompositeDesign {
  readonly is: "composite";
  readonly id: number;
  readonly kind: "map" | "flatMap" | "call" | "branch";
  readonly by: "property" | "function" | "pair" | undefined;
  readonly concurrency: number | undefined;
  readonly collects: boolean;
  readonly subs: Readonly<Record<string, SubDesign>>;
  readonly output: Kind;
  readonly isSteady: boolean;
}

/** A source whose place a side input takes. */
interface PlaceDesign {
  readonly is: "place";
  readonly output: Kind;
}

/** What a composite runs. */
export type SubDesign = LeafDesign | CompositeDesign | DagDesign;

/** What stands under a label, with the members that a composite takes its inputs from. */
export interface MemberDesign {
  readonly label: string;
  readonly what: LeafDesign | CompositeDesign | PlaceDesign;
  readonly main: number | undefined;
  readonly sides: readonly { readonly name: string; readonly up: number }[];
}

/** A dag, its members after their upstreams; the last is the sink of a sub-dag. */
export interface DagDesign {
  readonly is: "dag";
  readonly id: number;
  readonly members: readonly MemberDesign[];
  readonly output: Kind;
}

/** The numbers of the members that a member needs. */
export function upsOf({ what, main, sides }: MemberDesign): number[] {
  const froms = what.is === "node" ? what.inputs.map(({ from }) => from) : [];
  const ups = froms.flatMap((from) => (from && "up" in from ? [from.up] : from && "ups" in from ? from.ups : []));
  return [...new Set([...(main === undefined ? [] : [main]), ...sides.map(({ up }) => up), ...ups])];
}
