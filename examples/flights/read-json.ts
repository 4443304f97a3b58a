// The two files of flights to columns. JSON.parse takes its 0.1 s for 11 MB in one piece; the rest is paced.

import type { Pace } from "../shared/pace.js";
import { minuteOfDay } from "./groups.js";
import type { Flights, Sample } from "./schemas.js";
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

/** Reads the text of flights-200k.json, which has 231,083 rows. Throws if it is no list in JSON. */
export async function readFlights(text: string, pace: Pace): Promise<Flights> {
  const source = { file: "flights-200k.json", rows: parseRows(text) };
  const { sound, intake } = await sift(source, RULES_OF_FLIGHTS, pace);
  return {
    delay: Int16Array.from(sound, (row) => Number(row.delay)),
    distance: Uint16Array.from(sound, (row) => Number(row.distance)),
    minute: Uint16Array.from(sound, (row) => minuteOfDay(clockOf(Number(row.time)))),
    intake,
  };
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
