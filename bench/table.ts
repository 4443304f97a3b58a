// Tables in markdown, printed from what was measured.

import { median, quantile } from "./measure.js";

export function printTable(title: string, notes: readonly string[], rows: readonly (readonly string[])[]): void {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${head.map((_, i) => (i === 0 ? "---" : "--:")).join("|")}|`;
  console.log([`\n### ${title}\n`, line(head), rule, ...body.map(line)].join("\n"));
  for (const note of notes) console.log(`\n${note}`);
}

/** Three significant digits, never fewer than the whole part has. */
export function digits(value: number): string {
  if (Number.isNaN(value)) return "–";
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Median and, in brackets, the tenth and the ninetieth percentile. */
export function spread(values: readonly number[] | undefined): string {
  if (!values?.length) return "–";
  return `${digits(median(values))} (${digits(quantile(values, 0.1))}–${digits(quantile(values, 0.9))})`;
}

/** How many times as much the first takes as the second, by their medians. */
export function ratio(values: readonly number[] | undefined, base: readonly number[] | undefined): string {
  return values?.length && base?.length ? `${(median(values) / median(base)).toFixed(2)} ×` : "–";
}

export function count(value: number): string {
  return value.toLocaleString("en");
}
