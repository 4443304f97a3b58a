// What a dag is, as data: its shape decides whether a recorded run still fits it. Two runs of the same shape have the
// same fingerprint, whatever the order of declaration.

import type { AnyNode } from "../definition/node.js";
import type { CompositeKind, CompositePlan, Plan, Step } from "../definition/plan.js";
import { isList, isOptional } from "../definition/schema.js";
import { quoted } from "../errors.js";
import { hashText } from "../hash-text.js";

/** One node of a shape: what its inputs are fed from, its further upstreams, and its explicit version. */
export interface NodeShape {
  readonly label: string;
  /** Inside its dag. */
  readonly path: string;
  /** Name, kind (`one`, `list`, optional ones with `?`) and the paths that feed it. */
  readonly inputs: readonly (readonly [name: string, kind: string, from: string | readonly string[]])[];
  /** All direct upstreams, by path. */
  readonly upstream: readonly string[];
  readonly version?: string;
  readonly composite?: CompositeShape;
}

/** What a composite runs. */
export interface CompositeShape {
  readonly kind: CompositeKind;
  /** The property that a branch looks at, or that it asks a function. */
  readonly by?: string;
  readonly collects?: true;
  /** The nodes of each sub, by the key of a branch, and whether they have paths of their own. */
  readonly subs: readonly (readonly [key: string, separator: string, nodes: readonly NodeShape[]])[];
}

/** The canonical description of a dag: nodes in the order of their labels. */
export interface Shape {
  readonly dag: string;
  readonly nodes: readonly NodeShape[];
}

/** A hash of each function's source text by path: a hint only, since minifiers change it. */
export type Code = readonly (readonly [path: string, hash: string])[];

/** Reads the description of a dag; nothing if the text is none. */
export function shapeIn(text: string): Shape | undefined {
  try {
    const shape = JSON.parse(text) as Partial<Shape> | null;
    return typeof shape?.dag === "string" && areNodeShapes(shape.nodes) ? (shape as Shape) : undefined;
  } catch {
    return undefined;
  }
}

function areNodeShapes(nodes: unknown): boolean {
  return Array.isArray(nodes) && nodes.every(isNodeShape);
}

function isNodeShape(node: Partial<NodeShape> | null): boolean {
  if (typeof node?.label !== "string" || typeof node.path !== "string") return false;
  if (!Array.isArray(node.inputs) || !Array.isArray(node.upstream)) return false;
  const subs: unknown = node.composite ? node.composite.subs : [];
  return Array.isArray(subs) && subs.every((sub) => Array.isArray(sub) && areNodeShapes(sub[2]));
}

/** Describes a dag. */
export function shapeOf(plan: Plan): Shape {
  return { dag: plan.dag, nodes: nodeShapes(plan) };
}

/** Hashes the source text of every function. */
export function codeOf(plan: Plan, prefix = ""): Code {
  const code: [path: string, hash: string][] = [];
  for (const { path, node, composite } of byLabel(plan)) {
    if (!composite) code.push([prefix + path, hashOf(node.run)]);
    else if (typeof composite.by === "function") code.push([prefix + path, hashOf(composite.by)]);
    for (const [key, { plan: inner, separator }] of composite?.subs ?? []) {
      for (const line of codeOf(inner, `${prefix}${path}{${key}}${separator}`)) code.push([...line]);
    }
  }
  return code;
}

/** How the nodes of one dag differ from those recorded. */
export interface Changes {
  /** The nodes that are new, changed or gone, each with a sentence that says how; under "" for the dag itself. */
  readonly found: ReadonlyMap<string, string>;
  /** For composites that are the same themselves, what changed in their subs, by path and key. */
  readonly inner: ReadonlyMap<string, ReadonlyMap<string, Changes>>;
}

/** Compares two dags. */
export function changes(before: Shape, now: Shape): Changes {
  const { found, inner } = nodeChanges(before.nodes, now.nodes, "");
  if (before.dag === now.dag) return { found, inner };
  return { found: new Map([["", `the dag is called "${now.dag}", was "${before.dag}"`], ...found]), inner };
}

/** All sentences about changes, at any depth. */
export function sentences({ found, inner }: Changes): string[] {
  return [...found.values(), ...[...inner.values()].flatMap((subs) => [...subs.values()].flatMap(sentences))];
}

function hashOf(run: unknown): string {
  return hashText(String(run)).toString(16).padStart(8, "0");
}

function byLabel(plan: Plan): Step[] {
  return [...plan.steps].sort((a, b) => (a.label < b.label ? -1 : 1));
}

/** What a composite replaces by side inputs is left out: it is never executed there. */
function nodeShapes(plan: Plan): NodeShape[] {
  const isWhole = plan.order.length === plan.steps.length;
  const here = isWhole ? undefined : new Set(plan.order);
  const shapes: NodeShape[] = [];
  for (const step of byLabel(plan)) {
    if (here && !here.has(step.index)) continue;
    const upstream = here ? step.upstream.filter((index) => here.has(index)) : step.upstream;
    shapes.push(nodeShape(step, upstream.map((index) => plan.steps[index]?.path as string).sort()));
  }
  return shapes;
}

function nodeShape(
  { label, path, node, inputPaths, version, composite }: Step,
  upstream: readonly string[],
): NodeShape {
  const names = Object.keys(node.input).sort();
  const from = (name: string) => (Object.hasOwn(inputPaths, name) ? (inputPaths[name] ?? []) : []);
  const inputs = names.map((name) => [name, kindOf(node, name), from(name)] as const);
  // No spreading: these are as many objects as the dag has nodes, and made when a run begins.
  const shape: { -readonly [K in keyof NodeShape]: NodeShape[K] } = { label, path, inputs, upstream };
  if (version !== undefined) shape.version = version;
  if (composite) shape.composite = compositeShape(composite);
  return shape;
}

function compositeShape({ kind, by, collects, subs }: CompositePlan): CompositeShape {
  return {
    kind,
    ...(by === undefined ? {} : { by: typeof by === "function" ? "a function" : `property ${by}` }),
    ...(collects ? { collects } : {}),
    subs: [...subs]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { plan, separator }]) => [key, separator, nodeShapes(plan)]),
  };
}

function kindOf(node: AnyNode, name: string): string {
  const schema = node.input[name];
  const kind = isList(isOptional(schema) ? schema.inner : schema) ? "list" : "one";
  return isOptional(schema) ? `${kind}?` : kind;
}

function nodeChanges(before: readonly NodeShape[], now: readonly NodeShape[], prefix: string): Changes {
  const old = new Map(before.map((node) => [node.path, node]));
  const found = new Map<string, string>();
  const inner = new Map<string, ReadonlyMap<string, Changes>>();
  for (const node of now) {
    const was = old.get(node.path);
    old.delete(node.path);
    const name = `"${prefix}${node.label}"`;
    const change = was ? (nodeChange(was, node, name) ?? compositeChange(was, node, name)) : `${name} is new`;
    if (change) found.set(node.path, change);
    else if (was?.composite && node.composite) {
      const subs = subChanges(was.composite, node.composite, `${prefix}${node.label}`);
      if (subs.size > 0) inner.set(node.path, subs);
    }
  }
  for (const node of old.values()) found.set(node.path, `"${prefix}${node.label}" is gone`);
  return { found, inner };
}

function compositeChange(
  { composite: was }: NodeShape,
  { composite: is }: NodeShape,
  name: string,
): string | undefined {
  if (!was && !is) return undefined;
  if (was?.kind !== is?.kind) return `${name} is a ${is?.kind ?? "node"}, was a ${was?.kind ?? "node"}`;
  if (was?.by !== is?.by) return `${name} branches by ${is?.by ?? "pairs"}, was by ${was?.by ?? "pairs"}`;
  if (was?.collects !== is?.collects)
    return `${name} ${is?.collects ? "collects errors, did not" : "does not collect errors, did"}`;
  const keys = (shape: CompositeShape | undefined) => shape?.subs.map(([key, separator]) => key + separator);
  if (JSON.stringify(keys(was)) === JSON.stringify(keys(is))) return undefined;
  return `${name} runs other things: ${quoted(keys(is) ?? [])}, was ${quoted(keys(was) ?? [])}`;
}

function subChanges(was: CompositeShape, is: CompositeShape, name: string): Map<string, Changes> {
  const found = new Map<string, Changes>();
  for (const [i, [key, separator, nodes]] of is.subs.entries()) {
    const element = { call: "", map: "[*]", flatMap: "[*]", branch: `{${key}}` }[is.kind];
    const prefix = `${name}${element}${separator}`;
    const inside = nodeChanges(was.subs[i]?.[2] ?? [], nodes, prefix);
    if (inside.found.size > 0 || inside.inner.size > 0) found.set(key, inside);
  }
  return found;
}

function nodeChange(was: NodeShape, is: NodeShape, name: string): string | undefined {
  if (was.version !== is.version) return `${name} has version ${is.version ?? "none"}, was ${was.version ?? "none"}`;
  const before = new Map(was.inputs.map((input) => [input[0], input]));
  for (const input of is.inputs) {
    const old = before.get(input[0]);
    before.delete(input[0]);
    if (!old) return `${name} has a new input "${input[0]}"`;
    if (JSON.stringify(old) !== JSON.stringify(input))
      return `input "${input[0]}" of ${name} is ${print(input)}, was ${print(old)}`;
  }
  if (before.size > 0) return `${name} has lost its input ${quoted(before.keys())}`;
  if (JSON.stringify(was.upstream) === JSON.stringify(is.upstream)) return undefined;
  return `${name} comes after ${quoted(is.upstream)}, was after ${quoted(was.upstream)}`;
}

function print([, kind, from]: NodeShape["inputs"][number]): string {
  return `${kind} from ${quoted(typeof from === "string" ? [from] : from)}`;
}
