// What a dag is, as data: its shape decides whether a recorded run still fits it. Two runs of the same shape have the
// same fingerprint, whatever the order of declaration.

import type { AnyNode } from "../definition/node.js";
import type { Plan, Step } from "../definition/plan.js";
import { isList, isOptional } from "../definition/schema.js";
import { quoted } from "../errors.js";
import { hashText } from "../hash-text.js";

/** One node of a shape: what its inputs are fed from, its further upstreams, and its explicit version. */
export interface NodeShape {
  readonly label: string;
  readonly path: string;
  /** Name, kind (`one`, `list`, optional ones with `?`) and the paths that feed it. */
  readonly inputs: readonly (readonly [name: string, kind: string, from: string | readonly string[]])[];
  /** All direct upstreams, by path. */
  readonly upstream: readonly string[];
  readonly version?: string;
}

/** The canonical description of a dag: nodes in the order of their labels. */
export interface Shape {
  readonly dag: string;
  readonly nodes: readonly NodeShape[];
}

/** A hash of each function's source text by path: a hint only, since minifiers change it. */
export type Code = readonly (readonly [path: string, hash: string])[];

/** Describes a dag. */
export function shapeOf(plan: Plan): Shape {
  const path = (index: number) => plan.steps[index]?.path as string;
  return { dag: plan.dag, nodes: byLabel(plan).map((step) => nodeShape(step, path)) };
}

/** Hashes the source text of every function. */
export function codeOf(plan: Plan): Code {
  return byLabel(plan).map(({ path, node }) => [path, hashText(String(node.run)).toString(16).padStart(8, "0")]);
}

/** The paths whose nodes are new or changed in `now`, each with a sentence that says how. */
export function changes(before: Shape, now: Shape): Map<string, string> {
  const old = new Map(before.nodes.map((node) => [node.path, node]));
  const found = new Map<string, string>();
  if (before.dag !== now.dag) found.set("", `the dag is called "${now.dag}", was "${before.dag}"`);
  for (const node of now.nodes) {
    const was = old.get(node.path);
    old.delete(node.path);
    const change = was ? nodeChange(was, node) : `"${node.label}" is new`;
    if (change) found.set(node.path, change);
  }
  for (const node of old.values()) found.set(node.path, `"${node.label}" is gone`);
  return found;
}

function byLabel(plan: Plan): Step[] {
  return [...plan.steps].sort((a, b) => (a.label < b.label ? -1 : 1));
}

function nodeShape(
  { label, path, node, upstream, inputPaths, version }: Step,
  pathAt: (index: number) => string,
): NodeShape {
  const names = Object.keys(node.input).sort();
  return {
    label,
    path,
    inputs: names.map((name) => [
      name,
      kindOf(node, name),
      Object.hasOwn(inputPaths, name) ? (inputPaths[name] ?? []) : [],
    ]),
    upstream: upstream.map(pathAt).sort(),
    ...(version === undefined ? {} : { version }),
  };
}

function kindOf(node: AnyNode, name: string): string {
  const schema = node.input[name];
  const kind = isList(isOptional(schema) ? schema.inner : schema) ? "list" : "one";
  return isOptional(schema) ? `${kind}?` : kind;
}

function nodeChange(was: NodeShape, is: NodeShape): string | undefined {
  if (was.version !== is.version)
    return `"${is.label}" has version ${is.version ?? "none"}, was ${was.version ?? "none"}`;
  const before = new Map(was.inputs.map((input) => [input[0], input]));
  for (const input of is.inputs) {
    const old = before.get(input[0]);
    before.delete(input[0]);
    if (!old) return `"${is.label}" has a new input "${input[0]}"`;
    if (JSON.stringify(old) !== JSON.stringify(input))
      return `input "${input[0]}" of "${is.label}" is ${print(input)}, was ${print(old)}`;
  }
  if (before.size > 0) return `"${is.label}" has lost its input ${quoted(before.keys())}`;
  if (JSON.stringify(was.upstream) === JSON.stringify(is.upstream)) return undefined;
  return `"${is.label}" comes after ${quoted(is.upstream)}, was after ${quoted(was.upstream)}`;
}

function print([, kind, from]: NodeShape["inputs"][number]): string {
  return `${kind} from ${quoted(typeof from === "string" ? [from] : from)}`;
}
