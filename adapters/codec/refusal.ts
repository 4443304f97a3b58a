// Says of a value that cannot be written what is in its way, and where.

import { DevalueError } from "devalue";
import { PROPERTIES } from "./errors.js";
import { DATA, type Instances } from "./instances.js";
import { childrenOf, DEEPEST } from "./walk.js";

const PLAIN = "Give plain data: objects, arrays, Map, Set, Date, typed arrays and the like";

/** Says what cannot be kept and where it is. */
class UnkeepableError extends Error {
  override readonly name = "UnkeepableError";
  /** The way to it inside the value, e.g. `.rows[3].cost`; empty for the value itself. */
  readonly path: string;

  constructor(path: string, what: string, options?: ErrorOptions) {
    super(`${path === "" ? "the value itself is" : `at ${path} there is`} ${what}`, options);
    this.path = path;
  }
}

/** What to throw instead of what `stringify`, or a walk, threw. */
export function refusalOf(root: unknown, error: unknown, instances: Instances | undefined): Error {
  if (error instanceof DevalueError) return refused(root, error, instances);
  if (error instanceof RangeError) {
    return new UnkeepableError("", `nested more than ${DEEPEST} levels deep. ${PLAIN}.`, { cause: error });
  }
  const what = `something that throws when it is read (${error}). ${PLAIN}.`;
  return new UnkeepableError(wayToThrower(root, instances), what, { cause: error });
}

function refused(root: unknown, error: DevalueError, instances: Instances | undefined): Error {
  // Payloads show in the path; the reader knows only what they stand for.
  const path = error.path.replaceAll(`["${PROPERTIES}"]`, "").replaceAll(`["${DATA}"]`, "");
  const failure = instances?.failureOf(error.value);
  const holder = instances?.areMet ? holderOf(root, error.value, instances) : undefined;
  const within = holder === undefined ? "" : `, in what \`encode\` of class "${holder}" gave`;
  // devalue names no way into a Set.
  const inSet = path === "" && error.value !== root && holder === undefined ? "a Set with " : "";
  const what = `${inSet}${failure?.what ?? describe(error.value)}${within}. ${failure ? "" : adviceOn(error.value)}`;
  return new UnkeepableError(path, what.trimEnd(), { cause: failure?.cause ?? error });
}

/** The class of the instance in whose data a value is, if it is in any: in the order in which it was found. */
function holderOf(root: unknown, wanted: unknown, instances: Instances): string | undefined {
  const met = new Set<unknown>();
  const todo: [value: unknown, holder: string | undefined][] = [[root, undefined]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [value, holder] = next;
    if (value === wanted) return holder;
    if (typeof value !== "object" || value === null || met.has(value)) continue;
    met.add(value);
    const within = instances.payloadOf(value)?.class ?? holder;
    const children = childrenOf(value, instances).map((child): [unknown, string | undefined] => [child, within]);
    todo.push(...children.reverse());
  }
  return undefined;
}

/** The way to a getter that throws; found again, since whoever met it first did not know where it was. */
function wayToThrower(root: unknown, instances: Instances | undefined): string {
  const met = new Set<unknown>();
  const todo: [path: string, value: unknown][] = [["", root]];
  for (const [path, value] of todo) {
    if (typeof value !== "object" || value === null || met.has(value)) continue;
    met.add(value);
    const payload = instances?.payloadOf(value);
    if (payload) {
      todo.push([path, payload[DATA]]);
      continue;
    }
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
  const name = className(value);
  if (name === "Buffer") return "a Node Buffer, which would come back as a Uint8Array; use new Uint8Array(buffer)";
  if (name === "Object" || name === undefined)
    return "an object with symbol keys, hidden properties or another prototype";
  return isOfUser(value)
    ? `an instance of ${name}`
    : `a ${name} with properties of its own, or of a kind that cannot be kept`;
}

function adviceOn(value: unknown): string {
  const isInstance = typeof value === "object" && value !== null && isOfUser(value) && !(value instanceof Promise);
  return `${PLAIN}${isInstance ? ", or register the class: valueCodec({ classes: [classCodec({ … })] })" : ""}.`;
}

function isOfUser(value: object): boolean {
  const name = className(value);
  if (name === undefined || name === "Object" || name === "Buffer") return false;
  return !(name in globalThis) || value instanceof Promise;
}

function className(value: object): string | undefined {
  return (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name;
}
