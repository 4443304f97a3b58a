// The two files of the example: which columns are read, and how.

import type { BaseContext } from "heddle";
import { cut } from "../shared/chunks.js";
import { parseCsv } from "../shared/csv.js";
import { AIRPORT_COLUMNS, type Airports, type RawStrikes, STRIKE_COLUMNS } from "./schemas.js";

/** The 10,000 rows of the file make 25 chunks. */
const CHUNK_ROWS = 400;

/** Reads the text of birdstrikes.csv, in chunks; the first lists what is malformed. Throws if a column is missing. */
export function parseStrikes(csv: string, ctx: Pick<BaseContext, "progress">): RawStrikes[] {
  const { rows, malformed } = parseCsv(csv, STRIKE_COLUMNS);
  return cut(rows, CHUNK_ROWS, ctx).map((chunk, i) => ({ rows: chunk, malformed: i === 0 ? malformed : [] }));
}

/** Reads the text of airports.csv; NA becomes null. Throws if a column is missing. */
export function parseAirports(csv: string): Airports {
  const { rows, malformed } = parseCsv(csv, AIRPORT_COLUMNS);
  const airports = rows.map((row) => ({ ...row, city: known(row.city), state: known(row.state) }));
  return { airports, malformed };
}

function known(text: string): string | null {
  return text === "NA" ? null : text;
}
