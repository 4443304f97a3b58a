// The shape of delays: most flights are a little early, the rest has a long tail, and the evening's is the longer one.

import { type Cell, columns, type Table } from "../../shared/table.js";
import { divide, PARTS, partOf } from "../groups.js";
import type { Flights } from "../schemas.js";
import { type Counts, countsOf } from "../statistics/counts.js";
import { bandwidthOf, densityAt } from "../statistics/density.js";
import { decimal } from "./minutes.js";

const FROM_MINUTES = -40;
const TO_MINUTES = 120;
const STEP_MINUTES = 10;

/** How many of the flights of a part of the day are so many minutes late. */
export function delayCurve({ delay, minute }: Flights): Table {
  const parts = divide(delay, PARTS.length, (flight) => partOf(minute[flight] ?? 0)).map(countsOf);
  const curves = parts.map((counts) => ({ counts, bandwidth: bandwidthOf(counts) }));
  return {
    title: "How delays are spread: of 1,000 flights so many for each minute of delay",
    columns: columns({
      "Minutes late": "count",
      Morning: "decimal",
      "Morning, drawn": "bar",
      Evening: "decimal",
      "Evening, drawn": "bar",
    }),
    rows: steps(FROM_MINUTES, TO_MINUTES, STEP_MINUTES).map((at) => [at, ...curves.flatMap(cellsAt(at))]),
    note: [
      `Morning: left from 6 to 11, likeliest ${likeliest(curves[0])} minutes. Evening: from 17 to 22, ${likeliest(curves[1])} minutes.`,
      `Normal kernels, ${curves.map(({ bandwidth }) => decimal(bandwidth)).join(" and ")} minutes wide.`,
    ].join("\n"),
  };
}

interface Curve {
  readonly counts: Counts;
  readonly bandwidth: number;
}

function cellsAt(at: number): (curve: Curve) => Cell[] {
  return ({ counts, bandwidth }) => {
    const perThousand = 1000 * densityAt(counts, at, bandwidth);
    return [perThousand, perThousand];
  };
}

function likeliest(curve: Curve | undefined): string {
  if (!curve) return "?";
  const densities = steps(FROM_MINUTES, TO_MINUTES, 0.5).map((at) => ({
    at,
    density: densityAt(curve.counts, at, curve.bandwidth),
  }));
  return decimal(densities.toSorted((a, b) => b.density - a.density)[0]?.at ?? 0);
}

function steps(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}
