// Writes results as a Markdown table, store or executor by runtime, and what failed below it.

import type { RuntimeResult } from "./run-cases.js";

/** The matrix, and every failure with its error. */
export function report(results: readonly RuntimeResult[]): string {
  return [table(results), ...results.flatMap(failuresIn)].join("\n\n");
}

/** How many cases passed, and how many failed; a runtime that did not run to its end is one that failed. */
export function countsOf(results: readonly RuntimeResult[]): { readonly passed: number; readonly failed: number } {
  const all = results.flatMap(({ subjects }) => [...subjects.values()]);
  return {
    passed: sum(all.map(({ passed }) => passed)),
    failed: sum(all.map(({ failures }) => failures.length)) + results.filter(({ error }) => error !== undefined).length,
  };
}

function table(results: readonly RuntimeResult[]): string {
  const subjects = new Set(results.flatMap((result) => [...result.subjects.keys()]));
  const rows = Array.from(subjects, (subject) => [subject, ...results.map((result) => cell(result, subject))]);
  const header = ["store or executor", ...results.map(({ name }) => name)];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cell({ subjects, error }: RuntimeResult, subject: string): string {
  const result = subjects.get(subject);
  if (result) return `${result.passed}/${result.passed + result.failures.length}`;
  return error === undefined ? "—" : "not run";
}

function failuresIn({ name, subjects, error }: RuntimeResult): string[] {
  const cases = Array.from(subjects, ([subject, { failures }]) =>
    failures.map((failure) => `FAILED ${name}, ${subject}: ${failure.name}\n${failure.error}`),
  );
  return [...cases.flat(), ...(error === undefined ? [] : [`FAILED ${name} did not run to its end: ${error}`])];
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
