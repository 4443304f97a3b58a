// How much of a delay can be told from the hour and the distance? Rules from coarse to fine, tried on flights that they
// have not seen: a rule that is too fine learns chance.

import type { Pace } from "../../shared/pace.js";
import { columns, type Table } from "../../shared/table.js";
import { bandOf, HOUR_NAMES, hourOf } from "../groups.js";
import type { Flights } from "../schemas.js";
import { Sums } from "../statistics/least-squares.js";
import { drawsFrom } from "../statistics/random.js";
import { crossValidate, type Learn, type Predict } from "../statistics/validation.js";

const SEED = 5;
const REPEATS = 5;

/** Minutes and miles of the finest rule. */
const FINE_MINUTES = 10;
const FINE_MILES = 50;
const FINE_ROWS = 1440 / FINE_MINUTES;

interface Rule {
  readonly name: string;
  readonly figures: number;
  readonly learn: Learn;
}

/** Tries each rule in a tenfold cross-validation. */
export async function predictions(flights: Flights, pace: Pace): Promise<Table> {
  const rules = rulesFor(flights);
  const misses = await crossValidate(
    flights.delay,
    rules.map((rule) => rule.learn),
    { times: REPEATS, draw: drawsFrom(SEED), pace },
  );
  const guessing = misses[0]?.rootMeanSquare ?? Number.NaN;
  return {
    title: "How well hour and distance predict the delay of flights not seen",
    columns: columns({
      Rule: "text",
      Figures: "count",
      "Mean miss, min": "decimal",
      "Root mean square": "decimal",
      Explained: "share",
    }),
    rows: rules.map(({ name, figures }, i) => {
      const { mean, rootMeanSquare } = misses[i] ?? { mean: Number.NaN, rootMeanSquare: Number.NaN };
      return [name, figures, mean, rootMeanSquare, 1 - (rootMeanSquare / guessing) ** 2];
    }),
    note: [
      `Tenfold cross-validation, ${REPEATS} times over. Figures: how many numbers a rule learns. Explained: of the`,
      "variance. The hour is the hour left, of which a forecast would know the planned one only.",
    ].join("\n"),
  };
}

function rulesFor(flights: Flights): Rule[] {
  const { minute, distance } = flights;
  const hour = (flight: number) => hourOf(minute[flight] ?? 0);
  const band = (flight: number) => bandOf(distance[flight] ?? 0);
  const fine = (flight: number) =>
    Math.floor((minute[flight] ?? 0) / FINE_MINUTES) + FINE_ROWS * Math.floor((distance[flight] ?? 0) / FINE_MILES);
  return [
    meanRule("one mean for all", flights, () => 0),
    { name: "a plane over hour and distance", figures: 3, learn: planeRule(flights) },
    meanRule("a mean for each hour", flights, hour),
    meanRule("… and band of distance", flights, (flight) => hour(flight) + HOUR_NAMES.length * band(flight)),
    meanRule(`a mean for ${FINE_MINUTES} minutes and ${FINE_MILES} miles`, flights, fine),
  ];
}

/** Predicts the mean of the group; of a group not met before, the mean of all. */
function meanRule(name: string, { delay }: Flights, groupOf: (flight: number) => number): Rule {
  const groups = delay.map((_, flight) => groupOf(flight));
  const highest = groups.reduce((high, group) => Math.max(high, group), 0);
  const learn = (rows: Uint32Array): Predict => {
    const sums = new Float64Array(highest + 1);
    const sizes = new Uint32Array(highest + 1);
    for (const row of rows) {
      const group = groups[row] ?? 0;
      sums[group] = (sums[group] ?? 0) + (delay[row] ?? 0);
      sizes[group] = (sizes[group] ?? 0) + 1;
    }
    const all = sums.reduce((total, sum) => total + sum, 0) / rows.length;
    const means = sums.map((sum, group) => (sizes[group] ? sum / sizes[group] : all));
    return (row) => means[groups[row] ?? 0] ?? all;
  };
  return { name, figures: new Set(groups).size, learn };
}

function planeRule({ delay, distance, minute }: Flights): Learn {
  return (rows) => {
    const sums = new Sums();
    for (const row of rows) sums.add(minute[row] ?? 0, distance[row] ?? 0, delay[row] ?? 0);
    const { base, perX, perZ } = sums.plane();
    return (row) => base + perX * (minute[row] ?? 0) + perZ * (distance[row] ?? 0);
  };
}
