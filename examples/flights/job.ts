// Flights as a job of the command line.

import { dataFile } from "../shared/data-file.js";
import { job } from "../shared/job.js";
import { flights } from "./pipeline.js";
import { renderReport } from "./render.js";

/** Delays of 231,083 American flights: four files to one report, long enough to be killed half-way. */
export const flightsJob = job({
  title: "Delays of 231,083 American flights: four files to one report, in 10 to 30 seconds.",
  dag: flights,
  context: {},
  inputs: () => ({
    cutFlights: { path: dataFile("flights-200k.json") },
    readSample: { path: dataFile("flights-20k.json") },
    readRoutes: { path: dataFile("flights-airport.csv") },
    readAirports: { path: dataFile("airports.csv") },
  }),
  render: ({ report }) => renderReport(report),
});
