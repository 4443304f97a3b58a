// Which upstream feeds which input of one node: by name where the edge names the input, by identity of the type
// object otherwise. Faults are collected, not thrown, so that a dag reports all of them at once.

import { quoted } from "../errors.js";
import type { AnyNode } from "./node.js";
import type { Feed } from "./plan.js";
import { type AnySchema, elementOf, isList, isOptional, isSameType, typeName } from "./schema.js";

/** One edge as its downstream sees it. */
export interface Arrival {
  readonly up: number;
  readonly label: string;
  /** Of a composite only known when that is wired. */
  output: AnySchema | undefined;
  readonly input: string | undefined;
}

/** Finds labels of nodes that return a type, for the remedies in messages. */
export type ProducersOf = (schema: AnySchema) => readonly string[];

interface Supply extends Arrival {
  readonly as: "whole" | "element";
}
type Supplies = ReadonlyMap<string, Supply[]>;

/** Wires the inputs of `node` to the edges that arrive at it. */
export function wire(
  label: string,
  node: AnyNode,
  arrivals: readonly Arrival[],
  producersOf: ProducersOf,
): { feeds: Feed[]; faults: string[] } {
  const supplies: Supplies = new Map(Object.keys(node.input).map((name) => [name, []]));
  const faults = [...supplyNamed(label, node, arrivals, supplies), ...supplyByType(label, node, arrivals, supplies)];
  const feeds: Feed[] = [];
  for (const [input, found] of supplies) {
    const schema = node.input[input] as AnySchema;
    const fault = found.length === 0 ? unfed(label, input, schema, producersOf) : conflict(label, input, schema, found);
    if (fault) faults.push(fault);
    else if (found.length > 0) feeds.push({ input, from: origin(found) });
  }
  return { feeds, faults };
}

function origin(found: readonly Supply[]): Feed["from"] {
  const [first] = found as [Supply];
  return first.as === "whole" ? first.up : found.map(({ up }) => up);
}

function supplyNamed(label: string, node: AnyNode, arrivals: readonly Arrival[], supplies: Supplies): string[] {
  return arrivals.flatMap((arrival) => {
    if (arrival.input === undefined) return [];
    const found = supplies.get(arrival.input);
    if (!found) return [unknownInput(label, arrival, node)];
    const as = arrival.output && fits(arrival.output, node.input[arrival.input] as AnySchema);
    if (as) found.push({ ...arrival, as });
    return as ? [] : [misfit(label, arrival)];
  });
}

function supplyByType(label: string, node: AnyNode, arrivals: readonly Arrival[], supplies: Supplies): string[] {
  const named = new Set(arrivals.map(({ input }) => input));
  const free = Object.keys(node.input).filter((name) => !named.has(name));
  return arrivals.flatMap((arrival) => {
    const { output, input } = arrival;
    if (output === undefined || input !== undefined) return [];
    let isUsed = false;
    for (const name of free) {
      const as = fits(output, node.input[name] as AnySchema);
      if (!as) continue;
      supplies.get(name)?.push({ ...arrival, as });
      isUsed = true;
    }
    return isUsed ? [] : [feedsNothing(label, arrival, node)];
  });
}

function fits(output: AnySchema, input: AnySchema): Supply["as"] | undefined {
  if (takesWhole(output, input)) return "whole";
  const schema = bare(input);
  return isList(schema) && isSameType(schema.element, output) ? "element" : undefined;
}

/** True if an input of this type takes a value of that type as it is: they are one type, or lists of one type. */
export function takesWhole(output: AnySchema, input: AnySchema): boolean {
  const schema = bare(input);
  if (isSameType(schema, output)) return true;
  return isList(schema) && isSameType(elementOf(output), schema.element);
}

function bare(schema: AnySchema | undefined): AnySchema {
  return schema && isOptional(schema) ? schema.inner : (schema as AnySchema);
}

function unfed(label: string, input: string, schema: AnySchema, producersOf: ProducersOf): string | undefined {
  if (isOptional(schema)) return undefined;
  const wanted = isList(schema) ? schema.element : schema;
  const producers = new Set([...producersOf(wanted), ...producersOf(schema)].filter((other) => other !== label));
  const name = typeName(wanted) ?? "its type";
  const from = producers.size > 0 ? `${quoted(producers)} (returning ${name})` : `a node that returns ${name}`;
  return `Input "${input}" of node "${label}" is fed by nothing. Add an edge to "${label}" from ${from}, or declare the input as optional(…).`;
}

function conflict(label: string, input: string, schema: AnySchema, found: readonly Supply[]): string | undefined {
  if (found.length === 1) return undefined;
  const labels = (supplies: readonly Supply[]) => quoted(supplies.map((supply) => supply.label));
  const subject = `Input "${input}" of node "${label}"`;
  const example = `["${found[0]?.label}", "${label}", "${input}"]`;
  if (!isList(bare(schema))) {
    return `${subject} takes one value but is fed by ${labels(found)}. Name the input in the right edge: ${example}, or declare it as list(…) to collect them.`;
  }
  const lists = found.filter(({ as }) => as === "whole");
  const elements = found.filter(({ as }) => as === "element");
  if (lists.length === 0) return undefined;
  return elements.length === 0
    ? `${subject} takes one whole list but is fed by several: ${labels(lists)}. Keep one, or name the input that each should feed: ${example}.`
    : `${subject} is fed by lists (${labels(lists)}) and by single elements (of ${labels(elements)}). Use one kind, or name the input that each should feed: ${example}.`;
}

function unknownInput(label: string, { label: up, input }: Arrival, node: AnyNode): string {
  return `The edge ["${up}", "${label}", "${input}"] names an input that node "${label}" does not have. Its inputs are ${quoted(Object.keys(node.input))}.`;
}

function misfit(label: string, { label: up, input, output }: Arrival): string {
  const why = output ? "has another type than that input" : "returns nothing";
  return `The edge ["${up}", "${label}", "${input}"] cannot feed "${input}": node "${up}" ${why}. Use the same schema object in both nodes.`;
}

function feedsNothing(label: string, { label: up, output }: Arrival, node: AnyNode): string {
  const inputs = quoted(Object.keys(node.input));
  const name = output && typeName(output);
  const alike = name && Object.keys(node.input).find((input) => typeName(bare(node.input[input])) === name);
  const why = alike
    ? `"${up}" returns ${name} and input "${alike}" of "${label}" takes ${name}, but these are two different schema objects`
    : `no free input of "${label}" (${inputs}) has the type that "${up}" returns`;
  return `The edge ["${up}", "${label}"] feeds nothing: ${why}. Use the same schema object in both nodes, or remove the edge.`;
}
