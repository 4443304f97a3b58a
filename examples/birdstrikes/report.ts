// The result: totals, what cleaning and joining did to the rows, and the tables.

import { groupBy, medianOf, shareOf, sumOf } from "../shared/groups.js";
import type { Table } from "../shared/table.js";
import type { LocatedStrikes, MatchedBy, MatchStep, Place, Report, Strike, Totals } from "./schemas.js";
import { costOf, isDamaged } from "./tables.js";

const COSTLIEST = 5;
const MATCH_STEPS: readonly MatchedBy[] = ["exact", "normalised", "alias", "nothing"];

/** Puts the report together. `tables` appear in the order given. */
export function makeReport(tables: readonly Table[], located: LocatedStrikes): Report {
  const { strikes, places, sameCase, cleaning } = located;
  const placesBy = (matchedBy: MatchedBy) => places.filter((place) => place.matchedBy === matchedBy);
  return {
    totals: totalsOf(strikes),
    costliest: costliest(strikes),
    cleaning,
    match: { steps: matchSteps(places), sameCase },
    aliases: placesBy("alias"),
    unmatched: placesBy("nothing"),
    tables,
  };
}

function costliest(strikes: LocatedStrikes["strikes"]): Strike[] {
  const first = strikes.toSorted((a, b) => costOf(b) - costOf(a)).slice(0, COSTLIEST);
  return first.map(({ iata, ...strike }) => strike);
}

function totalsOf(strikes: readonly Strike[]): Totals {
  const dates = strikes.map((strike) => strike.date).toSorted();
  const costs = strikes.flatMap((strike) => strike.cost ?? []);
  const identified = strikes.filter((strike) => strike.identified);
  return {
    strikes: strikes.length,
    firstDate: dates[0] ?? "",
    lastDate: dates.at(-1) ?? "",
    damaged: strikes.filter(isDamaged).length,
    withCost: costs.length,
    withoutCost: strikes.length - costs.length,
    damagedWithoutCost: strikes.filter((strike) => isDamaged(strike) && strike.cost === null).length,
    cost: sumOf(costs, (cost) => cost),
    medianCost: medianOf(costs),
    identified: identified.length,
    speciesIdentified: new Set(identified.map((strike) => strike.species)).size,
    repeatedRows: strikes.length - new Set(strikes.map((strike) => JSON.stringify(strike))).size,
  };
}

function matchSteps(places: readonly Place[]): MatchStep[] {
  const all = sumOf(places, (place) => place.strikes);
  const groups = groupBy(places, (place) => place.matchedBy);
  let rowsUpToHere = 0;
  return MATCH_STEPS.map((matchedBy) => {
    const group = groups.get(matchedBy) ?? [];
    const rows = sumOf(group, (place) => place.strikes);
    if (matchedBy !== "nothing") rowsUpToHere += rows;
    return { matchedBy, names: group.length, rows, shareUpToHere: shareOf(rowsUpToHere, all) };
  });
}
