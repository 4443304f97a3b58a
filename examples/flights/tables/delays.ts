// Quantiles of delay, by the hour of the day and by distance; and how sure they are.

import type { Pace } from "../../shared/pace.js";
import { type Cell, columns, type Table } from "../../shared/table.js";
import { BAND_NAMES, bandOf, divide, HOUR_NAMES, hourOf, LATE_MINUTES } from "../groups.js";
import type { Flights } from "../schemas.js";
import { intervalOf, resample } from "../statistics/bootstrap.js";
import { type Counts, countsOf, meanOf, quantileOf, shareFrom } from "../statistics/counts.js";
import { drawsFrom } from "../statistics/random.js";
import { range } from "./minutes.js";

const SEED = 1;
const RESAMPLES = 300;
/** Of fewer flights nobody can say much. */
const FEWEST = 100;

const QUANTILES = { "10 %": "count", "25 %": "count", "50 %": "count", "75 %": "count", "90 %": "count" } as const;
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9];

/** Minutes late by the hour of departure. */
export function byHour(flights: Flights): Table {
  return {
    title: "Minutes late on arrival, by the hour of departure",
    columns: columns({ Hour: "text", Flights: "count", ...QUANTILES, Mean: "decimal", Late: "share", "": "bar" }),
    rows: delaysByHour(flights).map((delay, hour) => [
      ...quantileRow(HOUR_NAMES[hour], delay),
      delay.length === 0 ? null : shareFrom(countsOf(delay), LATE_MINUTES),
    ]),
    note: [
      `50 %: half of the flights were no later than that. Late: ${LATE_MINUTES} minutes or more. Negative: early.`,
      "The hour is the one in which the aircraft really left: hardly any flight is planned after midnight,",
      "and those that leave then are late already.",
    ].join("\n"),
  };
}

/** Minutes late by the distance flown. */
export function byDistance({ delay, distance }: Flights): Table {
  const bands = divide(delay, BAND_NAMES.length, (flight) => bandOf(distance[flight] ?? 0));
  return {
    title: "Minutes late on arrival, by distance",
    columns: columns({ Miles: "text", Flights: "count", ...QUANTILES, Mean: "decimal", Late: "share" }),
    rows: bands.map((delay, band) => quantileRow(BAND_NAMES[band], delay)),
    note: "",
  };
}

/** How sure the figures of each hour are. */
export async function hourIntervals(flights: Flights, pace: Pace): Promise<Table> {
  const hours = delaysByHour(flights);
  const draw = drawsFrom(SEED);
  const rows: Cell[][] = [];
  for (const [hour, delay] of hours.entries()) {
    const within: Pace = (done, total) => pace(hour * total + done, hours.length * total);
    if (delay.length < FEWEST) continue;
    const estimates = await resample(delay, estimate, { times: RESAMPLES, draw, pace: within });
    rows.push([HOUR_NAMES[hour] ?? null, delay.length, ...intervalCells(estimate(countsOf(delay)), estimates)]);
  }
  return {
    title: "Minutes late by the hour of departure, and how sure that is",
    columns: columns({
      Hour: "text",
      Flights: "count",
      Mean: "decimal",
      "Range of mean": "figure",
      Median: "count",
      "Range of median": "figure",
      "90 %": "count",
      "Range of 90 %": "figure",
    }),
    rows,
    note: `Ranges of 95 % by ${RESAMPLES} bootstrap samples of each hour. Left out: hours with fewer than ${FEWEST} flights.`,
  };
}

function delaysByHour({ delay, minute }: Flights): Int16Array[] {
  return divide(delay, HOUR_NAMES.length, (flight) => hourOf(minute[flight] ?? 0));
}

function quantileRow(name: string | undefined, delay: Int16Array): Cell[] {
  const counts = countsOf(delay);
  const quantiles = SHARES.map((share) => quantileOf(counts, share));
  const figures = [...quantiles, meanOf(counts), shareFrom(counts, LATE_MINUTES)];
  return [name ?? null, delay.length, ...figures.map((figure) => (delay.length === 0 ? null : figure))];
}

type Estimate = readonly [mean: number, median: number, ninetieth: number];

function estimate(counts: Counts): Estimate {
  return [meanOf(counts), quantileOf(counts, 0.5), quantileOf(counts, 0.9)];
}

function intervalCells(found: Estimate, estimates: readonly Estimate[]): Cell[] {
  const rangeOf = (i: 0 | 1 | 2, digits: number) => range(intervalOf(estimates.map((one) => one[i])), digits);
  return [found[0], rangeOf(0, 1), found[1], rangeOf(1, 0), found[2], rangeOf(2, 0)];
}
