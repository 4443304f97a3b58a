// Minutes late as a plane over the hour and the distance; and how sure its slopes are. Both are done twice: by the hour
// in which the aircraft left, and by the hour in which it should have left, since a late flight leaves in a later hour.

import type { Pace } from "../../shared/pace.js";
import { type Cell, columns, type Table } from "../../shared/table.js";
import { plannedMinutes } from "../groups.js";
import type { Fit, Flights, Plane } from "../schemas.js";
import { intervalOf } from "../statistics/bootstrap.js";
import { Sums, type Surface } from "../statistics/least-squares.js";
import { drawsFrom } from "../statistics/random.js";
import { decimal, range } from "./minutes.js";

const SEED = 2;
const RESAMPLES = 150;
const MINUTES_PER_HOUR = 60;
const THOUSAND_MILES = 1000;

const FIGURES: readonly Figure[] = [
  { name: "Minutes late at 04:00, 0 miles", of: (plane) => plane.base },
  { name: "More per hour of the day", of: (plane) => plane.perHour },
  { name: "More per 1,000 miles", of: (plane) => plane.perThousandMiles },
  { name: "Variance explained, %", of: (plane) => 100 * plane.explained },
];

interface Figure {
  readonly name: string;
  readonly of: (plane: Plane) => number;
}

/** Fits both planes to all flights. */
export function fitPlanes(flights: Flights): Fit {
  return planesThrough(flights, plannedMinutes(flights), (flight) => flight);
}

/** How sure the planes of `fit` are. */
export async function planeIntervals(flights: Flights, fit: Fit, pace: Pace): Promise<Table> {
  const planned = plannedMinutes(flights);
  const draw = drawsFrom(SEED);
  const again: Fit[] = [];
  while (again.length < RESAMPLES) {
    again.push(planesThrough(flights, planned, () => draw(planned.length)));
    await pace(again.length, RESAMPLES);
  }
  return {
    title: "A plane through all flights: minutes late by hour and distance",
    columns: columns({
      "": "text",
      "Hour left": "figure",
      "Range if left": "figure",
      "Hour planned": "figure",
      "Range if planned": "figure",
    }),
    rows: FIGURES.map((figure) => figureRow(figure, fit, again)),
    note: [
      `Least squares; ranges of 95 % by ${RESAMPLES} bootstrap samples. A late flight leaves in a later hour,`,
      "so the hour left claims too much. Hour planned: the hour left, less the delay on arrival; it claims",
      "too little where time was lost in the air.",
    ].join("\n"),
  };
}

/** The planes through as many flights as there are, each chosen by `pick` from its place in the row. */
function planesThrough(flights: Flights, planned: Uint16Array, pick: (place: number) => number): Fit {
  const { delay, distance, minute } = flights;
  const sums = { left: new Sums(), planned: new Sums() };
  for (let place = 0; place < delay.length; place++) {
    const flight = pick(place);
    const late = delay[flight] ?? 0;
    const far = (distance[flight] ?? 0) / THOUSAND_MILES;
    sums.left.add((minute[flight] ?? 0) / MINUTES_PER_HOUR, far, late);
    sums.planned.add((planned[flight] ?? 0) / MINUTES_PER_HOUR, far, late);
  }
  return { left: planeOf(sums.left.plane()), planned: planeOf(sums.planned.plane()) };
}

function planeOf({ base, perX, perZ, explained }: Surface): Plane {
  return { base, perHour: perX, perThousandMiles: perZ, explained };
}

function figureRow({ name, of }: Figure, fit: Fit, again: readonly Fit[]): Cell[] {
  const cells = (plane: (fit: Fit) => Plane) => [
    decimal(of(plane(fit)), 2),
    range(intervalOf(again.map((one) => of(plane(one)))), 2),
  ];
  return [name, ...cells((one) => one.left), ...cells((one) => one.planned)];
}
