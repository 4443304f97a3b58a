// What a composite runs, seen from inside: the source that takes the element, the sink that gives the result, and where
// side inputs go.

import { quoted } from "../errors.js";
import type { AnyNode } from "./node.js";
import { MAIN_INPUT, type Plan, type Step, type SubPlan } from "./plan.js";
import { type AnySchema, isOptional, isSameType, memberTypes, typeName } from "./schema.js";
import { takesWhole } from "./wiring.js";

/** A side input as its dag sees it. */
export interface Side {
  readonly name: string;
  readonly up: number;
  readonly label: string;
  readonly output: AnySchema | undefined;
}

/** Where a composite stands, and what is wrong with it. */
export interface Place {
  readonly dag: string;
  readonly label: string;
  readonly faults: string[];
}

/** What gives a sub its input, in words and as a type. */
export interface Giver {
  readonly phrase: string;
  readonly output: AnySchema | undefined;
  /** True if a value is handed on only to the subs that take it: of a union, each takes its members. */
  readonly isSorted?: boolean;
}

/** A sub, and the type that it gives. */
export interface ComposedSub {
  readonly plan: SubPlan;
  readonly output: AnySchema | undefined;
}

/** A plan of one node that has the label of its composite. */
export function single({ dag, label }: Place, one: AnyNode): Plan {
  const step: Step = {
    index: 0,
    label,
    path: "",
    node: one,
    inputNames: Object.keys(one.input),
    feeds: [],
    upstream: [],
    downstream: [],
    inputPaths: {},
    version: one.version,
    composite: undefined,
  };
  const none = new Int32Array(1);
  const alone = { order: [0], sources: [0], sinks: [0], upstreamCounts: none, downstreamCounts: none };
  return { dag, steps: [step], ...alone, byPath: new Map([["", step]]) };
}

/** Finds the source that takes the element and the sink that gives the result, and places the side inputs. */
export function enterSub(
  place: Place,
  what: string,
  plan: Plan,
  separator: SubPlan["separator"],
  giver: Giver | undefined,
  sides: readonly Side[],
): ComposedSub {
  const at = (index: number) => plan.steps[index] as Step;
  const replaced = new Map<number, string>();
  for (const side of sides) {
    const index = separator === "/" ? plan.sources.find((source) => at(source).label === side.name) : undefined;
    if (index === undefined) continue;
    replaced.set(index, side.name);
    if (!side.output || !isSameType(side.output, at(index).node.output)) place.faults.push(wrongSide(place, side));
  }
  const sources = plan.sources.filter((index) => !replaced.has(index));
  if (sources.length !== 1 || plan.sinks.length !== 1) place.faults.push(shapeFault(what, plan, sources));
  if (plan.steps.length === 0) return { plan: { ...NOTHING, plan, separator }, output: undefined };
  const [source = 0] = sources;
  const [sink = 0] = plan.sinks;
  const given = sides.filter(({ name }) => ![...replaced.values()].includes(name));
  const labels = sources.map((index) => at(index).label);
  const input = elementInput(place, { what, sources: labels }, at(source), giver, given);
  return {
    plan: {
      plan: replaced.size === 0 ? plan : without(plan, replaced),
      separator,
      source,
      sink,
      input,
      given: given.map(({ name }) => name),
      replaced,
    },
    output: at(sink).node.output,
  };
}

const NOTHING: Omit<SubPlan, "plan" | "separator"> = { source: 0, sink: 0, input: "", given: [], replaced: new Map() };

/** The plan as if what side inputs replace were completed: nobody waits for it, and what it alone feeds can begin. */
function without(plan: Plan, replaced: ReadonlyMap<number, string>): Plan {
  const { steps } = plan;
  const upstreamCounts = Int32Array.from(steps, ({ upstream }) => upstream.filter((up) => !replaced.has(up)).length);
  const order = plan.order.filter((index) => !replaced.has(index));
  return { ...plan, order, sources: order.filter((index) => upstreamCounts[index] === 0), upstreamCounts };
}

/** A sub in words, and its sources. */
interface Described {
  readonly what: string;
  readonly sources: readonly string[];
}

/** The input of the source that takes the element: its only required one that no side input feeds. */
function elementInput(
  place: Place,
  sub: Described,
  { label, node: { input } }: Step,
  giver: Giver | undefined,
  sides: readonly Side[],
): string {
  for (const side of sides) {
    if (side.name === MAIN_INPUT)
      place.faults.push(
        `A side input of node "${place.label}" is called "input", as its main input is. Use another name.`,
      );
    const schema = Object.hasOwn(input, side.name) ? (input[side.name] as AnySchema) : undefined;
    if (!schema) place.faults.push(unknownSide(place, sub, side, label, Object.keys(input)));
    else if (!side.output || !takesWhole(side.output, schema)) place.faults.push(wrongSide(place, side));
  }
  const fed = new Set(sides.map(({ name }) => name));
  const free = Object.keys(input).filter((name) => !fed.has(name) && !isOptional(input[name] as AnySchema));
  const [name] = free;
  if (free.length !== 1 || name === undefined) {
    place.faults.push(
      `${sub.what} must start with a node that has exactly one required input, for the element; ${label === place.label ? "it" : `"${label}"`} has ${quoted(free)}. ${free.length === 0 ? "Give it one." : "Make the others optional(…), or side inputs of a map with `with`."}`,
    );
    return "";
  }
  const schema = input[name] as AnySchema;
  const where = label === place.label ? `"${label}"` : `"${label}" in node "${place.label}"`;
  if (giver?.output && !takesElement(giver, giver.output, schema)) {
    place.faults.push(
      `What is given by ${giver.phrase} ${printed(giver.output)}does not fit input "${name}" ${printed(schema)}of ${where}: ${differing(giver.output, schema)}. Use the same schema object in both.`,
    );
  }
  return name;
}

function takesElement({ isSorted }: Giver, output: AnySchema, input: AnySchema): boolean {
  if (takesWhole(output, input)) return true;
  return isSorted === true && memberTypes(output).some((one) => takesWhole(one as AnySchema, input));
}

function shapeFault(what: string, plan: Plan, sources: readonly number[]): string {
  const labels = (indexes: readonly number[]) => quoted(indexes.map((index) => plan.steps[index]?.label as string));
  return `${what} is dag "${plan.dag}", which must have exactly one source and one sink, but has the sources ${labels(sources)} and the sinks ${labels(plan.sinks)}. Join them, or let a map feed further sources with \`with\`.`;
}

function wrongSide({ label }: Place, side: Side): string {
  const why = side.output ? "has another type" : "returns nothing";
  return `Side input "${side.name}" of node "${label}" takes the output of "${side.label}", which ${why}. Use the same schema object in both.`;
}

function unknownSide(
  { label }: Place,
  { what, sources }: Described,
  { name }: Side,
  source: string,
  inputs: readonly string[],
): string {
  return `Node "${label}" has a side input "${name}", but ${what[0]?.toLowerCase()}${what.slice(1)} has no source and its first node no input of that name. Its sources are ${quoted(sources)}, the inputs of "${source}" ${quoted(inputs)}.`;
}

function differing(output: AnySchema, input: AnySchema): string {
  const name = typeName(output);
  return name !== undefined && name === typeName(input)
    ? `these are two different types of that name`
    : "their types differ";
}

function printed(schema: AnySchema): string {
  const name = typeName(schema);
  return name ? `(${name}) ` : "";
}
