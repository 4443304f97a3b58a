// Random dags: designs as plain data, drawn so that they are valid, with what feeds every input known beforehand.

import * as fc from "fast-check";
import { type AnySchema, type Edge, list, optional, type } from "heddle";
import { hash, make, TYPES } from "./random-values.js";

const SCHEMAS: readonly AnySchema[] = TYPES.map((name) => type<unknown>(name));
const LISTS: readonly AnySchema[] = SCHEMAS.map((schema) => list(schema));

/** A type, or a list of it. */
interface Kind {
  readonly type: number;
  readonly many: boolean;
}

/** The schema of a kind of value: always the same object. */
export function schemaOf({ type: t, many }: Kind): AnySchema {
  return (many ? LISTS : SCHEMAS)[t] as AnySchema;
}

/** How a node behaves besides computing its value. */
export type Behaviour = "ok" | "flaky" | "broken" | "pausing";

/** What feeds one input: the value a source is given, or the numbers of the nodes it takes its value from. */
interface InputDesign {
  readonly name: string;
  readonly schema: AnySchema;
  readonly from: { readonly given: unknown } | { readonly up: number } | { readonly ups: number[] } | undefined;
}

/** One node, with numbers for its upstreams; these are always smaller than its own. */
export interface NodeDesign {
  readonly label: string;
  readonly inputs: readonly InputDesign[];
  /** Upstreams without output, which only order. */
  readonly after: readonly number[];
  readonly output: Kind | undefined;
  readonly draw: NodeDraw;
}

/** A dag before it is built, in topological order. */
export interface Design {
  readonly nodes: readonly NodeDesign[];
  readonly edges: readonly Edge[];
  readonly draw: Draw;
}

// ---- drawing

const TAILS = ["", "", "", "/x", "[0]", "{y}", " %", "é*"];

const inputDraw = fc.record({
  take: fc.constantFrom("one", "one", "list", "list", "unfed"),
  up: fc.nat(999),
  mask: fc.nat(0xffff),
  isOptional: fc.boolean(),
  isNamed: fc.boolean(),
});
const nodeDraw = fc.record({
  inputs: fc.array(inputDraw, { maxLength: 4, size: "max" }),
  output: fc.option(fc.record({ type: fc.nat(TYPES.length - 1), many: fc.nat(3).map((n) => n === 3) }), { freq: 6 }),
  behaviour: fc.constantFrom<Behaviour>("ok", "ok", "ok", "flaky", "broken", "pausing"),
  turns: fc.nat(3),
  effect: fc.constantFrom<boolean | "ask">(false, false, false, true, "ask"),
  isVandal: fc.boolean(),
  salt: fc.nat(9),
});
type InputDraw = typeof inputDraw extends fc.Arbitrary<infer T> ? T : never;
type NodeDraw = typeof nodeDraw extends fc.Arbitrary<infer T> ? T : never;
interface Draw {
  readonly nodes: readonly NodeDraw[];
  /** How the edges and the declaration of the nodes are ordered. */
  readonly shuffle: number;
}

/** How many nodes, and which behaviours all but "ok" may have. */
export interface DesignOptions {
  readonly min?: number;
  readonly max?: number;
  readonly behaviours?: readonly Behaviour[];
}

/** Random designs that shrink. */
export function designs({ min = 1, max = 14, behaviours }: DesignOptions = {}): fc.Arbitrary<Design> {
  const nodes = fc.array(nodeDraw, { minLength: min, maxLength: max, size: "max" });
  const tame = (draw: NodeDraw): NodeDraw =>
    behaviours && !behaviours.includes(draw.behaviour) ? { ...draw, behaviour: "ok" } : draw;
  return fc.record({ nodes, shuffle: fc.nat(99) }).map((draw) => designOf({ ...draw, nodes: draw.nodes.map(tame) }));
}

/** The design of a seed. */
export function designOfSeed(seed: number, options?: DesignOptions): Design {
  return fc.sample(designs(options), { seed, numRuns: 1 })[0] as Design;
}

// ---- wiring: what the draw means

interface Arc {
  readonly up: number;
  readonly down: number;
  readonly input: string | undefined;
  readonly isNamed: boolean;
}

function designOf(draw: Draw): Design {
  const nodes: NodeDesign[] = [];
  const arcs: Arc[] = [];
  for (const [i, nodeDraw] of draw.nodes.entries()) {
    const label = `n${i}${TAILS[hash(`${i} ${nodeDraw.salt}`) % TAILS.length]}`;
    const fed = feed(i, nodeDraw, nodes);
    const isSource = fed.arcs.length === 0;
    arcs.push(...fed.arcs);
    const inputs = isSource ? nodeDraw.inputs.map(sourceInput) : fed.inputs;
    const after = fed.arcs.flatMap(({ up, input }) => (input === undefined ? [up] : []));
    nodes.push({ label, inputs, after, output: nodeDraw.output ?? undefined, draw: nodeDraw });
  }
  const ordered = shuffled(arcs, draw.shuffle);
  // A list is collected in the order of the edges.
  for (const [down, { inputs }] of nodes.entries())
    for (const { name, from } of inputs) {
      if (from === undefined || !("ups" in from)) continue;
      from.ups.splice(0, 99, ...ordered.flatMap((arc) => (arc.down === down && arc.input === name ? [arc.up] : [])));
    }
  const label = (i: number) => nodes[i]?.label as string;
  const edges = ordered.map(
    ({ up, down, input, isNamed }): Edge =>
      isNamed && input !== undefined ? [label(up), label(down), input] : [label(up), label(down)],
  );
  return { nodes, edges, draw };
}

/** Feeds the inputs of node `i` from the nodes before it. */
function feed(i: number, { inputs: draws }: NodeDraw, nodes: readonly NodeDesign[]) {
  const inputs: InputDesign[] = [];
  const arcs: Arc[] = [];
  // Of inputs of one type, one alone may be found by its type; an unfed one is always among the free.
  const free = new Set(draws.flatMap(({ take, up }) => (take === "unfed" ? [up % TYPES.length] : [])));
  for (const [k, draw] of draws.entries()) {
    const name = `in${k}`;
    const up = i === 0 ? undefined : draw.up % i;
    if (draw.take === "unfed")
      inputs.push({ name, schema: optional(schemaOf({ type: draw.up % TYPES.length, many: false })), from: undefined });
    if (up === undefined || draw.take === "unfed") continue;
    const output = nodes[up]?.output;
    if (!output) {
      if (!arcs.some((arc) => arc.up === up)) arcs.push({ up, down: i, input: undefined, isNamed: false });
      continue;
    }
    const found = takeFrom(up, output, draw, nodes);
    const isNamed = draw.isNamed || free.has(output.type);
    if (!isNamed) free.add(output.type);
    inputs.push({ name, schema: draw.isOptional ? optional(found.schema) : found.schema, from: found.from });
    for (const one of "ups" in found.from ? found.from.ups : [found.from.up])
      arcs.push({ up: one, down: i, input: name, isNamed });
  }
  return { inputs, arcs };
}

function takeFrom(up: number, { type: t, many }: Kind, { take, mask }: InputDraw, nodes: readonly NodeDesign[]) {
  if (many || take === "one") return { schema: schemaOf({ type: t, many }), from: { up } };
  const ups = nodes.flatMap(({ output }, j) =>
    output?.type === t && !output.many && (j === up || (mask >> j) & 1) ? [j] : [],
  );
  return { schema: schemaOf({ type: t, many: true }), from: { ups } };
}

function sourceInput({ take, up, mask, isOptional }: InputDraw, k: number): InputDesign {
  const t = up % TYPES.length;
  const schema = schemaOf({ type: t, many: take === "list" });
  const value = take === "list" ? [make(t, mask), make(t, up)] : make(t, mask);
  const isGiven = take !== "unfed";
  return {
    name: `in${k}`,
    schema: isOptional || !isGiven ? optional(schema) : schema,
    from: isGiven ? { given: value } : undefined,
  };
}

/** Another order of the same things. */
export function shuffled<T>(items: readonly T[], shuffle: number): T[] {
  if (shuffle % 3 === 0) return [...items];
  const keyed = items.map((item, i) => ({ item, key: shuffle % 3 === 1 ? -i : hash(`${shuffle} ${i}`) }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
