// Which airports do late flights come from? Told from the smaller sample, which names the airports.

import type { Pace } from "../../shared/pace.js";
import { count } from "../../shared/render.js";
import { type Cell, columns, type Table } from "../../shared/table.js";
import { divide, LATE_MINUTES } from "../groups.js";
import type { Airports, Sample } from "../schemas.js";
import { intervalOf, resample } from "../statistics/bootstrap.js";
import { countsOf, meanOf, shareFrom } from "../statistics/counts.js";
import { drawsFrom } from "../statistics/random.js";
import { decimal, range } from "./minutes.js";

const SEED = 6;
const RESAMPLES = 2000;
const TOP = 10;
/** Of fewer flights in the sample nobody can say much. */
const FEWEST = 200;

/** The airports whose flights arrive latest, with how sure that is. */
export async function latestAirports(sample: Sample, { airports }: Airports, pace: Pace): Promise<Table> {
  const { delay, origin, codes } = sample;
  const names = new Map(airports.map((airport) => [airport.iata, airport.name]));
  const all = divide(delay, codes.length, (flight) => origin[flight] ?? -1).map((delays, i) => {
    return { code: codes[i] ?? "", delays, mean: meanOf(countsOf(delays)) };
  });
  const known = all.filter(({ delays }) => delays.length >= FEWEST);
  const latest = known.toSorted((a, b) => b.mean - a.mean).slice(0, TOP);
  const draw = drawsFrom(SEED);
  const rows: Cell[][] = [];
  for (const { code, delays, mean } of latest) {
    const within: Pace = (done, total) => pace(rows.length * total + done, latest.length * total);
    const means = await resample(delays, meanOf, { times: RESAMPLES, draw, pace: within });
    const late = shareFrom(countsOf(delays), LATE_MINUTES);
    rows.push([code, names.get(code) ?? null, delays.length, mean, range(intervalOf(means)), late]);
  }
  return {
    title: `Minutes late on arrival by the airport left: the latest ${latest.length} of ${known.length}`,
    columns: columns({
      IATA: "text",
      Airport: "text",
      Flights: "count",
      Mean: "decimal",
      "95 % range": "figure",
      Late: "share",
    }),
    rows,
    note: [
      `From the sample of ${count(delay.length)} flights; only airports with ${FEWEST} or more. All: ${decimal(meanOf(countsOf(delay)))} minutes.`,
      "Airports whose ranges overlap cannot be told apart.",
    ].join("\n"),
  };
}
