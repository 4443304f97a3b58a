// The two files of the example: which columns are read, and how.

import { parseCsv } from "../shared/csv.js";
import { AIRPORT_COLUMNS, type Airports, type RawStrikes, STRIKE_COLUMNS } from "./schemas.js";

/** Reads the text of birdstrikes.csv. Throws if a column is missing. */
export function parseStrikes(csv: string): RawStrikes {
  return parseCsv(csv, STRIKE_COLUMNS);
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
