// What validating met: each rule counts the rows that it touched, so that the report can say what was done to the data.

import { z } from "zod";
import type { Cell } from "./table.js";

/** What a rule met: in how many rows, and the first cell it met. */
export const Finding = z.object({ rule: z.string(), rows: z.number(), example: z.string().nullable() });
export type Finding = z.infer<typeof Finding>;

/** Counts the rows per rule; `texts` says what each rule means. */
export class Tally<Rule extends string> {
  readonly #texts: Readonly<Record<Rule, string>>;
  readonly #found = new Map<Rule, { rows: number; example: string | null }>();

  constructor(texts: Readonly<Record<Rule, string>>) {
    this.#texts = texts;
  }

  add(rule: Rule, example: string | null = null): void {
    const found = this.#found.get(rule) ?? { rows: 0, example };
    found.rows++;
    this.#found.set(rule, found);
  }

  /** All rules, those that met nothing too. */
  list(): Finding[] {
    const rules = Object.keys(this.#texts) as Rule[];
    return rules.map((rule) => ({ rule: this.#texts[rule], rows: 0, example: null, ...this.#found.get(rule) }));
  }
}

/** Findings of several parts of the data as findings of all of it; an example is that of the first part that has one. */
export function addFindings(parts: readonly (readonly Finding[])[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const { rule, rows, example } of parts.flat()) {
    const before = found.get(rule);
    found.set(rule, { rule, rows: rows + (before?.rows ?? 0), example: before?.example ?? example });
  }
  return [...found.values()];
}

/** Rows of a table of findings, each beginning with what was done to the rows found. */
export function findingRows(what: string, findings: readonly Finding[]): Cell[][] {
  return findings.map(({ rule, rows, example }) => [what, rule, rows, example]);
}
