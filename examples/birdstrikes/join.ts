// Chunks of strikes to all strikes, as if they had never been apart.

import { groupBy, sumOf } from "../shared/groups.js";
import { addFindings } from "../shared/tally.js";
import { placeKey } from "./airports.js";
import type { Cleaning, LocatedStrikes, Place } from "./schemas.js";

/** Puts chunks together, in the order given. */
export function joinChunks(chunks: readonly LocatedStrikes[]): LocatedStrikes {
  return {
    strikes: chunks.flatMap((chunk) => chunk.strikes),
    places: joinPlaces(chunks.flatMap((chunk) => chunk.places)),
    sameCase: sumOf(chunks, (chunk) => chunk.sameCase),
    cleaning: joinCleaning(chunks.map((chunk) => chunk.cleaning)),
  };
}

/** One place per name: chunks name the same airports. */
function joinPlaces(places: readonly Place[]): Place[] {
  const groups = groupBy(places, ({ name, state }) => placeKey(name, state));
  return [...groups.values()].map((group) => ({
    ...(group[0] as Place),
    strikes: sumOf(group, (place) => place.strikes),
  }));
}

function joinCleaning(parts: readonly Cleaning[]): Cleaning {
  return {
    rowsRead: sumOf(parts, (part) => part.rowsRead),
    rowsRepaired: sumOf(parts, (part) => part.rowsRepaired),
    rejected: addFindings(parts.map((part) => part.rejected)),
    repaired: addFindings(parts.map((part) => part.repaired)),
    missing: addFindings(parts.map((part) => part.missing)),
  };
}
