// The two files of flights to columns, the large one in chunks. JSON.parse takes its 0.1 s for 11 MB in one piece; the
// rest is paced.

import type { BaseContext } from "heddle";
import { cut } from "../shared/chunks.js";
import { sumOf } from "../shared/groups.js";
import type { Pace } from "../shared/pace.js";
import { addFindings } from "../shared/tally.js";
import { minuteOfDay } from "./groups.js";
import { FlightRows, type Flights, type Intake, type Sample } from "./schemas.js";
import { isWhole, type Rules, sift } from "./sift.js";

type Row = Readonly<Record<string, unknown>>;

const RULES: Rules<Row> = {
  "delay is no whole number of minutes from -180 to 2,880": (row) => isWhole(row.delay, -180, 2880),
  "distance is no whole number of miles from 1 to 6,000": (row) => isWhole(row.distance, 1, 6000),
};

const RULES_OF_FLIGHTS: Rules<Row> = {
  ...RULES,
  "time of departure is no minute of a day": ({ time }) => typeof time === "number" && isWhole(clockOf(time), 0, 1439),
};

const RULES_OF_SAMPLE: Rules<Row> = {
  ...RULES,
  "an airport has no code of three characters": (row) => isCode(row.origin) && isCode(row.destination),
};

/** The 231,083 rows of the file make 24 chunks. */
const CHUNK_ROWS = 10_000;
const FILE = "flights-200k.json";

/** Cuts the text of flights-200k.json into chunks. Throws if it is no list in JSON. */
export function cutFlights(text: string, ctx: Pick<BaseContext, "progress">): FlightRows[] {
  return cut(parseRows(text), CHUNK_ROWS, ctx).map((rows) => FlightRows.parse(JSON.stringify(rows)));
}

/** Reads one chunk. */
export async function readFlights(chunk: FlightRows, pace: Pace): Promise<Flights> {
  const { sound, intake } = await sift({ file: FILE, rows: parseRows(chunk) }, RULES_OF_FLIGHTS, pace);
  return {
    delay: Int16Array.from(sound, (row) => Number(row.delay)),
    distance: Uint16Array.from(sound, (row) => Number(row.distance)),
    minute: Uint16Array.from(sound, (row) => minuteOfDay(clockOf(Number(row.time)))),
    intake,
  };
}

/** Puts chunks together, in the order given. */
export function joinFlights(chunks: readonly Flights[]): Flights {
  const columns = {
    delay: Int16Array.from(chunks.flatMap(({ delay }) => [...delay])),
    distance: Uint16Array.from(chunks.flatMap(({ distance }) => [...distance])),
    minute: Uint16Array.from(chunks.flatMap(({ minute }) => [...minute])),
  };
  const intakes = chunks.map((chunk) => chunk.intake);
  return { ...columns, intake: joinIntakes(intakes, countRepeats(columns)) };
}

function joinIntakes(intakes: readonly Intake[], repeats: number): Intake {
  return {
    file: FILE,
    rows: sumOf(intakes, (intake) => intake.rows),
    rejected: addFindings(intakes.map((intake) => intake.rejected)),
    // A chunk only knows the repeats within itself.
    kept: addFindings(intakes.map((intake) => intake.kept)).map((finding) => ({ ...finding, rows: repeats })),
  };
}

/** How many flights equal an earlier one in everything read of them. */
function countRepeats({ delay, distance, minute }: Pick<Flights, "delay" | "distance" | "minute">): number {
  const seen = new Set<number>();
  for (let flight = 0; flight < delay.length; flight++) {
    // The three numbers side by side in one: 16 bits each.
    seen.add(((delay[flight] ?? 0) * 2 ** 16 + (distance[flight] ?? 0)) * 2 ** 16 + (minute[flight] ?? 0));
  }
  return delay.length - seen.size;
}

/** Reads the text of flights-20k.json. Throws if it is no list in JSON. */
export async function readSample(text: string, pace: Pace): Promise<Sample> {
  const source = { file: "flights-20k.json", rows: parseRows(text) };
  const { sound, intake } = await sift(source, RULES_OF_SAMPLE, pace);
  const codes = [...new Set(sound.flatMap((row) => [String(row.origin), String(row.destination)]))].sort();
  const placeOf = new Map(codes.map((code, place) => [code, place]));
  return {
    delay: Int16Array.from(sound, (row) => Number(row.delay)),
    distance: Uint16Array.from(sound, (row) => Number(row.distance)),
    origin: Uint16Array.from(sound, (row) => placeOf.get(String(row.origin)) ?? 0),
    destination: Uint16Array.from(sound, (row) => placeOf.get(String(row.destination)) ?? 0),
    codes,
    intake,
  };
}

function parseRows(text: string): readonly Row[] {
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) throw new Error("Expected a list of flights in JSON.");
  return rows.map(Object); // what is no object becomes one without columns, and is sifted out
}

/** Minutes since midnight; a fraction if the time is no whole minute. */
function clockOf(hours: number): number {
  const minutes = hours * 60;
  const whole = Math.round(minutes);
  return Math.abs(minutes - whole) < 0.01 ? whole : minutes; // 0.1 hours is 6.000000000000001 minutes
}

function isCode(cell: unknown): boolean {
  return typeof cell === "string" && /^[A-Z0-9]{3}$/.test(cell);
}
