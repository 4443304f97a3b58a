// What the first line of a journal file and the seals in it look like.

import { array, exactOptional, literal, strictObject, string, unknown } from "zod/mini";
import { acceptsOf, count, ordinal } from "../records.js";
import { LAYOUT } from "./layout.js";

const acceptsHeader = acceptsOf(
  strictObject({
    heddle: count,
    run: string(),
    epoch: ordinal,
    owner: string(),
    after: exactOptional(strictObject({ epoch: ordinal, owner: string(), bytes: count, events: count })),
    pruned: exactOptional(literal(true)),
    sum: string(),
  }),
);

const acceptsSeal = acceptsOf(
  strictObject({
    sealed: ordinal,
    seq: count,
    format: count,
    bytes: count,
    body: string(),
    head: unknown(),
    sum: string(),
  }),
);

const acceptsRefers = acceptsOf(strictObject({ refers: array(string()) }));

/** True for the first line of a file of this layout, and for that of any newer one. */
export function isHeader(line: unknown): boolean {
  const layout = (line as { readonly heddle?: unknown } | null | undefined)?.heddle;
  return (Number.isSafeInteger(layout) && (layout as number) > LAYOUT) || acceptsHeader(line);
}

/** True for a seal. */
export function isSealOfBatch(line: unknown): boolean {
  return acceptsSeal(line);
}

/** True for a list of references. */
export function isRefers(line: unknown): line is { readonly refers: readonly string[] } {
  return acceptsRefers(line);
}
