// What the nodes pass on. An edge is wired by the identity of one of these objects. Flights are columns, not objects:
// 231,083 objects are 10.8 MB of text and take the codec a second, as columns 1.4 MB and a millisecond.

import { type } from "heddle";
import { z } from "zod";
import { Table } from "../shared/table.js";
import { Finding } from "../shared/tally.js";

/** What became of the rows of a file. Rules that met nothing are listed too, with 0 rows. */
export const Intake = z.object({
  file: z.string(),
  rows: z.number(),
  rejected: z.array(Finding).readonly(),
  kept: z.array(Finding).readonly(),
});
export type Intake = z.infer<typeof Intake>;

/** A chunk of flights-200k.json: a list of rows in JSON, as the file has them. */
export const FlightRows = z.string().brand("FlightRows");
export type FlightRows = z.infer<typeof FlightRows>;

/** Flights of one chunk or of all, one entry per flight in every column. */
export interface Flights {
  /** Minutes late on arrival; negative if early. */
  readonly delay: Int16Array;
  /** Miles. */
  readonly distance: Uint16Array;
  /** When the aircraft really left, in minutes since 04:00: at 04:00 the fewest leave, so a night is not torn apart. */
  readonly minute: Uint16Array;
  readonly intake: Intake;
}
export const Flights = type<Flights>("Flights");

/** A smaller sample of the same flights, which tells the airports. */
export interface Sample {
  /** Minutes late on arrival; negative if early. */
  readonly delay: Int16Array;
  /** Miles. */
  readonly distance: Uint16Array;
  /** Where the flight left and where it went, as places in `codes`. */
  readonly origin: Uint16Array;
  readonly destination: Uint16Array;
  /** The codes of the airports. */
  readonly codes: readonly string[];
  readonly intake: Intake;
}
export const Sample = type<Sample>("Sample");

/** How many flights left in 2008 from `origin` to `destination`. */
const Route = z.object({ origin: z.string(), destination: z.string(), flights: z.number() });
export type Route = z.infer<typeof Route>;

/** All routes of 2008. */
export const Routes = z.object({ routes: z.array(Route).readonly(), intake: Intake });
export type Routes = z.infer<typeof Routes>;

/** An airport and where it lies, in degrees. */
const Airport = z.object({
  iata: z.string(),
  name: z.string(),
  city: z.string(),
  latitude: z.number(),
  longitude: z.number(),
});
export type Airport = z.infer<typeof Airport>;

/** All airports that have a place on earth. */
export const Airports = z.object({ airports: z.array(Airport).readonly(), intake: Intake });
export type Airports = z.infer<typeof Airports>;

/** A plane through flights: minutes late = `base` + `perHour` × hours since 04:00 + `perThousandMiles` × miles / 1,000. */
const Plane = z.object({
  base: z.number(),
  perHour: z.number(),
  perThousandMiles: z.number(),
  /** The share of the variance that the plane explains. */
  explained: z.number(),
});
export type Plane = z.infer<typeof Plane>;

/** The two planes: by the hour in which the aircraft left, and by the hour in which it should have left. */
export const Fit = z.object({ left: Plane, planned: Plane });
export type Fit = z.infer<typeof Fit>;

/** The result of the dag. */
export const Report = z.object({
  intakes: z.array(Intake).readonly(),
  tables: z.array(Table).readonly(),
});
export type Report = z.infer<typeof Report>;
