// Do the files agree about how far it is? The great circle between the places in airports.csv, beside the distance that
// the flights report.

import { groupBy, sumOf, topOf } from "../../shared/groups.js";
import { count } from "../../shared/render.js";
import { type Cell, columns, type Table } from "../../shared/table.js";
import type { Airport, Airports, Route, Routes, Sample } from "../schemas.js";
import { intervalOf } from "../statistics/bootstrap.js";
import { greatCircleMiles } from "../statistics/great-circle.js";
import { decimal, range } from "./minutes.js";

const TOP = 10;
const BETWEEN = "–";

/** Two airports with flights between them, in both directions. */
interface Pair {
  readonly name: string;
  readonly ends: readonly [Airport, Airport];
  readonly flights: number;
  readonly miles: number;
  /** The distance that flights between them report, if the sample has any. */
  readonly reported: number | undefined;
}

/** The busiest pairs of airports, and how their distances compare. */
export function busiestPairs({ routes }: Routes, { airports }: Airports, sample: Sample): Table {
  const pairs = joinPairs(routes, airports, reportedMiles(sample));
  return {
    title: "The busiest pairs of airports in 2008, and how far it is between them",
    columns: columns({
      Pair: "text",
      Cities: "text",
      Flights: "count",
      "Great circle, miles": "decimal",
      Reported: "count",
      Difference: "figure",
    }),
    rows: topOf(pairs, TOP, (pair) => pair.flights).map(pairRow),
    note: noteOn(pairs, sample),
  };
}

function joinPairs(
  routes: readonly Route[],
  airports: readonly Airport[],
  reported: ReadonlyMap<string, number>,
): Pair[] {
  const airportOf = new Map(airports.map((airport) => [airport.iata, airport]));
  const groups = groupBy(routes, ({ origin, destination }) => pairName(origin, destination));
  return [...groups].flatMap(([name, group]) => {
    const [from, to] = name.split(BETWEEN).map((code) => airportOf.get(code));
    if (!from || !to) return [];
    const flights = sumOf(group, (route) => route.flights);
    return [{ name, ends: [from, to], flights, miles: greatCircleMiles(from, to), reported: reported.get(name) }];
  });
}

function reportedMiles({ codes, origin, destination, distance }: Sample): Map<string, number> {
  const miles = new Map<string, number>();
  for (const [flight, reported] of distance.entries()) {
    miles.set(pairName(codes[origin[flight] ?? 0] ?? "", codes[destination[flight] ?? 0] ?? ""), reported);
  }
  return miles;
}

/** The same in both directions. */
function pairName(one: string, other: string): string {
  return [one, other].sort().join(BETWEEN);
}

function pairRow({ name, ends, flights, miles, reported }: Pair): Cell[] {
  const cities = ends.map((airport) => airport.city).join(", ");
  return [name, cities, flights, miles, reported ?? null, reported === undefined ? null : percent(miles, reported)];
}

function percent(miles: number, reported: number): string {
  return `${decimal(offBy(miles, reported), 2)} %`;
}

/** By how many percent the distance reported is longer than the great circle. */
function offBy(miles: number, reported: number): number {
  return 100 * (reported / miles - 1);
}

function noteOn(pairs: readonly Pair[], sample: Sample): string {
  const flights = sumOf(pairs, (pair) => pair.flights);
  const mean = sumOf(pairs, (pair) => pair.flights * pair.miles) / flights;
  const meanReported = sample.distance.reduce((sum, miles) => sum + miles, 0) / sample.distance.length;
  const differences = pairs.flatMap(({ miles, reported }) => (reported === undefined ? [] : offBy(miles, reported)));
  return [
    `${count(pairs.length)} pairs with ${count(flights)} flights, ${decimal(mean, 0)} miles in the mean; in 2001 ${decimal(meanReported, 0)} are reported.`,
    `Of the ${count(differences.length)} pairs in both files, 95 % differ by ${range(intervalOf(differences), 2)} %: the earth is no sphere.`,
  ].join("\n");
}
