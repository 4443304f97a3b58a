// What the compiler checks of a dag: edges against nodes, by structure. An edge that cannot be is replaced by a
// sentence that names both labels, which then stands in the compiler's message. Flat lookups, no recursion over the
// edge list: the cost is linear (the test "types" holds it).

import type { AnyComposite, AnyDag, Dag, Edge, Sides } from "./members.js";
import type { AnyNode, Inputs } from "./node.js";
import type { AnySchema, InputOf, OutputOf } from "./schema.js";

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

// ---- what a member takes and gives

/** The part of a composite that says what it takes and gives. */
interface Typed<K, In, Out> {
  readonly kind: K;
  readonly subs: unknown;
  readonly "~in"?: In;
  readonly "~out"?: Out;
}

/** What a node without output gives. */
interface Nothing {
  readonly "~nothing": true;
}

type Upstream<E extends readonly Edge[], L> = Extract<E[number], readonly [string, L, ...unknown[]]>[0];

type Collected<V, R> = [R] extends [Nothing]
  ? Nothing
  : V extends readonly unknown[]
    ? R[]
    : V extends ReadonlyMap<infer K, unknown>
      ? ReadonlyMap<K, R>
      : { readonly [key: string]: R };

/** What the node of a label gives; that of a map depends on its upstream. */
type Gives<N, E extends readonly Edge[], L extends keyof N> =
  N[L] extends Typed<"map", infer _In, infer Out>
    ? [Upstream<E, L>] extends [never]
      ? never
      : Upstream<E, L> extends infer U extends keyof N
        ? Collected<Gives<N, E, U>, Out>
        : never
    : Yields<N[L]>;

type NodeYields<M> = Output<M> extends AnySchema ? OutputOf<Output<M>> : Nothing;

/** What a member gives when it takes one value, or a list. */
export type Yields<M> = M extends { readonly kind: "node" }
  ? NodeYields<M>
  : M extends Dag<infer N, infer E>
    ? string extends keyof N
      ? // biome-ignore lint/suspicious/noExplicitAny: labels that the compiler does not know.
        any
      : Sinks<N, E> extends infer S extends keyof N
        ? Gives<N, E, S>
        : never
    : M extends Typed<infer K, infer _In, infer Out>
      ? K extends "map"
        ? Out[]
        : Out
      : never;

type RequiredOf<I> = { [K in keyof I]: I[K] extends { readonly kind: "optional" } ? never : K }[keyof I];

/** The source of a sub-dag that takes the element. */
type EntryOf<N, E extends readonly Edge[], S> = Exclude<Sources<N, E>, keyof S>;

type NodeTakes<M, S> = M extends { readonly input: infer I extends Inputs }
  ? Takes<I[Exclude<RequiredOf<I>, keyof S>]>
  : never;

/** What a member takes as its element, where `S` are its side inputs. */
export type Accepts<M, S = unknown> = M extends { readonly kind: "node" }
  ? NodeTakes<M, S>
  : M extends Dag<infer N, infer E>
    ? string extends keyof N
      ? // biome-ignore lint/suspicious/noExplicitAny: as in Yields.
        any
      : NodeTakes<N[EntryOf<N, E, S>], S>
    : M extends Typed<infer K, infer In, infer _Out>
      ? K extends "branch"
        ? In
        : readonly In[]
      : never;

type NodeInputs<M> = M extends { readonly input: infer I extends Inputs }
  ? { readonly [K in keyof I]: Takes<I[K]> }
  : unknown;

/** What the side inputs of a member may be, by name: inputs of its source, or other sources in whose place they come. */
export type SidesOf<M> = M extends { readonly kind: "node" }
  ? NodeInputs<M>
  : M extends Dag<infer N, infer E>
    ? { readonly [L in Sources<N, E>]: NodeYields<N[L]> } & NodeInputs<N[Sources<N, E>]>
    : unknown;

type IsOne<T, All = T> = [T] extends [never] ? false : T extends unknown ? ([All] extends [T] ? true : false) : never;

type CheckEntry<M, S, Good> = M extends { readonly input: infer I }
  ? string extends keyof I
    ? Good
    : IsOne<Exclude<RequiredOf<I>, keyof S>> extends true
      ? Good
      : "A sub must have exactly one required input, for the element"
  : Good;

type CheckSubDag<N, E extends readonly Edge[], S, Good> = string extends keyof N | E[number][0]
  ? Good
  : IsOne<EntryOf<N, E, S>> extends true
    ? IsOne<Sinks<N, E>> extends true
      ? CheckEntry<N[EntryOf<N, E, S>], S, Good>
      : "A sub-dag must have exactly one sink"
    : "A sub-dag must have exactly one source";

/** The member, or why it cannot be run by a composite with these side inputs. */
export type CheckSub<M, S = unknown> =
  CheckSideNames<M, S> extends infer Fault extends string ? Fault : CheckShape<M, S>;

type CheckShape<M, S> = M extends { readonly kind: "node" }
  ? CheckEntry<M, S, M>
  : M extends Dag<infer N, infer E>
    ? CheckSubDag<N, E, S, M>
    : M;

/** The member, or which side inputs it has no place for. */
type CheckSideNames<M, S> = string extends keyof SidesOf<M> | keyof S
  ? M
  : Exclude<keyof S, keyof SidesOf<M>> extends infer Unknown extends string
    ? [Unknown] extends [never]
      ? M
      : `The sub has no source and no input of this name: ${Unknown}`
    : M;

type ElementOf<V> = V extends readonly (infer T)[]
  ? T
  : V extends ReadonlyMap<unknown, infer T>
    ? T
    : V extends object
      ? V[keyof V]
      : Nothing;

type FitsComposite<V, M> =
  M extends Typed<infer K, infer In, infer _Out>
    ? (K extends "branch" ? V : ElementOf<V>) extends In
      ? "input"
      : never
    : M extends AnyDag
      ? V extends Accepts<M>
        ? "input"
        : never
      : never;

type Feeds<N, E extends readonly Edge[], U extends keyof N, D extends keyof N> = N[D] extends {
  readonly input: infer I extends Inputs;
}
  ? // The most frequent case first, and without a detour: it is most of what checking a large dag costs.
    N[U] extends { readonly output: infer O }
    ? O extends AnySchema
      ? Fitting<OutputOf<O>, I>
      : "order only"
    : Fitting<Gives<N, E, U>, I>
  : FitsComposite<Gives<N, E, U>, N[D]>;

// ---- edges

type CheckLabels<N, U extends string, D extends string> = U extends keyof N
  ? D extends keyof N
    ? true
    : `There is no node "${D}" for the edge from "${U}"`
  : `There is no node "${U}" for the edge to "${D}"`;

type CheckPair<N, All extends readonly Edge[], U extends string, D extends string, E> =
  CheckLabels<N, U, D> extends infer Fault extends string
    ? Fault
    : [Feeds<N, All, U & keyof N, D & keyof N>] extends [never]
      ? `The output of "${U}" fits no input of "${D}"`
      : E;

type CheckNamed<N, All extends readonly Edge[], U extends string, D extends string, In extends string, E> =
  CheckLabels<N, U, D> extends infer Fault extends string
    ? Fault
    : In extends keyof InputsOf<N[D & keyof N]>
      ? In extends Feeds<N, All, U & keyof N, D & keyof N>
        ? E
        : `The output of "${U}" does not fit input "${In}" of "${D}"`
      : `"${D}" has no input "${In}" for the edge from "${U}"`;

type CheckEdge<N, All extends readonly Edge[], E> = E extends readonly [infer U extends string, infer D extends string]
  ? string extends U | D
    ? E
    : CheckPair<N, All, U, D, E>
  : E extends readonly [infer U extends string, infer D extends string, infer In extends string]
    ? string extends U | D
      ? E
      : CheckNamed<N, All, U, D, In, E>
    : E;

/** The edges as given, each impossible one replaced by the reason. */
export type CheckEdges<N, E extends readonly Edge[]> = { readonly [K in keyof E]: CheckEdge<N, E, E[K]> };

type CheckSide<N, T, S extends Sides> = {
  readonly [K in keyof S]: S[K] extends keyof N
    ? K extends keyof T
      ? Yields<N[S[K]]> extends T[K]
        ? S[K]
        : N[S[K]] extends AnyComposite
          ? S[K]
          : `The output of "${S[K]}" does not fit side input "${K & string}"`
      : S[K]
    : string extends S[K]
      ? S[K]
      : `There is no node "${S[K]}" for side input "${K & string}"`;
};

interface Sided<S extends Sides, T> {
  readonly with: S;
  readonly "~sides"?: T;
}

/** The nodes as given, each side input that cannot be replaced by the reason. */
export type CheckSides<N> = string extends keyof N
  ? unknown
  : { readonly [L in keyof N]: N[L] extends Sided<infer S, infer T> ? { readonly with: CheckSide<N, T, S> } : unknown };

/** Labels that composites take side inputs from. */
type SideLabels<N> = {
  [L in keyof N]: N[L] extends { readonly with: infer S extends Sides } ? S[keyof S] : never;
}[keyof N];

/** The labels of nodes without an upstream; all labels where the edges are not known to the compiler. */
export type Sources<N, E extends readonly Edge[]> = string extends E[number][1]
  ? Label<N>
  : Exclude<Label<N>, E[number][1]>;

/** The labels of nodes without a downstream; all labels where the edges are not known to the compiler. */
export type Sinks<N, E extends readonly Edge[]> = string extends E[number][0]
  ? Label<N>
  : Exclude<Label<N>, E[number][0] | SideLabels<N>>;

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

type Value<N, E extends readonly Edge[], L extends keyof N> =
  Gives<N, E, L> extends infer V ? (V extends Nothing ? undefined : V) : never;

/** What a completed run gives: the output of every sink. */
export type SinkOutputs<N, E extends readonly Edge[]> = string extends E[number][0] | Label<N>
  ? { readonly [L in Label<N>]?: N[L] extends AnyNode ? Value<N, [], L> : unknown }
  : { readonly [L in Sinks<N, E>]: Value<N, E, L> };

/** What all nodes of a dag together need of `ctx` beyond the built-in fields. */
export type ContextNeeds<N> = 0 extends 1 & N // `any`, whose needs nobody knows
  ? unknown
  : {
        [L in keyof N]: 0 extends 1 & N[L]
          ? never
          : N[L] extends Dag<infer Inner, infer _E>
            ? (need: ContextNeeds<Inner>) => void
            : N[L] extends { readonly "~context"?: infer Need }
              ? NonNullable<Need>
              : never;
      }[keyof N] extends (need: infer All) => void
    ? All
    : never;
