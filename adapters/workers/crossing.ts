// What crosses the border between a pool and a worker, and what is said of what cannot.

import { errorOf, errorRecord } from "../../src/error-record.js";
import { print, toError } from "../../src/errors.js";
import type { ErrorRecord } from "../../src/events.js";
import { transferablesIn } from "../../src/transferables.js";
import type { CrossingError, Refusal } from "./protocol.js";

/** Packs whatever was thrown. */
export function pack(thrown: unknown): CrossingError {
  const own: unknown[] = [];
  const keep = (value: unknown, assign: (ref: string) => void) => {
    // What cannot cross is refused here, and described flatly instead.
    own.push(structuredClone(value));
    assign(String(own.length - 1));
    return 0;
  };
  return { record: errorRecord(toError(thrown), { keep }), own };
}

/** Makes an error of what was packed, with the stack of this side below that of the other. */
export function unpack({ record, own }: CrossingError): Error {
  const error = errorOf(record);
  restore(error, record, own);
  const here = new Error().stack?.split("\n").slice(2).join("\n");
  const stack = `${record.stack ?? error}\n    --- at the border of a worker ---\n${here}`;
  return Object.defineProperty(error, "stack", { value: stack, writable: true, configurable: true });
}

function restore(error: Error, { own: ref, cause, errors }: ErrorRecord, own: readonly unknown[]): void {
  if (ref !== undefined) Object.assign(error, own[Number(ref)]);
  if (cause) restore(error.cause as Error, cause, own);
  for (const [i, inner] of (errors ?? []).entries()) restore((error as AggregateError).errors[i], inner, own);
}

/** All inside some values that can be moved; nothing if there is nothing, which is posted sooner. */
export function transferList(values: readonly unknown[]): Transferable[] | undefined {
  return values.length > 0 ? (transferablesIn(values) as Transferable[]) : undefined;
}

/** Says where in a value that cannot be cloned it lies. */
export function refusalOf(what: string, value: unknown, error: unknown): Refusal {
  let at = "";
  try {
    at = refusedPath(value);
  } catch {
    // It cannot be looked at either: a getter that throws, a proxy that was revoked.
  }
  return { what, at, why: print(error) };
}

function refusedPath(value: unknown, path = "", met = new Set<unknown>()): string {
  met.add(value);
  const isList = Array.isArray(value);
  const inside = typeof value === "object" && value !== null ? Object.entries(value) : [];
  for (const [key, child] of inside) {
    if (!met.has(child) && !canCross(child)) return refusedPath(child, path + (isList ? `[${key}]` : `.${key}`), met);
  }
  return path;
}

function canCross(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
