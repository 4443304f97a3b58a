// The composites of the field: map, flatMap and branch. What they run is checked again, with labels, by `dag()`.

import { HeddleError } from "../errors.js";
import { expectCount, expectOptions } from "../expect.js";
import type { Accepts, CheckSub, ContextNeeds, SidesOf, Yields } from "./check.js";
import { type AnyComposite, type Composite, type CompositeBy, isMember, type Member, type Sides } from "./members.js";
import type { Settled } from "./schema.js";

/** How a `map` runs; all optional. */
export interface MapOptions<S extends Sides = Sides, Collects extends "fail" | "collect" = "fail" | "collect"> {
  /** How many elements may be under way at a time: a number from 1 and up. Default 16. */
  readonly concurrency?: number;
  /**
   * `fail` (default): the first element that fails aborts and awaits the others, and fails the run. `collect`: each
   * element gives a {@link Settled} result, a value or an error, and the node completes.
   */
  readonly onError?: Collects;
  /**
   * Side inputs that every element gets from other nodes of the dag, by reference: `{ airports: "load" }`. The name is
   * that of an input of the sub's first node, or of another source of a sub-dag, in whose place the side input comes.
   */
  readonly with?: S;
}

type Needs<M> = ContextNeeds<{ readonly sub: M }>;
// NoInfer keeps a composite that is written in place inside `dag(…)` from being inferred from what is expected there.
type MapNode<K extends "map" | "flatMap", M, S extends Sides, Out> = Composite<
  K,
  Accepts<M, S>,
  Out,
  Needs<M>,
  S,
  SidesOf<M>
>;
type Result<M, Collects> = "collect" extends Collects ? Settled<Yields<M>> : Yields<M>;

/**
 * Runs a node or a dag once per element of a list, a plain object or a Map. The results come in the same order and under
 * the same keys. At most `concurrency` elements are under way at a time.
 *
 * @throws HeddleError `INVALID_OPTION` naming the option.
 */
export function map<
  const M extends Member,
  const S extends Sides = Record<never, string>,
  const F extends "fail" | "collect" = "fail",
>(
  sub: M & CheckSub<M, S>,
  options: MapOptions<S, F> = {},
): MapNode<"map", NoInfer<M>, NoInfer<S>, Result<NoInfer<M>, NoInfer<F>>> {
  return composite("map", sub, options);
}

type CheckLists<M> = Yields<M> extends readonly unknown[] ? M : "The sub of a flatMap must return a list";
type ItemOf<L> = L extends readonly (infer T)[] ? T : never;

/**
 * Runs a node or a dag that returns a list once per element, and joins the lists.
 *
 * @throws HeddleError `INVALID_OPTION` naming the option.
 */
export function flatMap<const M extends Member, const S extends Sides = Record<never, string>>(
  sub: M & CheckSub<M, S> & CheckLists<M>,
  options: Omit<MapOptions<S>, "onError"> = {},
): MapNode<"flatMap", NoInfer<M>, NoInfer<S>, ItemOf<Yields<NoInfer<M>>>[]> {
  if ("onError" in options)
    throw invalid("A joined list has no place for errors. Use map with onError, and join its results yourself");
  return composite("flatMap", sub, options);
}

type Text<K> = K extends string | number | boolean ? `${K}` : never;
type Cases = Readonly<Record<string, Member>>;
type CheckCases<C, V> = {
  readonly [K in keyof C]: CheckSub<C[K]> extends infer Fault extends string
    ? Fault
    : [unknown, V] extends [V, unknown] | [unknown, Accepts<C[K]>]
      ? C[K]
      : "This case does not take what the branch is given";
};
type PairsOf<C> = { [K in keyof C & string]: readonly [key: K, value: Accepts<C[K]>] }[keyof C & string];
type TaggedBy<P extends string, C> = {
  [K in keyof C & string]: Accepts<C[K]> & { readonly [Q in P]: K };
}[keyof C & string];
type Branch<In, C> = Composite<"branch", In, Yields<C[keyof C]>, ContextNeeds<C>, Record<never, string>>;

/**
 * Runs one of several nodes or dags, chosen by a key: what a function says of the value (then all cases take that
 * value), or a property of the value (then each case takes the values with its key). Without `by` the value is a pair
 * `[key, value]`, of a node that returns `keyed({ … })`, and the case takes the value of the pair. All cases must return
 * the same type. The compiler wants a case for every key where the keys are known.
 *
 * @throws HeddleError `INVALID_OPTION` naming the option.
 */
export function branch<V, K extends string | number | boolean, const C extends { readonly [P in Text<K>]: Member }>(
  by: (value: V) => K,
  cases: C & CheckCases<C, V>,
): Branch<NoInfer<V>, NoInfer<C>>;
export function branch<const P extends string, const C extends Cases>(
  by: P,
  cases: C,
): Branch<TaggedBy<NoInfer<P>, NoInfer<C>>, NoInfer<C>>;
export function branch<const C extends Cases>(cases: C): Branch<PairsOf<NoInfer<C>>, NoInfer<C>>;
export function branch(...given: readonly unknown[]): unknown {
  if (given.length > 2)
    throw invalid("A branch takes `by` and its cases, and no options. Put it into a dag to give it side inputs");
  const [by, cases] = (given.length === 1 ? [undefined, ...given] : given) as [CompositeBy | undefined, Cases];
  if (by !== undefined && typeof by !== "function" && (typeof by !== "string" || by === ""))
    throw invalid("Expected `by` of a branch to be a function or the name of a property");
  if (typeof cases !== "object" || cases === null || Object.keys(cases).length === 0)
    throw invalid("Expected the cases of a branch to be an object with a node or a dag for each key");
  for (const [key, sub] of Object.entries(cases)) expectMember(`Case "${key}" of a branch`, sub);
  return frozen({ kind: "branch", subs: { ...cases }, by, concurrency: 1, onError: "fail", with: {} });
}

const DEFAULT_CONCURRENCY = 16;
const OPTIONS = ["concurrency", "onError", "with"];

function composite<T>(kind: "map" | "flatMap", sub: unknown, options: MapOptions): T {
  expectMember(`What ${kind} runs`, sub);
  expectOptions(kind, options, OPTIONS);
  const { concurrency = DEFAULT_CONCURRENCY, onError = "fail", with: sides = {} } = options;
  expectCount("concurrency", concurrency);
  if (onError !== "fail" && onError !== "collect")
    throw invalid(`Expected \`onError\` to be "fail" or "collect", got \`${onError}\``);
  if (typeof sides !== "object" || sides === null || Object.values(sides).some((label) => typeof label !== "string"))
    throw invalid('Expected `with` to name a node for each side input: { airports: "load" }');
  return frozen({
    kind,
    subs: { "": sub as Member },
    by: undefined,
    concurrency,
    onError,
    with: Object.freeze({ ...sides }),
  }) as T;
}

function frozen(fields: AnyComposite): AnyComposite {
  Object.freeze(fields.subs);
  return Object.freeze(fields);
}

function expectMember(what: string, value: unknown): void {
  if (isMember(value)) return;
  const remedy =
    typeof value === "function" ? "Wrap the function: node({ input, output, run })" : "Give it a node or a dag";
  throw invalid(`${what} must be a node or a dag, got ${value === null ? "null" : typeof value}. ${remedy}`);
}

function invalid(message: string): HeddleError {
  return new HeddleError("INVALID_OPTION", `${message}.`);
}
