// Errors as data, so that they survive a store or a worker border with everything people look for in them.

import { toError } from "./errors.js";
import type { ErrorRecord, Ref } from "./events.js";

/** Keeps an error's further properties; hands over the reference when it is known. */
export type KeepOwn = (value: unknown, assign: (ref: Ref) => void) => void;

const BUILT_IN = new Set(["name", "message", "stack", "code", "cause", "errors"]);
const DEEPEST_CAUSE = 16;

/** Describes an error with its stack, causes and, if `keep` is given, its own properties. */
export function errorRecord(error: Error, keep?: KeepOwn, depth = 0): ErrorRecord {
  const { name, message, stack, cause } = error;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  const inner = (value: unknown) => errorRecord(toError(value), keep, depth + 1);
  const record: ErrorRecord & { own?: Ref } = {
    name: String(name),
    message: String(message),
    ...(typeof stack === "string" ? { stack } : {}),
    ...(code === undefined ? {} : { code: String(code) }),
    ...(cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: inner(cause) }),
    ...(Array.isArray(errors) && depth < DEEPEST_CAUSE ? { errors: errors.map(inner) } : {}),
  };
  if (keep) keepOwn(error, record, keep);
  return record;
}

function keepOwn(error: Error, record: { own?: Ref }, keep: KeepOwn): void {
  const names = Object.keys(error).filter((name) => !BUILT_IN.has(name));
  if (names.length === 0) return;
  const assign = (ref: Ref) => {
    record.own = ref;
  };
  const own = Object.fromEntries(names.map((name) => [name, (error as unknown as Record<string, unknown>)[name]]));
  try {
    keep(own, assign);
  } catch {
    const flat = Object.entries(own).map(([name, value]) => [name, isPrimitive(value) ? value : "(not kept)"]);
    keep(Object.fromEntries(flat), assign);
  }
}

function isPrimitive(value: unknown): boolean {
  return (typeof value !== "object" && typeof value !== "function" && typeof value !== "symbol") || value === null;
}
