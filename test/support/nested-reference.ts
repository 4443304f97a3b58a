// What a run of a nested dag must give at every path, by plain evaluation, one function after the other.

import { type CompositeDesign, type DagDesign, type LeafDesign, type SubDesign, upsOf } from "./nested-design.js";
import { chooseCase, computeLeaf, pickyError } from "./nested-run.js";
import { escaped, keyText, makeKind } from "./nested-values.js";

type Values = Readonly<Record<string, unknown>>;

/** What must be at one path. */
export interface Expected {
  readonly path: string;
  readonly design: LeafDesign | CompositeDesign;
  /** The inputs that are fed. */
  readonly inputs: Values;
  readonly output: unknown;
  /** Instead of an output. */
  readonly failure: Error | undefined;
  /** Paths in the same dag whose outputs it takes. */
  readonly ups: readonly string[];
  /** Paths of the elements of a composite. */
  readonly elements: readonly string[];
}

/** All that is expected, by path. */
export type ExpectedTree = ReadonlyMap<string, Expected>;

/** What differs from a first run. */
export interface NestedCircumstances {
  readonly version?: number;
  /** Where picky nodes work. */
  readonly mended?: ReadonlySet<string>;
  /** What was there before, and which of its paths are executed again. */
  readonly before?: ExpectedTree;
  readonly executed?: ReadonlySet<string>;
}

/** The inputs that a design gives its sources, by label. */
export function nestedInputs({ members }: DagDesign): Readonly<Record<string, Values>> {
  const entries = members.map(({ label, what }) => {
    const inputs = what.is === "node" ? what.inputs : [];
    const given = inputs.flatMap(({ name, from, kind }) =>
      from && "given" in from ? [[name, makeKind(kind, from.given, from.given)] as const] : [],
    );
    return [label, Object.fromEntries(given)] as const;
  });
  return Object.fromEntries(entries.filter(([, values]) => Object.keys(values).length > 0));
}

/** Evaluates a design. */
export function evaluateNested(design: DagDesign, circumstances: NestedCircumstances = {}): Map<string, Expected> {
  const evaluation = new Evaluation(circumstances);
  evaluation.dag(design, "", { value: undefined, sides: {} });
  return evaluation.all;
}

/** The outputs of the sinks among what is expected. */
export function nestedSinks({ members }: DagDesign, expected: ExpectedTree): Record<string, unknown> {
  const taken = new Set(members.flatMap(upsOf));
  const sinks = members.filter((_, i) => !taken.has(i));
  return Object.fromEntries(sinks.map(({ label }) => [label, expected.get(escaped(label))?.output]));
}

/** True for what is inside the composite at a path, at any depth. */
function isInside(path: string, composite: string): boolean {
  return path.startsWith(composite) && "/[{".includes(path.charAt(composite.length)) && path !== composite;
}

/** A function failed for ever. */
class Failed extends Error {
  readonly path: string;
  readonly error: Error;

  constructor(path: string, error: Error) {
    super(error.message);
    this.path = path;
    this.error = error;
  }
}

/** What a sub is given. */
interface Surroundings {
  readonly value: unknown;
  readonly sides: Values;
}

class Evaluation {
  readonly all = new Map<string, Expected>();
  readonly #version: number;
  readonly #mended: ReadonlySet<string>;
  readonly #before: ExpectedTree | undefined;
  readonly #executed: ReadonlySet<string>;

  constructor({ version = 1, mended = new Set(), before, executed = new Set() }: NestedCircumstances) {
    this.#version = version;
    this.#mended = mended;
    this.#before = before;
    this.#executed = executed;
  }

  dag({ members }: DagDesign, prefix: string, around: Surroundings): unknown {
    const outputs: unknown[] = [];
    const pathAt = (i: number) => prefix + escaped(members[i]?.label as string);
    for (const [i, member] of members.entries()) {
      const { what, main, sides } = member;
      const taken = upsOf(member).filter((up) => members[up]?.what.is !== "place");
      const ups = taken.map(pathAt);
      const own = Object.fromEntries(sides.map(({ name, up }) => [name, outputs[up]]));
      if (what.is === "place") outputs.push(around.sides[members[i]?.label as string]);
      else if (what.is === "node") outputs.push(this.#leaf(what, pathAt(i), inputsOf(what, outputs, around), ups));
      else outputs.push(this.#composite(what, pathAt(i), { value: outputs[main as number], sides: own }, ups));
    }
    return outputs.at(-1);
  }

  /** What is taken over from before, if anything. */
  #kept(path: string): Expected | undefined {
    const kept = this.#executed.has(path) ? undefined : this.#before?.get(path);
    if (!kept) return undefined;
    this.all.set(path, kept);
    for (const [one, expected] of this.#before as ExpectedTree) if (isInside(one, path)) this.all.set(one, expected);
    return kept;
  }

  #leaf(design: LeafDesign, path: string, inputs: Values, ups: readonly string[]): unknown {
    const kept = this.#kept(path);
    if (kept?.failure) throw new Failed(path, kept.failure);
    if (kept) return kept.output;
    const failure = pickyError(design, path, { version: this.#version, mended: this.#mended });
    const output = failure ? undefined : computeLeaf(design, inputs, path, this.#version);
    const fed = design.inputs.flatMap(({ name, from }) => (from ? [[name, inputs[name]] as const] : []));
    this.all.set(path, { path, design, inputs: Object.fromEntries(fed), output, failure, ups, elements: [] });
    if (failure) throw new Failed(path, failure);
    return output;
  }

  #composite(design: CompositeDesign, path: string, around: Surroundings, ups: readonly string[]): unknown {
    const kept = this.#kept(path);
    if (kept) return kept.output;
    const { value, sides } = around;
    const { kind } = design;
    const elements = elementsOf(design, path, value);
    const paths = elements.map((element) => element.path);
    const results = elements.map(({ path: element, value: item, sub }) =>
      this.#element(design, sub, element, { value: item, sides }),
    );
    const output = kind === "call" || kind === "branch" ? results[0] : joined(kind, value, results);
    this.all.set(path, {
      path,
      design,
      inputs: { input: value, ...sides },
      output,
      failure: undefined,
      ups,
      elements: paths,
    });
    return output;
  }

  #element({ collects }: CompositeDesign, sub: SubDesign, path: string, around: Surroundings): unknown {
    try {
      const value = this.#sub(sub, path, around);
      return collects ? { status: "completed", value } : value;
    } catch (error) {
      if (!collects || !(error instanceof Failed)) throw error;
      return { status: "failed", path: error.path, error: error.error };
    }
  }

  #sub(sub: SubDesign, path: string, around: Surroundings): unknown {
    if (sub.is === "node") return this.#leaf(sub, path, inputsOf(sub, [], around), []);
    if (sub.is === "dag") return this.dag(sub, `${path}/`, around);
    return this.#composite(sub, path, { value: around.value, sides: {} }, []);
  }
}

function inputsOf({ inputs }: LeafDesign, outputs: readonly unknown[], { value, sides }: Surroundings): Values {
  const entries = inputs.map(({ name, from, kind }) => {
    if (!from) return [name, undefined];
    if ("given" in from) return [name, makeKind(kind, from.given, from.given)];
    if ("element" in from) return [name, value];
    if ("side" in from) return [name, sides[from.side]];
    return [name, "up" in from ? outputs[from.up] : from.ups.map((up) => outputs[up])];
  });
  return Object.fromEntries(entries);
}

interface Element {
  readonly path: string;
  readonly value: unknown;
  readonly sub: SubDesign;
}

function elementsOf(design: CompositeDesign, path: string, value: unknown): Element[] {
  const { kind, by, subs } = design;
  const at = (key: string) => subs[key] as SubDesign;
  if (kind === "call") return [{ path, value, sub: at("") }];
  if (kind === "branch") {
    const [key, item] = by === "pair" ? (value as [string, unknown]) : [keyOf(design, value), value];
    return [{ path: path + keyText(key, 0), value: item, sub: at(key) }];
  }
  if (Array.isArray(value)) return value.map((item, i) => ({ path: `${path}[${i}]`, value: item, sub: at("") }));
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  return entries.map(([key, item], i) => ({ path: path + keyText(key, i), value: item, sub: at("") }));
}

function keyOf(design: CompositeDesign, value: unknown): string {
  return design.by === "property" ? (value as { readonly tag: string }).tag : chooseCase(design, value);
}

function joined(kind: CompositeDesign["kind"], value: unknown, results: readonly unknown[]): unknown {
  if (kind === "flatMap") return results.flat(1);
  if (Array.isArray(value)) return results;
  if (value instanceof Map) return new Map([...value.keys()].map((key, i) => [key, results[i]]));
  return Object.fromEntries(Object.keys(value as object).map((key, i) => [key, results[i]]));
}
