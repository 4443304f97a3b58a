// Values as text and parts: devalue for the text (https://github.com/sveltejs/devalue), with binary taken out as bytes,
// errors kept whole, and whatever would come back changed refused.

import { defaultStringifyOperations, stringify } from "devalue";
import type { Encoded } from "../../src/ports.js";
import type { Classes } from "./classes.js";
import { reduceError } from "./errors.js";
import { Instances } from "./instances.js";
import { refusalOf } from "./refusal.js";
import { hasProtoKey, instanceOnCycle, isTooDeep } from "./walk.js";

/** Writes a value. @throws an Error with a `path` property if something inside cannot be kept. */
export function write(value: unknown, classes: Classes): Encoded {
  const simple = writePrimitive(value);
  if (simple !== undefined) return { text: simple, parts: [] };
  const parts: Part[] = [];
  const instances = classes.isEmpty ? undefined : new Instances(classes);
  try {
    if (isTooDeep(value, instances)) throw new RangeError("Too deep");
    const holdsItself = instances?.areMet ? instanceOnCycle(value, instances) : undefined;
    if (holdsItself) instances?.refuseCycle(holdsItself);
    const text = stringify(value, reducers(parts, instances), { operations: STRICT });
    // Blobs never change; buffers may, before they are stored.
    return { text, parts: parts.map((part) => (part instanceof Blob ? part : new Uint8Array(part.slice(0)))) };
  } catch (error) {
    throw refusalOf(value, error, instances);
  }
}

/** What `stringify` would give, without its overhead. */
function writePrimitive(value: unknown): string | undefined {
  if (typeof value === "string") return `[${JSON.stringify(value)}]`;
  if (typeof value === "boolean" || value === null) return `[${value}]`;
  return typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0) ? `[${value}]` : undefined;
}

/** Binary as it stands in the value. */
type Part = ArrayBuffer | Blob;

/** Reducers answer with a truthy payload for what they take. Parts are numbered from 1. */
function reducers(parts: Part[], instances: Instances | undefined): Record<string, (value: unknown) => unknown> {
  const own: Record<string, (value: unknown) => unknown> = {
    // Views are written by devalue as views on their buffer, so that shared buffers stay shared.
    ArrayBuffer: (value) => isFixedBuffer(value) && parts.push(value),
    // First, since in Bun every File passes for a Blob.
    File: (value) => isExactly("File", value) && reduceFile(value as File, parts),
    Blob: (value) => isExactly("Blob", value) && [parts.push(value as Blob), (value as Blob).type],
    RegExpAt: (value) =>
      value instanceof RegExp && isMoved(value.lastIndex) && [value.source, value.flags, value.lastIndex],
    Error: (value) => value instanceof Error && reduceError(value),
    Proto: (value) => hasProtoKey(value) && [[Object.getPrototypeOf(value) === null], ...Object.entries(value)],
  };
  // First of all: a registered class may be derived from one that is kept.
  return instances ? { Instance: (value) => reduceInstance(value, instances), ...own } : own;
}

function reduceInstance(value: unknown, instances: Instances): unknown {
  if (typeof value !== "object" || value === null || instances.failureOf(value)) return undefined;
  return instances.payloadOf(value);
}

function reduceFile(file: File, parts: Part[]): readonly unknown[] {
  return [parts.push(file), file.type, file.name, file.lastModified];
}

/** True for instances of a class of the platform, if it has it, and not of one derived from it. */
function isExactly(type: "Blob" | "File", value: unknown): boolean {
  const Class = (globalThis as unknown as Partial<Record<string, new () => object>>)[type];
  if (Class === undefined || !(value instanceof Class)) return false;
  return Object.getPrototypeOf(value) === Class.prototype && Object.keys(value).length === 0;
}

/** A buffer that may grow would come back as one that may not. */
function isFixedBuffer(value: unknown): value is ArrayBuffer {
  return tagOf(value) === "ArrayBuffer" && (value as { resizable?: boolean }).resizable !== true;
}

/** Whoever sets it may set it to anything; what is no number is refused. */
function isMoved(lastIndex: unknown): boolean {
  return typeof lastIndex === "number" && !Object.is(lastIndex, 0);
}

/** Refuses what devalue would change in silence: subclasses, and properties beside the contents of a built-in. */
const STRICT: Pick<typeof defaultStringifyOperations, "tagOf" | "shapeOf"> = {
  tagOf(value: object) {
    const tag = tagOf(value);
    if (tag === "Object") return tag;
    return Object.getPrototypeOf(value) === builtIn(tag)?.prototype && !hasExtras(value) ? tag : "refused";
  },
  shapeOf(value: object) {
    const shape = defaultStringifyOperations.shapeOf(value);
    return Reflect.ownKeys(value).length === Object.keys(value).length ? shape : { kind: "not-plain" };
  },
};

/** The class of a tag: `Map`, `Temporal.PlainDate`. */
function builtIn(tag: string): { prototype?: object } | undefined {
  const direct = Reflect.get(globalThis, tag);
  return direct === undefined && tag.startsWith(TEMPORAL)
    ? Reflect.get(globalThis, "Temporal")?.[tag.slice(TEMPORAL.length)]
    : direct;
}

const TEMPORAL = "Temporal.";

function hasExtras(value: object): boolean {
  // Listing the keys of a view lists its elements; properties of its own are lost.
  if (ArrayBuffer.isView(value)) return false;
  // Keys come in this order: indexes, then `length`, then what was added.
  if (Array.isArray(value)) return Reflect.ownKeys(value).at(-1) !== "length";
  if (tagOf(value) === "ArrayBuffer") return !isFixedBuffer(value);
  if (value instanceof RegExp && typeof value.lastIndex !== "number") return true;
  return Reflect.ownKeys(value).length > usualKeys(value);
}

/** How many properties an instance of a built-in has of its own: Deno marks those of the web with a symbol. */
function usualKeys(value: object): number {
  if (value instanceof RegExp) return 1;
  if (value instanceof String) return value.length + 1;
  if (value instanceof URL) return Reflect.ownKeys(new URL("about:blank")).length;
  return value instanceof URLSearchParams ? Reflect.ownKeys(new URLSearchParams()).length : 0;
}

function tagOf(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value).slice(8, -1) : "";
}
