// Bird strikes as a job of the command line.

import { readFile } from "node:fs/promises";
import { dataFile } from "../shared/data-file.js";
import { job } from "../shared/job.js";
import { birdstrikes } from "./pipeline.js";
import { renderReport } from "./render.js";

/** Bird strikes at American airports: two CSV files to one report. */
export const birdstrikesJob = job({
  title: "Bird strikes at American airports, 1990 to 2002: two CSV files to one report.",
  dag: birdstrikes,
  context: { readText: (path, signal) => readFile(path, { encoding: "utf8", signal }) },
  inputs: () => ({
    readStrikes: { path: dataFile("birdstrikes.csv") },
    readAirports: { path: dataFile("airports.csv") },
  }),
  render: ({ report }) => renderReport(report),
});
