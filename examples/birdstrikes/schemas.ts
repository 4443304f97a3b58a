// The types that flow through the dag. Every edge is wired by the identity of one of these schema objects, so two
// things that look alike (the two files) are two schemas.

import { z } from "zod";
import { MalformedRow } from "../shared/csv.js";
import { Table } from "../shared/table.js";
import { Finding } from "../shared/tally.js";

/** The text of birdstrikes.csv. */
export const StrikesCsv = z.string().brand("StrikesCsv");
/** The text of airports.csv. */
export const AirportsCsv = z.string().brand("AirportsCsv");

/** The columns of birdstrikes.csv that the example reads. */
export const STRIKE_COLUMNS = [
  "Airport Name",
  "Origin State",
  "Flight Date",
  "Aircraft Make Model",
  "Aircraft Airline Operator",
  "Phase of flight",
  "Time of day",
  "Wildlife Size",
  "Wildlife Species",
  "Effect Amount of damage",
  "Cost Total $",
  "Speed IAS in knots",
] as const;

/** The columns of airports.csv that the example reads. */
export const AIRPORT_COLUMNS = ["iata", "name", "city", "state"] as const;

/** A row of birdstrikes.csv: every cell as the text it is. */
export const RawStrike = z.record(z.enum(STRIKE_COLUMNS), z.string());
export type RawStrike = z.infer<typeof RawStrike>;

/** A chunk of birdstrikes.csv as rows of text. */
export const RawStrikes = z.object({
  rows: z.array(RawStrike).readonly(),
  malformed: z.array(MalformedRow).readonly(),
});
export type RawStrikes = z.infer<typeof RawStrikes>;

/** An airport; `city` and `state` (two letters) are null where the file says NA. */
export const Airport = z.object({
  iata: z.string(),
  name: z.string(),
  city: z.string().nullable(),
  state: z.string().nullable(),
});
export type Airport = z.infer<typeof Airport>;

/** airports.csv as airports. */
export const Airports = z.object({
  airports: z.array(Airport).readonly(),
  malformed: z.array(MalformedRow).readonly(),
});
export type Airports = z.infer<typeof Airports>;

/** How badly an aircraft was damaged; `unknown` where the file holds no level of this scale. */
export const Damage = z.enum(["none", "minor", "medium", "substantial", "unknown"]);
export type Damage = z.infer<typeof Damage>;

/** One strike. `date` is yyyy-mm-dd, costs are US dollars; null means that the file does not say. */
export const Strike = z.object({
  airport: z.string(),
  state: z.string(),
  date: z.iso.date(),
  aircraft: z.string(),
  operator: z.string().nullable(),
  phase: z.string(),
  timeOfDay: z.string(),
  wildlifeSize: z.string(),
  species: z.string(),
  identified: z.boolean(),
  damage: Damage,
  cost: z.number().nullable(),
  speedKnots: z.number().nullable(),
});
export type Strike = z.infer<typeof Strike>;

/** What it took to make rows countable. Rules that met nothing are listed too, with 0 rows. */
const Cleaning = z.object({
  rowsRead: z.number(),
  rowsRepaired: z.number(),
  rejected: z.array(Finding).readonly(),
  repaired: z.array(Finding).readonly(),
  missing: z.array(Finding).readonly(),
});
export type Cleaning = z.infer<typeof Cleaning>;

/** The strikes of a chunk that can be counted, and what it took. */
export const CleanStrikes = Cleaning.extend({ strikes: z.array(Strike).readonly() });
export type CleanStrikes = z.infer<typeof CleanStrikes>;

/** How the airport of a strike was found in airports.csv. */
export const MatchedBy = z.enum(["exact", "normalised", "alias", "nothing"]);
export type MatchedBy = z.infer<typeof MatchedBy>;

/** A name of an airport as the strikes spell it, and the airport it stands for. */
export const Place = z.object({
  name: z.string(),
  state: z.string(),
  strikes: z.number(),
  matchedBy: MatchedBy,
  airport: Airport.nullable(),
  why: z.string(),
});
export type Place = z.infer<typeof Place>;

/** A strike with the code of its airport, or null. */
const LocatedStrike = Strike.extend({ iata: z.string().nullable() });
export type LocatedStrike = z.infer<typeof LocatedStrike>;

/**
 * Strikes of one chunk or of all, with airports, and one place per name. `sameCase` counts rows whose name matches letter
 * for letter.
 */
export const LocatedStrikes = z.object({
  strikes: z.array(LocatedStrike).readonly(),
  places: z.array(Place).readonly(),
  sameCase: z.number(),
  cleaning: Cleaning,
});
export type LocatedStrikes = z.infer<typeof LocatedStrikes>;

/** The figures over all strikes. `repeatedRows` counts strikes that equal an earlier one in everything read of them. */
export const Totals = z.object({
  strikes: z.number(),
  firstDate: z.iso.date(),
  lastDate: z.iso.date(),
  damaged: z.number(),
  withCost: z.number(),
  withoutCost: z.number(),
  damagedWithoutCost: z.number(),
  cost: z.number(),
  medianCost: z.number(),
  identified: z.number(),
  speciesIdentified: z.number(),
  repeatedRows: z.number(),
});
export type Totals = z.infer<typeof Totals>;

/** One step of the airport match: rows and names found by it alone, and the share of rows found up to it. */
export const MatchStep = z.object({
  matchedBy: MatchedBy,
  names: z.number(),
  rows: z.number(),
  shareUpToHere: z.number(),
});
export type MatchStep = z.infer<typeof MatchStep>;

/** The result of the dag. */
export const Report = z.object({
  totals: Totals,
  costliest: z.array(Strike).readonly(),
  cleaning: Cleaning,
  match: z.object({ steps: z.array(MatchStep).readonly(), sameCase: z.number() }),
  aliases: z.array(Place).readonly(),
  unmatched: z.array(Place).readonly(),
  tables: z.array(Table).readonly(),
});
export type Report = z.infer<typeof Report>;
