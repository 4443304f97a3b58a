// Writes results as a Markdown table, store by runtime, and what failed below it.

import type { RuntimeResult } from "./run-cases.js";

/** The matrix, and every failure with its error. */
export function report(results: readonly RuntimeResult[]): string {
  return [table(results), ...results.flatMap(failuresIn)].join("\n\n");
}

/** How many cases passed, and how many failed; a runtime that did not run to its end is one that failed. */
export function countsOf(results: readonly RuntimeResult[]): { readonly passed: number; readonly failed: number } {
  const all = results.flatMap(({ stores }) => [...stores.values()]);
  return {
    passed: sum(all.map(({ passed }) => passed)),
    failed: sum(all.map(({ failures }) => failures.length)) + results.filter(({ error }) => error !== undefined).length,
  };
}

function table(results: readonly RuntimeResult[]): string {
  const stores = new Set(results.flatMap((result) => [...result.stores.keys()]));
  const rows = Array.from(stores, (store) => [store, ...results.map((result) => cell(result, store))]);
  const header = ["store", ...results.map(({ name }) => name)];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cell({ stores, error }: RuntimeResult, store: string): string {
  const result = stores.get(store);
  if (result) return `${result.passed}/${result.passed + result.failures.length}`;
  return error === undefined ? "—" : "not run";
}

function failuresIn({ name, stores, error }: RuntimeResult): string[] {
  const cases = Array.from(stores, ([store, { failures }]) =>
    failures.map((failure) => `FAILED ${name}, ${store}: ${failure.name}\n${failure.error}`),
  );
  return [...cases.flat(), ...(error === undefined ? [] : [`FAILED ${name} did not run to its end: ${error}`])];
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
