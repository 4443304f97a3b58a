// Are evening flights later than morning ones, or is it chance? And is it the evening, or only that late flights leave
// late? Flights are compared within bands of distance, since the evening flies other distances than the morning.

import type { Pace } from "../../shared/pace.js";
import { count } from "../../shared/render.js";
import { type Cell, columns, type Table } from "../../shared/table.js";
import { BAND_NAMES, bandOf, divide, PARTS, partOf, plannedMinutes } from "../groups.js";
import type { Flights } from "../schemas.js";
import { intervalOf } from "../statistics/bootstrap.js";
import { countsOf, meanOf } from "../statistics/counts.js";
import { differenceOfMeans, permutedDifferences, pValueOf } from "../statistics/permutation.js";
import { type Draw, drawsFrom } from "../statistics/random.js";
import { decimal, range } from "./minutes.js";

const SEED = 3;
const PERMUTATIONS = 500;

/** Compares morning and evening in every band of distance, by the hour left and by the hour planned. */
export async function eveningTest(flights: Flights, pace: Pace): Promise<Table> {
  const draw = drawsFrom(SEED);
  const pairs = comparisons(flights);
  const rows: Cell[][] = [];
  for (const pair of pairs) {
    const within: Pace = (done, total) => pace(rows.length * total + done, pairs.length * total);
    rows.push([...pair.names, ...(await compare(pair, { draw, pace: within }))]);
  }
  return {
    title: "Minutes late on arrival: evening (17 to 22) against morning (6 to 11)",
    columns: columns({
      Miles: "text",
      Hour: "text",
      Morning: "figure",
      Evening: "figure",
      Difference: "figure",
      "By chance": "figure",
      p: "figure",
    }),
    rows,
    note: [
      `By chance: where 95 % of the differences lie if the same flights are divided at random ${count(PERMUTATIONS)} times;`,
      `p can then be no less than ${(1 / PERMUTATIONS).toFixed(3)}. Planned: by the hour left, less the delay on arrival, so that`,
      "flights which left in the evening only because they were late count where they belong.",
    ].join("\n"),
  };
}

interface Comparison {
  readonly names: readonly [band: string, hour: string];
  readonly morning: Int16Array;
  readonly evening: Int16Array;
}

function comparisons(flights: Flights): Comparison[] {
  const { delay, distance, minute } = flights;
  const hours = { left: minute, planned: plannedMinutes(flights) };
  const divided = Object.entries(hours).map(([hour, minutes]) => {
    const groups = divide(delay, PARTS.length * BAND_NAMES.length, (flight) => {
      const part = partOf(minutes[flight] ?? 0);
      return part === -1 ? -1 : part * BAND_NAMES.length + bandOf(distance[flight] ?? 0);
    });
    return { hour, groups };
  });
  return BAND_NAMES.flatMap((band, i) =>
    divided.map(({ hour, groups }) => ({
      names: [band, hour],
      morning: groups[i] ?? new Int16Array(),
      evening: groups[BAND_NAMES.length + i] ?? new Int16Array(),
    })),
  );
}

async function compare({ morning, evening }: Comparison, { draw, pace }: { draw: Draw; pace: Pace }): Promise<Cell[]> {
  if (morning.length === 0 || evening.length === 0) return [null, null, null, null, null];
  const difference = differenceOfMeans(morning, evening);
  const permuted = await permutedDifferences(morning, evening, { times: PERMUTATIONS, draw, pace });
  return [
    decimal(meanOf(countsOf(morning))),
    decimal(meanOf(countsOf(evening))),
    decimal(difference),
    range(intervalOf(permuted)),
    pValueOf(difference, permuted).toFixed(3),
  ];
}
