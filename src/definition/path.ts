// Paths name executions: `stats`, `chunks[3]/parse`, `byCity{Oslo}/sum`. The signs that structure a path are escaped
// in labels and keys, so that every label and key is safe and a path parses back.

import { HeddleError } from "../errors.js";

const STRUCTURE = /[%/[\]{}*]/g;

/** A key that can stand in a path as it is; any other is named by its position. */
export type PathKey = string | number | bigint | boolean | null | undefined;

/** What stands behind a label in a path: the position, or the key, of an element. */
export type ElementName = { readonly index: number } | { readonly key: PathKey };

/** One part of a path: the label of a node, and the elements of it that are meant, outermost first. */
export interface PathPart {
  readonly label: string;
  readonly elements: readonly ElementName[];
}

/** The path of a node in its dag: its label, with `% / [ ] { } *` written as `%XX`. */
export function pathOf(label: string): string {
  return label.replace(STRUCTURE, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** An element in a path: `[3]` for a position, `{Oslo}` for a text, `{=7}` for other primitive keys. */
export function elementText(name: ElementName): string {
  if ("index" in name) return `[${name.index}]`;
  const { key } = name;
  if (typeof key === "string") return `{${pathOf(key).replace(/^=/, "%3D")}}`;
  return `{=${String(key)}${typeof key === "bigint" ? "n" : ""}}`;
}

/** The element that a key of a Map, at this position, is in a path. */
export function elementNameOf(key: unknown, index: number): ElementName {
  const isPrimitive = key === null || (typeof key !== "object" && typeof key !== "function" && typeof key !== "symbol");
  return isPrimitive ? { key: key as PathKey } : { index };
}

/** Writes a path; the reverse of {@link parsePath}. */
export function formatPath(parts: readonly PathPart[]): string {
  return parts.map(({ label, elements }) => pathOf(label) + elements.map(elementText).join("")).join("/");
}

const PART = /^([^[\]{}/*]+)((?:\[\d+\]|\{[^[\]{}/*]*\})*)$/;
const ELEMENT = /\[(\d+)\]|\{([^}]*)\}/g;

/** Takes a path apart. @throws HeddleError `UNKNOWN_PATH` if it is none. */
export function parsePath(path: string): PathPart[] {
  try {
    const parts = path.split("/").map(partOf);
    if (formatPath(parts) === path) return parts;
  } catch {
    // Not of this form, or a number that is none.
  }
  throw new HeddleError("UNKNOWN_PATH", `"${path}" is no path. ${FORM}`);
}

function partOf(text: string): PathPart {
  const [, label, elements = ""] = PART.exec(text) ?? [];
  if (label === undefined) throw new SyntaxError(text);
  return { label: unescaped(label), elements: [...elements.matchAll(ELEMENT)].map(elementOfText) };
}

const FORM = 'A path is for instance "stats", "chunks[3]/parse" or "byCity{Oslo}/sum".';

function elementOfText([, index, key]: RegExpExecArray): ElementName {
  if (index !== undefined) return { index: Number(index) };
  const text = key as string;
  return { key: text.startsWith("=") ? primitiveOf(text.slice(1)) : unescaped(text) };
}

function primitiveOf(text: string): PathKey {
  const named = new Map<string, PathKey>([
    ["true", true],
    ["false", false],
    ["null", null],
    ["undefined", undefined],
  ]);
  if (named.has(text)) return named.get(text);
  return text.endsWith("n") ? BigInt(text.slice(0, -1)) : Number(text);
}

function unescaped(text: string): string {
  return text.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** Where an execution inside a composite belongs. */
export interface Whereabouts {
  /** The path of the composite. */
  readonly composite: string;
  /** The path of its element: `chunks[3]`; that of the composite itself for a call. */
  readonly element: string;
}

/** The composite that an execution is directly inside; nothing for the nodes of the root dag. */
export function whereabouts(path: string): Whereabouts | undefined {
  const inner = withoutElement(path);
  if (inner !== path) return { composite: inner, element: path };
  const slash = path.lastIndexOf("/");
  if (slash < 0) return undefined;
  const element = path.slice(0, slash);
  return { composite: withoutElement(element), element };
}

/** True for an element, or composite, and for all that is inside it. */
export function isInside(path: string, outer: string): boolean {
  return path.startsWith(outer) && (path.length === outer.length || "/[{".includes(path[outer.length] as string));
}

/** The elements in a text of them, outermost first: `[3]{Oslo}` names an element of an element. */
export function elementNames(text: string): readonly string[] {
  return text.match(/\[[^\]]*\]|\{[^}]*\}/g) ?? [];
}

/** The path without the element at its end, if there is one. */
export function withoutElement(path: string): string {
  if (path.endsWith("]")) return path.slice(0, path.lastIndexOf("["));
  return path.endsWith("}") ? path.slice(0, path.lastIndexOf("{")) : path;
}

/**
 * Makes a test of which paths a pattern names: the path itself, or several where `*` stands for any text within one
 * label or key (`chunks[*]/parse`).
 */
export function pathPattern(pattern: string): (path: string) => boolean {
  if (!pattern.includes("*")) return (path) => path === pattern;
  const parts = pattern.split("*").map((text) => text.replace(/[$()+.?[\\\]^{|}]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join("[^/[\\]{}]*")}$`);
  return (path) => expression.test(path);
}
