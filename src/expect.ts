// What is given by users and is not what it should be is refused where it is given, with what was expected and what came.

import { HeddleError, quoted } from "./errors.js";

/** Refuses options that are no object, or of names that nobody knows. */
export function expectOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw invalid(`Expected the options of ${what} to be an object, got \`${options}\` (${typeof options})`);
  const unknown = Object.keys(options).filter((option) => !known.includes(option));
  if (unknown.length > 0) throw invalid(`Unknown option ${quoted(unknown)} of ${what}. Known are ${quoted(known)}`);
}

/** Refuses an option that is no list of texts. */
export function expectTexts(option: string, value: unknown): void {
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return;
  throw invalid(
    `Expected \`${option}\` to be a list of paths, e.g. ["chunks[3]/parse"], got \`${String(value)}\` (${typeof value})`,
  );
}

/** Refuses an option that is neither a whole number from 1 and up, or from `from`, nor infinite. */
export function expectCount(option: string, value: unknown, from = 1): void {
  if (value !== Number.POSITIVE_INFINITY) expectFiniteCount(option, value, from);
}

/** Refuses an option that is no whole number from 1 and up, or from `from`. */
export function expectFiniteCount(option: string, value: unknown, from = 1): void {
  if (Number.isInteger(value) && (value as number) >= from) return;
  throw invalid(`Expected \`${option}\` to be a whole number from ${from} and up, got \`${value}\` (${typeof value})`);
}

/** Refuses what is no name of a run. */
export function expectRunId(runId: unknown): void {
  if (typeof runId === "string") return;
  throw invalid(`Expected the id of a run, a text, got \`${runId}\` (${typeof runId})`);
}

/** Refuses an option that is no number within its bounds, saying what was expected and what came. */
export function expectNumber(option: string, value: unknown, from: number, to = Number.POSITIVE_INFINITY): void {
  if (typeof value === "number" && value >= from && value <= to) return;
  const bounds = to === Number.POSITIVE_INFINITY ? `${from} and up` : `${from} to ${to}`;
  throw invalid(`Expected \`${option}\` to be a number from ${bounds}, got \`${value}\` (${typeof value})`);
}

/** Refuses an option that is there and is no function. */
export function expectFunction(option: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw invalid(`Expected \`${option}\` to be a function, got \`${value}\` (${typeof value})`);
}

function invalid(message: string): HeddleError {
  return new HeddleError("INVALID_OPTION", `${message}.`);
}
