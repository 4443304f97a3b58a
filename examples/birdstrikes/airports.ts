// Which airport is meant? The two files name airports by different habits: "SACRAMENTO INTL" and "Sacramento
// International". Three steps, from sure to less sure: the same name, the same name once written alike, a short list
// of names that no rule can find. In each step the state must agree and exactly one airport may fit.

import { groupBy, sumOf } from "../shared/groups.js";
import type { Airport, CleanStrikes, LocatedStrikes, Place, Strike } from "./schemas.js";
import { codesOf } from "./states.js";

/** Words written out, so that both files write them alike. */
const WRITTEN_OUT: ReadonlyMap<string, string> = new Map([
  ["INTL", "INTERNATIONAL"],
  ["ARPT", "AIRPORT"],
  ["NATL", "NATIONAL"],
  ["AFB", "AIR FORCE BASE"],
  ["METRO", "METROPOLITAN"],
  ["WASH", "WASHINGTON"],
  ["FT", "FORT"],
  ["SAINT", "ST"],
]);

/**
 * Words that one file adds and the other leaves out. "Municipal", "Regional" and "Executive" stay: they tell apart
 * airports of one city, such as Atlantic City Municipal and Atlantic City International.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(["INTERNATIONAL", "AIRPORT"]);

/** Names that no rule finds, and why. Keys are as the strikes spell them. */
const ALIASES: ReadonlyMap<string, { readonly iata: string; readonly why: string }> = new Map([
  ["GREATER PITTSBURGH", { iata: "PIT", why: "an older name" }],
  ["LOUISVILLE INTL ARPT", { iata: "SDF", why: 'the other file adds the name of the field, "Standiford"' }],
  ["ATLANTA INTL", { iata: "ATL", why: 'the other file has "Hartsfield-Atlanta"' }],
  ["NEWARK LIBERTY INTL ARPT", { iata: "EWR", why: 'a newer name: "Liberty" came in 2002' }],
  ["HOUSTON-HOBBY", { iata: "HOU", why: 'the other file has the full name, "William P Hobby"' }],
  ["LOGAN INTL", { iata: "BOS", why: 'the other file has the full name, "Gen Edw L Logan"' }],
  ["MINETA SAN JOSE INTL", { iata: "SJC", why: 'a newer name: "Mineta" came in 2001' }],
]);

/** Matches strikes with airports. Every strike stays; `iata` is null where no airport was found. */
export function locateStrikes({ strikes, ...cleaning }: CleanStrikes, airports: readonly Airport[]): LocatedStrikes {
  const places = findPlaces(strikes, airports);
  const iatas = new Map(places.map((place) => [placeKey(place.name, place.state), place.airport?.iata ?? null]));
  return {
    strikes: strikes.map((strike) => ({ ...strike, iata: iatas.get(placeKey(strike.airport, strike.state)) ?? null })),
    places,
    sameCase: sumOf(places, (place) => (place.airport?.name === place.name ? place.strikes : 0)),
    cleaning,
  };
}

/** Writes a name the way both files can be compared: "LAGUARDIA NY" and "LaGuardia" both become "LAGUARDIA". */
function normaliseName(name: string, codes: readonly string[]): string {
  const words = name
    .toUpperCase()
    .replace(/\(.*?\)/g, " ") // PORTLAND INTL (OR)
    .replace(/'/g, "") // O'HARE, INT'L
    .split(/[^A-Z0-9]+/) // DALLAS/FORT, Dallas-Fort
    .filter((word) => word !== "")
    .map((word) => WRITTEN_OUT.get(word) ?? word)
    .filter((word) => !LEFT_OUT.has(word));
  const ownState = words.length > 1 && codes.includes(words.at(-1) ?? ""); // LAGUARDIA NY
  return words.slice(0, ownState ? -1 : undefined).join(" ") || name.toUpperCase();
}

function findPlaces(strikes: readonly Strike[], airports: readonly Airport[]): Place[] {
  const find = airportFinder(airports);
  const groups = groupBy(strikes, (strike) => placeKey(strike.airport, strike.state));
  return [...groups.values()].map((group) => {
    const [{ airport: name, state }] = group as [Strike];
    return { name, state, strikes: group.length, ...find(name, state) };
  });
}

type Found = Pick<Place, "matchedBy" | "airport" | "why">;

function airportFinder(airports: readonly Airport[]): (name: string, state: string) => Found {
  const byName = groupBy(airports, (airport) => airport.name.toUpperCase());
  const byNormalised = groupBy(airports, (airport) => normaliseName(airport.name, inState(airport)));
  const byIata = groupBy(airports, (airport) => airport.iata);
  return (name, state) => {
    const codes = codesOf(state);
    const alias = ALIASES.get(name);
    const exact = within(codes, byName.get(name.toUpperCase()));
    const normalised = within(codes, byNormalised.get(normaliseName(name, codes)));
    const known = alias && within(codes, byIata.get(alias.iata));
    if (exact.length === 1) return found("exact", exact, "the same name");
    if (normalised.length === 1) return found("normalised", normalised, "the same name once written alike");
    if (known?.length === 1) return found("alias", known, alias?.why ?? "");
    return { matchedBy: "nothing", airport: null, why: whyNot(normalised) };
  };
}

function found(matchedBy: Found["matchedBy"], [airport]: readonly Airport[], why: string): Found {
  return { matchedBy, airport: airport ?? null, why };
}

function within(codes: readonly string[], airports: readonly Airport[] = []): Airport[] {
  return airports.filter((airport) => airport.state !== null && codes.includes(airport.state));
}

function inState({ state }: Airport): string[] {
  return state === null ? [] : [state];
}

function whyNot(candidates: readonly Airport[]): string {
  if (candidates.length === 0) return "airports.csv has no airport of this name in this state";
  return `${candidates.length} airports fit: ${candidates.map((airport) => airport.iata).join(", ")}`;
}

/** What a place is told by: a name means nothing without its state. */
export function placeKey(name: string, state: string): string {
  return `${name}|${state}`;
}
