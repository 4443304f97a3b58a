// What the compiler checks of a dag: edges against nodes, by structure. An edge that cannot be is replaced by a
// sentence that names both labels, which then stands in the compiler's message. Flat lookups, no recursion over the
// edge list: the cost is linear (the test "types" holds it).

import type { AnyNode, Inputs } from "./node.js";
import type { AnySchema, InputOf, OutputOf } from "./schema.js";

/** The nodes of a dag by label. */
export type Nodes = Readonly<Record<string, AnyNode>>;

/** "`down` needs the output of `up`", optionally for the named input alone. */
export type Edge = readonly [up: string, down: string] | readonly [up: string, down: string, input: string];

/** The labels of a dag. */
export type Label<N> = keyof N & string;

type Output<Up> = Up extends { readonly output: infer O } ? O : never;
type InputsOf<Down> = Down extends { readonly input: infer I extends Inputs } ? I : never;

/** What an input takes from one upstream: its own type; a list also takes one element. */
type Takes<S> = S extends { readonly kind: "list"; readonly element: infer T extends AnySchema }
  ? OutputOf<T> | OutputOf<T>[]
  : S extends { readonly kind: "optional"; readonly inner: infer T }
    ? Takes<T>
    : S extends AnySchema
      ? OutputOf<S>
      : never;

type Fitting<Value, I extends Inputs> = { [K in keyof I]: Value extends Takes<I[K]> ? K : never }[keyof I];

type Feeds<N, U extends keyof N, D extends keyof N> =
  Output<N[U]> extends AnySchema ? Fitting<OutputOf<Output<N[U]>>, InputsOf<N[D]>> : "order only";

type CheckLabels<N, U extends string, D extends string> = U extends keyof N
  ? D extends keyof N
    ? true
    : `There is no node "${D}" for the edge from "${U}"`
  : `There is no node "${U}" for the edge to "${D}"`;

type CheckPair<N, U extends string, D extends string, E> =
  CheckLabels<N, U, D> extends infer Fault extends string
    ? Fault
    : [Feeds<N, U & keyof N, D & keyof N>] extends [never]
      ? `The output of "${U}" fits no input of "${D}"`
      : E;

type CheckNamed<N, U extends string, D extends string, In extends string, E> =
  CheckLabels<N, U, D> extends infer Fault extends string
    ? Fault
    : In extends keyof InputsOf<N[D & keyof N]>
      ? In extends Feeds<N, U & keyof N, D & keyof N>
        ? E
        : `The output of "${U}" does not fit input "${In}" of "${D}"`
      : `"${D}" has no input "${In}" for the edge from "${U}"`;

type CheckEdge<N, E> = E extends readonly [infer U extends string, infer D extends string]
  ? string extends U | D
    ? E
    : CheckPair<N, U, D, E>
  : E extends readonly [infer U extends string, infer D extends string, infer In extends string]
    ? string extends U | D
      ? E
      : CheckNamed<N, U, D, In, E>
    : E;

/** The edges as given, each impossible one replaced by the reason. */
export type CheckEdges<N, E extends readonly Edge[]> = { readonly [K in keyof E]: CheckEdge<N, E[K]> };

/** The labels of nodes without an upstream; all labels where the edges are not known to the compiler. */
export type Sources<N, E extends readonly Edge[]> = string extends E[number][1]
  ? Label<N>
  : Exclude<Label<N>, E[number][1]>;

/** The labels of nodes without a downstream; all labels where the edges are not known to the compiler. */
export type Sinks<N, E extends readonly Edge[]> = string extends E[number][0]
  ? Label<N>
  : Exclude<Label<N>, E[number][0]>;

type MayBeAbsent<I extends Inputs> = { [K in keyof I]: undefined extends InputOf<I[K]> ? K : never }[keyof I];

/** What the caller gives one source: a value per input; those that accept `undefined` may be left out. */
export type Given<I extends Inputs> = { readonly [K in Exclude<keyof I, MayBeAbsent<I>>]: InputOf<I[K]> } & {
  readonly [K in MayBeAbsent<I>]?: InputOf<I[K]>;
};

type Needy<N, L extends keyof N> = {
  [K in L]: Exclude<keyof InputsOf<N[K]>, MayBeAbsent<InputsOf<N[K]>>> extends never ? never : K;
}[L];

/** What `run` takes: the inputs of every source; sources that need nothing may be left out. */
export type SourceInputs<N, E extends readonly Edge[]> = string extends E[number][1] | Label<N>
  ? { readonly [L in Label<N>]?: Given<InputsOf<N[L]>> }
  : { readonly [L in Needy<N, Sources<N, E>>]: Given<InputsOf<N[L]>> } & {
      readonly [L in Exclude<Sources<N, E>, Needy<N, Sources<N, E>>>]?: Given<InputsOf<N[L]>>;
    };

type Value<Up> = Output<Up> extends AnySchema ? OutputOf<Output<Up>> : undefined;

/** What a completed run gives: the output of every sink. */
export type SinkOutputs<N, E extends readonly Edge[]> = string extends E[number][0] | Label<N>
  ? { readonly [L in Label<N>]?: Value<N[L]> }
  : { readonly [L in Sinks<N, E>]: Value<N[L]> };

/** What all nodes of a dag together need of `ctx` beyond the built-in fields. */
export type ContextNeeds<N> = 0 extends 1 & N // `any`, whose needs nobody knows
  ? unknown
  : {
        [L in keyof N]: N[L] extends { readonly "~context"?: infer Need } ? NonNullable<Need> : never;
      }[keyof N] extends (need: infer All) => void
    ? All
    : never;
