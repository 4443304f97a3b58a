// What can stand in the nodes of a dag: nodes, other dags (a call), and the composites made by map, flatMap and branch.

import type { AnyNode } from "./node.js";
import type { CompositeKind, Plan } from "./plan.js";

/** "`down` needs the output of `up`", optionally for the named input alone. */
export type Edge = readonly [up: string, down: string] | readonly [up: string, down: string, input: string];

/** An immutable dag: its nodes by label, its edges, and the plan computed from them. */
export interface Dag<N extends Nodes = Nodes, E extends readonly Edge[] = readonly Edge[]> {
  readonly kind: "dag";
  readonly name: string;
  readonly nodes: N;
  readonly edges: E;
  readonly plan: Plan;
}

/** A dag of any types. */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type AnyDag = Dag<any, any>;

/** Side inputs of a composite: the name of an input, and the label of the node of the outer dag that feeds it. */
export type Sides = Readonly<Record<string, string>>;

/**
 * The immutable definition of a composite, made by `map`, `flatMap` or `branch`. `In` is what it takes (of a map, one
 * element), `Out` what it gives (of a map, for one element), `C` what its functions need of `ctx`, `S` its side inputs
 * and `T` their types.
 */
export interface Composite<
  K extends Exclude<CompositeKind, "call"> = Exclude<CompositeKind, "call">,
  In = unknown,
  Out = unknown,
  C = unknown,
  S extends Sides = Sides,
  T = unknown,
> {
  readonly kind: K;
  /** One for each key of a branch, otherwise one under the empty text. */
  readonly subs: Readonly<Record<string, Member>>;
  readonly by: CompositeBy | undefined;
  readonly concurrency: number;
  readonly onError: "fail" | "collect";
  readonly with: S;
  /** Types only, never set. */
  readonly "~in"?: In;
  readonly "~out"?: Out;
  readonly "~sides"?: T;
  readonly "~context"?: (need: C) => void;
}

/** What a branch takes its key from: a property of the value, or a function of it. */
// biome-ignore lint/suspicious/noExplicitAny: the typed form is checked in `branch`.
export type CompositeBy = string | ((value: any) => unknown);

// biome-ignore lint/suspicious/noExplicitAny: a composite of any types.
export type AnyComposite = Composite<Exclude<CompositeKind, "call">, any, any, any, any, any>;

/** What may stand under a label, and what a composite may run. */
export type Member = AnyNode | AnyDag | AnyComposite;

/** The nodes of a dag by label. */
export type Nodes = Readonly<Record<string, Member>>;

/** Tells whether a value may stand under a label. */
export function isMember(value: unknown): value is Member {
  const kind = typeof value === "object" && value !== null ? (value as { kind?: unknown }).kind : undefined;
  return ["node", "dag", "map", "flatMap", "branch"].includes(kind as string);
}
