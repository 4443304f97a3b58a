// A table as data: what nodes return and the report collects. How it is printed is the matter of render.ts.

import { z } from "zod";

/** What a column holds, and so how it is printed; shares are 0 to 1, a figure is a text of digits. */
export const ColumnKind = z.enum(["text", "figure", "count", "decimal", "dollars", "share", "bar"]);
export type ColumnKind = z.infer<typeof ColumnKind>;

/** A cell; null is printed as a dash. */
export const Cell = z.union([z.string(), z.number(), z.null()]);
export type Cell = z.infer<typeof Cell>;

/** A table to read. */
export const Table = z.object({
  title: z.string(),
  columns: z.array(z.object({ name: z.string(), kind: ColumnKind })).readonly(),
  rows: z.array(z.array(Cell).readonly()).readonly(),
  note: z.string(),
});
export type Table = z.infer<typeof Table>;

/** Columns from their names and kinds, in the order given. */
export function columns(kinds: Readonly<Record<string, ColumnKind>>): Table["columns"] {
  return Object.entries(kinds).map(([name, kind]) => ({ name, kind }));
}
