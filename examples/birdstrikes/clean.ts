// Rows of text to strikes. A row is rejected only when it cannot be counted; all else is repaired or left open, and
// every rule counts the rows that it touched, so that the report can say what was done to the data.

import { Tally } from "../shared/tally.js";
import type { CleanStrikes, Damage, RawStrike, RawStrikes, Strike } from "./schemas.js";

const REJECTED = {
  date: "the flight date cannot be read",
  airport: "no airport is named",
  species: "no species is named",
  malformed: "the row is no proper CSV",
} as const;

const REPAIRED = {
  usDate: "flight date written m/d/yyyy: rewritten as yyyy-mm-dd",
  number: "number with separators, quotes or a dollar sign: taken without them",
  badNumber: "cost or speed that is no number: left open",
  damageCode: "damage code that is no level of this column: set to unknown",
  standingStill: "0 knots in a moving phase: speed left open",
  footnote: "operator with a footnote sign: sign dropped",
  spaces: "aircraft with doubled spaces: made single",
} as const;

const MISSING = {
  cost: "no cost recorded (0 in the file)",
  speed: "no usable speed",
  species: "species not identified",
  operator: "operator not known",
} as const;

const DAMAGE_LEVELS: ReadonlyMap<string, Damage> = new Map([
  ["None", "none"],
  ["Minor", "minor"],
  ["Medium", "medium"],
  ["Substantial", "substantial"],
]);

type Repair = (rule: keyof typeof REPAIRED, cell: string) => void;

/** Cleans all rows. */
export function cleanStrikes(raw: RawStrikes): CleanStrikes {
  const tallies = { rejected: new Tally(REJECTED), repaired: new Tally(REPAIRED), missing: new Tally(MISSING) };
  const strikes: Strike[] = [];
  let rowsRepaired = 0;
  for (const row of raw.rows) {
    const { strike, repairs } = takeRow(row, tallies);
    if (strike) strikes.push(strike);
    if (repairs > 0) rowsRepaired++;
  }
  for (const { row, problem } of raw.malformed) tallies.rejected.add("malformed", `row ${row}: ${problem}`);
  return { strikes, rowsRead: raw.rows.length + raw.malformed.length, rowsRepaired, ...listAll(tallies) };
}

interface Tallies {
  readonly rejected: Tally<keyof typeof REJECTED>;
  readonly repaired: Tally<keyof typeof REPAIRED>;
  readonly missing: Tally<keyof typeof MISSING>;
}

function takeRow(row: RawStrike, tallies: Tallies): { strike?: Strike; repairs: number } {
  const rejection = whyRejected(row);
  if (rejection) {
    tallies.rejected.add(...rejection);
    return { repairs: 0 };
  }
  const repairs = new Map<keyof typeof REPAIRED, string>();
  const strike = cleanRow(row, (rule, cell) => repairs.set(rule, cell));
  for (const [rule, cell] of repairs) tallies.repaired.add(rule, cell);
  for (const gap of gapsOf(strike)) tallies.missing.add(gap);
  return { strike, repairs: repairs.size };
}

function whyRejected(row: RawStrike): [keyof typeof REJECTED, string] | undefined {
  if (readDate(row["Flight Date"], () => {}) === undefined) return ["date", row["Flight Date"]];
  if (row["Airport Name"].trim() === "") return ["airport", row["Airport Name"]];
  if (row["Wildlife Species"].trim() === "") return ["species", row["Wildlife Species"]];
  return undefined;
}

function cleanRow(row: RawStrike, repair: Repair): Strike {
  const species = row["Wildlife Species"].trim();
  return {
    airport: row["Airport Name"].trim(),
    state: row["Origin State"].trim(),
    date: readDate(row["Flight Date"], repair) ?? "", // never empty: such a row was rejected
    aircraft: singleSpaces(row["Aircraft Make Model"], repair),
    operator: readOperator(row["Aircraft Airline Operator"], repair),
    phase: row["Phase of flight"].trim(),
    timeOfDay: row["Time of day"].trim(),
    wildlifeSize: row["Wildlife Size"].trim(),
    species,
    identified: !species.startsWith("Unknown"),
    damage: readDamage(row["Effect Amount of damage"], repair),
    // The file writes 0 both for "nothing to pay" and for "not reported"; most of the damaged aircraft have a 0 too.
    cost: readNumber(row["Cost Total $"], repair) || null,
    speedKnots: readSpeed(row, repair),
  };
}

/** Reads a date as yyyy-mm-dd, or m/d/yyyy as in older copies of the file; undefined if there is no such day. */
function readDate(cell: string, repair: Repair): string | undefined {
  const text = cell.trim();
  const us = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: 0?0:00)?$/.exec(text);
  if (!us) return isDay(text) ? text : undefined;
  const [, month = "", day = "", year = ""] = us;
  const iso = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  repair("usDate", cell);
  return isDay(iso) ? iso : undefined;
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function readNumber(cell: string, repair: Repair): number | null {
  const text = cell.replace(/[\s,"'$]/g, "");
  if (text !== cell) repair("number", cell);
  if (text === "") return null;
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  repair("badNumber", cell);
  return null;
}

function readSpeed(row: RawStrike, repair: Repair): number | null {
  const speed = readNumber(row["Speed IAS in knots"], repair);
  if (speed !== 0 || row["Phase of flight"] === "Parked") return speed;
  repair("standingStill", `${row["Speed IAS in knots"]} knots, ${row["Phase of flight"]}`);
  return null;
}

function readDamage(cell: string, repair: Repair): Damage {
  const level = DAMAGE_LEVELS.get(cell.trim());
  if (level === undefined) repair("damageCode", cell);
  return level ?? "unknown";
}

function readOperator(cell: string, repair: Repair): string | null {
  const name = cell.replace(/\*+$/, "").trim();
  if (name !== cell.trim()) repair("footnote", cell);
  return name === "" || name === "UNKNOWN" ? null : name;
}

function singleSpaces(cell: string, repair: Repair): string {
  const text = cell.trim().replace(/\s+/g, " ");
  if (text !== cell.trim()) repair("spaces", cell);
  return text;
}

function gapsOf(strike: Strike): (keyof typeof MISSING)[] {
  const gaps: (keyof typeof MISSING)[] = [];
  if (strike.cost === null) gaps.push("cost");
  if (strike.speedKnots === null) gaps.push("speed");
  if (!strike.identified) gaps.push("species");
  if (strike.operator === null) gaps.push("operator");
  return gaps;
}

function listAll(tallies: Tallies): Pick<CleanStrikes, keyof Tallies> {
  return { rejected: tallies.rejected.list(), repaired: tallies.repaired.list(), missing: tallies.missing.list() };
}
