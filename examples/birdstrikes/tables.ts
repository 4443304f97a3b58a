// The four tables. All have one type, so the report takes any number of them.

import { groupBy, shareOf, sumOf, topOf } from "../shared/groups.js";
import { type Cell, columns, type Table } from "../shared/table.js";
import type { Damage, LocatedStrikes, Place, Strike } from "./schemas.js";
import { codesOf } from "./states.js";

const TOP = 10;
const DAY_MS = 86_400_000;
const DAYS_PER_YEAR = 365.25;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const NO_COST = "none recorded";
const DAMAGE_ORDER: readonly Damage[] = ["none", "minor", "medium", "substantial", "unknown"];

/** Bands of cost in US dollars, each from `from` up to the next one. */
const COST_BANDS = [
  { name: "$1 to $999", from: 1 },
  { name: "$1,000 to $9,999", from: 1_000 },
  { name: "$10,000 to $99,999", from: 10_000 },
  { name: "$100,000 to $999,999", from: 100_000 },
  { name: "$1,000,000 and up", from: 1_000_000 },
];

/** The ten species that were struck most, beside the ten that cost most. Only strikes whose species is known. */
export function bySpecies(strikes: readonly Strike[]): Table {
  const identified = strikes.filter((strike) => strike.identified);
  const species = [...groupBy(identified, (strike) => strike.species)].map(([name, group]) => ({
    name,
    ...count(group),
  }));
  const costliest = topOf(species, TOP, (one) => one.cost);
  return {
    title: "Species: most struck, and most costly",
    columns: columns({
      "#": "count",
      "Most struck": "text",
      Strikes: "count",
      Damaged: "share",
      "Most costly": "text",
      Cost: "dollars",
      Priced: "count",
    }),
    rows: topOf(species, TOP, (one) => one.strikes).map((one, i) => {
      const other = costliest[i] ?? one;
      return [i + 1, one.name, one.strikes, one.damagedShare, other.name, other.cost, other.priced];
    }),
    note: noteOnUnidentified(strikes),
  };
}

/** The ten airports with most strikes. Those that the join did not find have no code. */
export function byAirport({ strikes, places }: LocatedStrikes): Table {
  const years = yearsOf(strikes);
  const groups = groupBy(strikes, (strike) => strike.iata ?? strike.airport);
  const airports = [...groups].map(([name, group]) => ({ name, ...count(group) }));
  const placeOf = new Map(places.map((place) => [place.airport?.iata ?? place.name, place]));
  return {
    title: "Airports with most strikes",
    columns: columns({
      "#": "count",
      IATA: "text",
      Airport: "text",
      State: "text",
      Strikes: "count",
      "Per year": "decimal",
      Damaged: "share",
      Cost: "dollars",
    }),
    rows: topOf(airports, TOP, (one) => one.strikes).map((one, i) => [
      i + 1,
      ...describe(placeOf.get(one.name)),
      one.strikes,
      shareOf(one.strikes, years),
      one.damagedShare,
      one.priced > 0 ? one.cost : null,
    ]),
    note: `Per year: over the ${years.toFixed(1)} years that the file covers; it says nothing of the number of flights.`,
  };
}

/** The twelve months over all years; months of a year that the file does not reach are not counted as years. */
export function byMonth(strikes: readonly Strike[]): Table {
  const months = groupBy(strikes, (strike) => Number(strike.date.slice(5, 7)));
  return {
    title: "Months, over all years",
    columns: columns({
      Month: "text",
      Years: "count",
      Strikes: "count",
      "Per year": "decimal",
      "": "bar",
      Damaged: "share",
      Cost: "dollars",
    }),
    rows: MONTHS.map((name, i) => monthRow(name, months.get(i + 1) ?? [])),
    note: "Years: in how many years this month has strikes in the file, which begins and ends within a year.",
  };
}

/** How costs are spread, and how cost goes with damage. */
export function byCost(strikes: readonly Strike[]): Table {
  const total = sumOf(strikes, costOf);
  const bands = groupBy(strikes, bandOf);
  const levels = Object.fromEntries(DAMAGE_ORDER.map((level) => [level, "count" as const]));
  return {
    title: "Cost, and the damage that goes with it",
    columns: columns({ "Cost of a strike": "text", Strikes: "count", Cost: "dollars", "Of all": "share", ...levels }),
    rows: [NO_COST, ...COST_BANDS.map((band) => band.name)].map((name) => costRow(name, bands.get(name) ?? [], total)),
    note: "The last five columns count strikes by their damage.",
  };
}

function count(strikes: readonly Strike[]) {
  return {
    strikes: strikes.length,
    damagedShare: shareOf(strikes.filter(isDamaged).length, strikes.length),
    priced: strikes.filter((strike) => strike.cost !== null).length,
    cost: sumOf(strikes, costOf),
  };
}

/** Tells whether an aircraft is known to have been damaged. */
export function isDamaged({ damage }: Strike): boolean {
  return damage !== "none" && damage !== "unknown";
}

/** The cost of a strike in US dollars, 0 where none is recorded. */
export function costOf({ cost }: Strike): number {
  return cost ?? 0;
}

function noteOnUnidentified(strikes: readonly Strike[]): string {
  const unknown = strikes.filter((strike) => !strike.identified);
  const ofStrikes = percent(unknown.length, strikes.length);
  const ofCost = percent(sumOf(unknown, costOf), sumOf(strikes, costOf));
  return `Left out: strikes of no known species (${ofStrikes} of strikes, ${ofCost} of cost). Priced: strikes with a cost.`;
}

function percent(part: number, whole: number): string {
  return `${(100 * shareOf(part, whole)).toFixed(1)} %`;
}

function describe(place: Place | undefined): Cell[] {
  const { airport } = place ?? {};
  if (airport) return [airport.iata, airport.name, airport.state];
  return [null, place?.name ?? null, place ? (codesOf(place.state)[0] ?? place.state) : null];
}

function yearsOf(strikes: readonly Strike[]): number {
  const dates = strikes.map((strike) => strike.date).toSorted();
  const [first, last] = [dates[0], dates.at(-1)];
  if (first === undefined || last === undefined) return 0;
  return ((Date.parse(last) - Date.parse(first)) / DAY_MS + 1) / DAYS_PER_YEAR;
}

function monthRow(name: string, strikes: readonly Strike[]): Cell[] {
  const years = new Set(strikes.map((strike) => strike.date.slice(0, 4))).size;
  const perYear = shareOf(strikes.length, years);
  const { damagedShare, cost } = count(strikes);
  return [name, years, strikes.length, perYear, perYear, damagedShare, cost];
}

function bandOf({ cost }: Strike): string {
  return COST_BANDS.findLast((band) => cost !== null && cost >= band.from)?.name ?? NO_COST;
}

function costRow(name: string, strikes: readonly Strike[], total: number): Cell[] {
  const cost = sumOf(strikes, costOf);
  const levels = DAMAGE_ORDER.map((level) => strikes.filter((strike) => strike.damage === level).length);
  return [name, strikes.length, name === NO_COST ? null : cost, shareOf(cost, total), ...levels];
}
