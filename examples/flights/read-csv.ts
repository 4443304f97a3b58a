// The two files about airports: which columns are read, and how.

import { parseCsv } from "../shared/csv.js";
import type { Pace } from "../shared/pace.js";
import type { Airports, Routes } from "./schemas.js";
import { isNumeric, sift } from "./sift.js";

/** Reads the text of flights-airport.csv. Throws if a column is missing. */
export async function readRoutes(csv: string, pace: Pace): Promise<Routes> {
  const parsed = parseCsv(csv, ["origin", "destination", "count"]);
  const { sound, intake } = await sift(
    { file: "flights-airport.csv", ...parsed },
    {
      "an airport is not named": (row) => row.origin !== "" && row.destination !== "",
      "the number of flights is no whole number": (row) => /^\d+$/.test(row.count),
    },
    pace,
  );
  return { routes: sound.map(({ count, ...ends }) => ({ ...ends, flights: Number(count) })), intake };
}

/** Reads the text of airports.csv. Throws if a column is missing. */
export async function readAirports(csv: string, pace: Pace): Promise<Airports> {
  const parsed = parseCsv(csv, ["iata", "name", "city", "latitude", "longitude"]);
  const { sound, intake } = await sift(
    { file: "airports.csv", ...parsed },
    {
      "the airport has no code": (row) => row.iata !== "",
      "the airport has no place on earth": (row) =>
        isNumeric(row.latitude, -90, 90) && isNumeric(row.longitude, -180, 180),
    },
    pace,
  );
  const airports = sound.map(({ latitude, longitude, ...named }) => ({
    ...named,
    latitude: Number(latitude),
    longitude: Number(longitude),
  }));
  return { airports, intake };
}
