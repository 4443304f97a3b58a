// Which kinds of flights are there? Groups that lie close together in hour, distance and delay.

import type { Pace } from "../../shared/pace.js";
import { type Cell, columns, type Table } from "../../shared/table.js";
import { clockAt, divide, LATE_MINUTES } from "../groups.js";
import type { Flights } from "../schemas.js";
import { type Counts, countsOf, deviationOf, meanOf, shareFrom } from "../statistics/counts.js";
import { type Grouping, kMeans, type Points } from "../statistics/k-means.js";
import { drawsFrom } from "../statistics/random.js";

const SEED = 4;
const KINDS = 5;
const STARTS = 6;
/** Errors that differ by less than this share come from the same groups. */
const SAME = 1e-3;

type Measure = Int16Array | Uint16Array;

/** Looks for kinds of flights, and lists the most frequent first. */
export async function flightKinds(flights: Flights, pace: Pace): Promise<Table> {
  const points = standardised([flights.minute, flights.distance, flights.delay]);
  const found = await kMeans(points, { groups: KINDS, starts: STARTS, draw: drawsFrom(SEED), pace });
  const [best] = found as [Grouping];
  const alike = found.filter(({ error }) => error <= best.error * (1 + SAME)).length;
  const shareKept = 1 - best.error / points.values.length; // standardised values have a variance of 1
  return {
    title: `${KINDS} kinds of flights, by hour, distance and delay`,
    columns: columns({
      Flights: "count",
      "Of all": "share",
      "Mean hour": "figure",
      Miles: "count",
      "Minutes late": "decimal",
      "Late by 15": "share",
    }),
    rows: kindRows(flights, best.groupOf),
    note: [
      "k-means on the three measures, each in standard deviations.",
      `${alike} of ${STARTS} starts ended in these groups. Between the groups lies ${(100 * shareKept).toFixed(0)} % of the variance.`,
    ].join("\n"),
  };
}

function kindRows(flights: Flights, groupOf: Uint8Array): Cell[][] {
  const [minutes, miles, delays] = [flights.minute, flights.distance, flights.delay].map((measure) =>
    divide(measure, KINDS, (flight) => groupOf[flight] ?? 0).map(countsOf),
  ) as [Counts[], Counts[], Counts[]];
  const kinds = delays.map((delay, i) => ({ delay, minute: minutes[i] ?? delay, distance: miles[i] ?? delay }));
  return kinds
    .toSorted((a, b) => b.delay.total - a.delay.total)
    .map(({ delay, minute, distance }) => [
      delay.total,
      delay.total / groupOf.length,
      clockAt(meanOf(minute)),
      Math.round(meanOf(distance)),
      meanOf(delay),
      shareFrom(delay, LATE_MINUTES),
    ]);
}

/** Each measure less its mean, in standard deviations; the measures of a flight side by side. */
function standardised(measures: readonly Measure[]): Points {
  const dimensions = measures.length;
  const values = new Float64Array(dimensions * (measures[0]?.length ?? 0));
  for (const [d, measure] of measures.entries()) {
    const counts = countsOf(Int16Array.from(measure));
    const [mean, deviation] = [meanOf(counts), deviationOf(counts)];
    for (let flight = 0; flight < measure.length; flight++) {
      values[flight * dimensions + d] = ((measure[flight] ?? 0) - mean) / deviation;
    }
  }
  return { values, dimensions };
}
