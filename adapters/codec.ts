// The codec of all stores: devalue for the text (https://github.com/sveltejs/devalue), with binary taken out as bytes,
// errors kept whole, and whatever would come back changed refused.

import { DevalueError, defaultStringifyOperations, parse, stringify } from "devalue";
import type { Codec, Encoded } from "../src/ports.js";

/** Makes the codec. It holds no state; one may serve all stores. */
export function valueCodec(): Codec {
  return { encode, decode };
}

/** Says what cannot be kept and where it is. */
class UnkeepableError extends Error {
  override readonly name = "UnkeepableError";
  /** The way to it inside the value, e.g. `.rows[3].cost`; empty for the value itself. */
  readonly path: string;

  constructor(path: string, what: string, options?: ErrorOptions) {
    const where = path === "" ? "the value itself is" : `at ${path} there is`;
    super(`${where} ${what}. Give plain data: objects, arrays, Map, Set, Date, typed arrays and the like.`, options);
    this.path = path;
  }
}

function encode(value: unknown): Encoded {
  const simple = encodePrimitive(value);
  if (simple !== undefined) return { text: simple, parts: [] };
  const parts: Part[] = [];
  try {
    if (isTooDeep(value)) throw new RangeError("Too deep");
    const text = stringify(value, reducers(parts), { operations: STRICT });
    // Blobs never change; buffers may, before they are stored.
    return { text, parts: parts.map((part) => (part instanceof Blob ? part : new Uint8Array(part.slice(0)))) };
  } catch (error) {
    throw unkeepable(value, error);
  }
}

/** What `stringify` would give, without its overhead. */
function encodePrimitive(value: unknown): string | undefined {
  if (typeof value === "string") return `[${JSON.stringify(value)}]`;
  if (typeof value === "boolean" || value === null) return `[${value}]`;
  return typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0) ? `[${value}]` : undefined;
}

function decode({ text, parts }: Encoded): unknown {
  return parse(text, revivers(parts));
}

function unkeepable(root: unknown, error: unknown): Error {
  if (error instanceof DevalueError) {
    // The payload of an error shows in the path; the reader knows only the error.
    const path = error.path.replaceAll(`["${PROPERTIES}"]`, "");
    // devalue names no way into a Set.
    const what = path === "" && error.value !== root ? `a Set with ${describe(error.value)}` : describe(error.value);
    return new UnkeepableError(path, what, { cause: error });
  }
  if (error instanceof RangeError)
    return new UnkeepableError("", `nested more than ${DEEPEST} levels deep`, { cause: error });
  return new UnkeepableError(wayToThrower(root), `something that throws when it is read (${error})`, { cause: error });
}

/** The way to a getter that throws; found again, since whoever met it first did not know where it was. */
function wayToThrower(root: unknown): string {
  const met = new Set<unknown>();
  const todo: [path: string, value: unknown][] = [["", root]];
  for (const [path, value] of todo) {
    if (typeof value !== "object" || value === null || met.has(value)) continue;
    met.add(value);
    for (const key of Object.keys(value)) {
      const inner = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
      try {
        todo.push([inner, (value as Record<string, unknown>)[key]]);
      } catch {
        return inner;
      }
    }
  }
  return "";
}

function describe(value: unknown): string {
  if (typeof value === "function") return `a function (${value.name || "anonymous"})`;
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name;
  if (name === "Buffer") return "a Node Buffer, which would come back as a Uint8Array; use new Uint8Array(buffer)";
  if (name === "Object" || name === undefined)
    return "an object with symbol keys, hidden properties or another prototype";
  return name in globalThis && !(value instanceof Promise)
    ? `a ${name} with properties of its own, or of a kind that cannot be kept`
    : `an instance of ${name}`;
}

// ---- what devalue does not do by itself

/**
 * Reading recurses, and needs more stack than writing: what is nested deeper might be written and then not come back.
 * (Measured: Node 20 reads some 2,200 levels.)
 */
const DEEPEST = 1_000;

/** Follows the value in the order in which devalue does, with a stack of its own. */
function isTooDeep(root: unknown): boolean {
  const met = new Set<unknown>();
  const open: { readonly children: readonly unknown[]; next: number }[] = [{ children: [root], next: 0 }];
  for (let top = open[0]; top !== undefined; top = open.at(-1)) {
    if (top.next === top.children.length) {
      open.pop();
      continue;
    }
    const child = top.children[top.next++];
    if (typeof child !== "object" || child === null || met.has(child)) continue;
    met.add(child);
    if (open.push({ children: childrenOf(child), next: 0 }) > DEEPEST) return true;
  }
  return false;
}

function childrenOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value)) return [];
  // These are written as payloads with their properties inside: two levels more.
  if (value instanceof Error) {
    return [[Object.getOwnPropertyNames(value).map((name) => (value as unknown as Record<string, unknown>)[name])]];
  }
  if (hasProtoKey(value)) return [[Object.values(value)]];
  return Object.values(value);
}

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError: AggregateError as unknown as ErrorConstructor,
};

const PROPERTIES = "error properties";

interface ErrorPayload {
  readonly type: string;
  readonly hidden: readonly string[];
  /** Last, since cycles run through it alone. */
  readonly [PROPERTIES]?: Readonly<Record<string, unknown>>;
}

/** Binary as it stands in the value. */
type Part = ArrayBuffer | Blob;

/** Reducers answer with a truthy payload for what they take. Parts are numbered from 1. */
function reducers(parts: Part[]): Record<string, (value: unknown) => unknown> {
  return {
    // Views are written by devalue as views on their buffer, so that shared buffers stay shared.
    ArrayBuffer: (value) => isFixedBuffer(value) && parts.push(value),
    // First, since in Bun every File passes for a Blob.
    File: (value) => isExactly("File", value) && reduceFile(value as File, parts),
    Blob: (value) => isExactly("Blob", value) && [parts.push(value as Blob), (value as Blob).type],
    RegExpAt: (value) =>
      value instanceof RegExp && value.lastIndex !== 0 && [value.source, value.flags, value.lastIndex],
    Error: (value) => value instanceof Error && reduceError(value),
    Proto: (value) => hasProtoKey(value) && [[Object.getPrototypeOf(value) === null], ...Object.entries(value)],
  };
}

function reduceError(error: Error): ErrorPayload | undefined {
  const type = Object.keys(ERRORS).find((name) => ERRORS[name]?.prototype === Object.getPrototypeOf(error));
  if (!type || Object.getOwnPropertySymbols(error).length > 0) return undefined;
  // Firefox and Safari inherit `stack`, or have it among other own properties of theirs.
  const names = [...new Set(["stack", ...Object.getOwnPropertyNames(error)])];
  return {
    type,
    hidden: names.filter((name) => !Object.prototype.propertyIsEnumerable.call(error, name)),
    [PROPERTIES]: Object.fromEntries(names.map((name) => [name, (error as unknown as Record<string, unknown>)[name]])),
  };
}

function reduceFile(file: File, parts: Part[]): FilePayload {
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

function hasProtoKey(value: unknown): value is object {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "__proto__")) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

type BlobPayload = readonly [number: number, type: string];
type FilePayload = readonly [number: number, type: string, name: string, lastModified: number];

function revivers(parts: Encoded["parts"]) {
  // A payload on a cycle is revived twice, the first time half filled: both times it must become the same object.
  const shells = new WeakMap<object, object>();
  const shell = <T extends object>(payload: object, make: () => T): T => {
    const known = shells.get(payload) ?? make();
    shells.set(payload, known);
    return known as T;
  };
  return {
    ArrayBuffer: (number: number) => (parts[number - 1] as Uint8Array<ArrayBuffer>).slice().buffer,
    // What a store gives back as bytes, or as a Blob that lost its type, becomes what it was.
    Blob: ([number, type]: BlobPayload) => new Blob([parts[number - 1] as Encoded["parts"][number]], { type }),
    File: ([number, type, name, lastModified]: FilePayload) =>
      new File([parts[number - 1] as Encoded["parts"][number]], name, { type, lastModified }),
    RegExpAt: ([source, flags, lastIndex]: [string, string, number]) =>
      Object.assign(new RegExp(source, flags), { lastIndex }),
    Error: (payload: ErrorPayload) =>
      reviveError(
        payload,
        shell(payload, () => emptyError(payload.type)),
      ),
    Proto: (entries: readonly [[boolean], ...[string, unknown][]]) => {
      const [[isNull], ...properties] = entries;
      const target = shell(entries, () => Object.create(isNull ? null : Object.prototype) as object);
      for (const [key, value] of properties) define(target, key, value, true);
      return target;
    },
  };
}

function emptyError(type: string): Error {
  return type === "AggregateError" ? new AggregateError([]) : new (ERRORS[type] ?? Error)();
}

function reviveError({ hidden, [PROPERTIES]: props }: ErrorPayload, error: Error): Error {
  if (!props) return error;
  for (const name of Object.getOwnPropertyNames(error)) Reflect.deleteProperty(error, name);
  for (const [name, value] of Object.entries(props)) define(error, name, value, !hidden.includes(name));
  return error;
}

function define(target: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}

/** Refuses what devalue would change in silence: subclasses, and properties beside the contents of a built-in. */
const STRICT: Pick<typeof defaultStringifyOperations, "tagOf" | "shapeOf"> = {
  tagOf(value: object) {
    const tag = tagOf(value);
    if (tag === "Object") return tag;
    const builtIn = (globalThis as unknown as Record<string, { prototype?: object } | undefined>)[tag];
    return Object.getPrototypeOf(value) === builtIn?.prototype && !hasExtras(value) ? tag : "refused";
  },
  shapeOf(value: object) {
    const shape = defaultStringifyOperations.shapeOf(value);
    return Reflect.ownKeys(value).length === Object.keys(value).length ? shape : { kind: "not-plain" };
  },
};

function hasExtras(value: object): boolean {
  // Listing the keys of a view lists its elements; properties of its own are lost.
  if (ArrayBuffer.isView(value)) return false;
  // Keys come in this order: indexes, then `length`, then what was added.
  if (Array.isArray(value)) return Reflect.ownKeys(value).at(-1) !== "length";
  if (tagOf(value) === "ArrayBuffer") return !isFixedBuffer(value);
  return Reflect.ownKeys(value).length > usualKeys(value);
}

/** How many properties an instance of a built-in has of its own: Deno marks those of the web with a symbol. */
function usualKeys(value: object): number {
  if (value instanceof RegExp) return 1;
  if (value instanceof URL) return Reflect.ownKeys(new URL("about:blank")).length;
  return value instanceof URLSearchParams ? Reflect.ownKeys(new URLSearchParams()).length : 0;
}

function tagOf(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value).slice(8, -1) : "";
}
