// Errors as data, so that they survive a store or a worker border with everything people look for in them.

import { isError, print, toError } from "./errors.js";
import type { ErrorRecord, Ref } from "./events.js";

/** Keeps a value, and hands over the reference to it now or later. */
export interface Keeper {
  keep(value: unknown, assign: (ref: Ref) => void): number;
}

const BUILT_IN = new Set(["name", "message", "stack", "code", "cause", "errors"]);
const DEEPEST_CAUSE = 16;
/** The classes that errors get back, by name; AggregateErrors, and those of the web, are told by what they hold. */
const CLASSES = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

/** Describes an error with its stack and causes and, where they can be kept, its own properties. Never throws. */
export function errorRecord(error: Error, keeper: Keeper | undefined): ErrorRecord {
  try {
    return describe(error, { keeper, met: new Set() }, 0);
  } catch (broken) {
    return { name: "Error", message: `An error that throws when it is read (${print(broken)})` };
  }
}

/**
 * Makes an error of what {@link errorRecord} kept: name, message, stack, code, causes and errors. Those of the classes
 * of the language are of these again, and those of the web that have a code become DOMExceptions.
 */
export function errorOf(record: ErrorRecord): Error {
  const { name, message, stack, code, cause, errors } = record;
  const web = webError(record);
  const Class = CLASSES.find((one) => one.name === name) ?? Error;
  const error = web ?? (errors ? new AggregateError(errors.map(errorOf), message) : new Class(message));
  const named = web ? {} : { name, ...(code === undefined ? {} : { code }) };
  const fields = { ...named, stack, ...(cause ? { cause: errorOf(cause) } : {}) };
  for (const [key, value] of Object.entries(fields))
    Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: key === "code" });
  return error;
}

/** Only those of the web have this code under this name; 0 is no code. */
function webError({ name, message, code }: ErrorRecord): Error | undefined {
  if (!Number(code)) return undefined;
  type WebError = new (message: string, name: string) => Error & { readonly code: unknown };
  const { DOMException: Web } = globalThis as unknown as { DOMException?: WebError };
  const error = Web && new Web(message, name);
  return error && print(error.code) === code ? error : undefined;
}

/** What one error and all inside it are described with. */
interface Description {
  readonly keeper: Keeper | undefined;
  /** Errors met before: what is inside them is described once, or a few could make a record without end. */
  readonly met: Set<Error>;
}

function describe(error: Error, description: Description, depth: number): ErrorRecord {
  const { keeper, met } = description;
  const { name, message, stack, cause } = error;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  const inner = (one: Error) => describe(one, description, depth + 1);
  const record: ErrorRecord = { name: String(name), message: String(message) };
  if (typeof stack === "string") record.stack = stack;
  if (code !== undefined) record.code = print(code);
  const goesOn = depth < DEEPEST_CAUSE && !met.has(error);
  met.add(error);
  if (cause !== undefined && goesOn) record.cause = isError(cause) ? inner(cause) : plain(cause);
  if (Array.isArray(errors) && goesOn) record.errors = errors.map((one) => inner(toError(one)));
  if (keeper) keepOwn(error, record, keeper);
  return record;
}

/** Shows a cause that is no error; it is kept with the properties of the error whose cause it is. */
function plain(cause: unknown): ErrorRecord {
  return { name: typeof cause, message: print(cause) };
}

function keepOwn(error: Error, record: ErrorRecord, keeper: Keeper): void {
  const { cause } = error;
  const own = Object.entries(error).filter(([name, value]) => !BUILT_IN.has(name) && !isEmpty(name, value));
  if (cause !== undefined && !isError(cause)) own.push(["cause", cause]);
  if (own.length === 0) return;
  const assign = (ref: Ref) => {
    record.own = ref;
  };
  try {
    keeper.keep(Object.fromEntries(own), assign);
  } catch {
    const flat = own.map(([name, value]) => [name, isPrimitive(value) ? value : "(not kept)"]);
    keeper.keep(Object.fromEntries(flat), assign);
  }
}

/** Most errors of heddle have no single faults to list. */
function isEmpty(name: string, value: unknown): boolean {
  return name === "faults" && Array.isArray(value) && value.length === 0;
}

function isPrimitive(value: unknown): boolean {
  return (typeof value !== "object" && typeof value !== "function" && typeof value !== "symbol") || value === null;
}
