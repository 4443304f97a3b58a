// Groups of points that lie close together, by the steps of Lloyd (1982) from the seeds of k-means++ (Arthur and
// Vassilvitskii 2007). The steps end in some valley, not always the deepest, hence several starts.

import type { Pace } from "../../shared/pace.js";
import type { Draw } from "./random.js";

/** Points as one row of numbers, `dimensions` for each. */
export interface Points {
  readonly values: Float64Array;
  readonly dimensions: number;
}

/** How to look for groups. */
export interface Search {
  readonly groups: number;
  readonly starts: number;
  readonly draw: Draw;
  readonly pace: Pace;
}

/** The groups found. */
export interface Grouping {
  /** One row of numbers, `dimensions` for each group. */
  readonly centres: Float64Array;
  /** The group of each point. */
  readonly groupOf: Uint8Array;
  /** The sum of squared distances of the points from their centres. */
  readonly error: number;
}

/** A step that betters the error by less than this share is the last. */
const ENOUGH = 1e-5;
/** How finely a random place on a line is drawn. */
const FINE = 2 ** 31;

/** Looks for groups from several starts, and gives all groupings found, the one with the least error first. */
export async function kMeans(points: Points, { groups, starts, draw, pace }: Search): Promise<Grouping[]> {
  const found: Grouping[] = [];
  for (let start = 0; start < starts; start++) {
    let grouping = assign(points, seeds(points, groups, draw));
    for (let before = Number.POSITIVE_INFINITY; grouping.error < before * (1 - ENOUGH); ) {
      await pace(start, starts);
      before = grouping.error;
      grouping = assign(points, middles(points, grouping));
    }
    found.push(grouping);
  }
  await pace(starts, starts);
  return found.toSorted((a, b) => a.error - b.error);
}

/** Gives every point to its nearest centre. */
function assign(points: Points, centres: Float64Array): Grouping {
  const groupOf = new Uint8Array(points.values.length / points.dimensions);
  const groups = centres.length / points.dimensions;
  const squaredDistance = squaredDistances(points, centres);
  let error = 0;
  for (let point = 0; point < groupOf.length; point++) {
    let nearest = Number.POSITIVE_INFINITY;
    for (let group = 0; group < groups; group++) {
      const distance = squaredDistance(point, group);
      if (distance >= nearest) continue;
      nearest = distance;
      groupOf[point] = group;
    }
    error += nearest;
  }
  return { centres, groupOf, error };
}

/** The mean of every group; a group that lost all its points stays where it was. */
function middles({ values, dimensions }: Points, { centres, groupOf }: Grouping): Float64Array {
  const sums = new Float64Array(centres.length);
  const sizes = new Uint32Array(centres.length / dimensions);
  for (let point = 0; point < groupOf.length; point++) {
    const group = groupOf[point] ?? 0;
    sizes[group] = (sizes[group] ?? 0) + 1;
    for (let d = 0; d < dimensions; d++) {
      const place = group * dimensions + d;
      sums[place] = (sums[place] ?? 0) + (values[point * dimensions + d] ?? 0);
    }
  }
  return sums.map((sum, i) => {
    const size = sizes[Math.floor(i / dimensions)] ?? 0;
    return size === 0 ? (centres[i] ?? 0) : sum / size;
  });
}

/** Draws the first centres: each point the likelier, the farther it is from the centres drawn before. */
function seeds(points: Points, groups: number, draw: Draw): Float64Array {
  const { values, dimensions } = points;
  const count = values.length / dimensions;
  const centres = new Float64Array(groups * dimensions);
  const squaredDistance = squaredDistances(points, centres);
  const farness = new Float64Array(count).fill(1);
  for (let group = 0; group < groups; group++) {
    const chosen = drawByWeight(farness, draw);
    centres.set(values.subarray(chosen * dimensions, (chosen + 1) * dimensions), group * dimensions);
    for (let point = 0; point < count; point++) {
      const distance = squaredDistance(point, group);
      farness[point] = group === 0 ? distance : Math.min(farness[point] ?? 0, distance);
    }
  }
  return centres;
}

function drawByWeight(weights: Float64Array, draw: Draw): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = (draw(FINE) / FINE) * total;
  const found = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return found === -1 ? weights.length - 1 : found;
}

/** How to tell the squared distance of a point from a centre. */
function squaredDistances({ values, dimensions }: Points, centres: Float64Array) {
  return (point: number, group: number): number => {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) {
      sum += ((values[point * dimensions + d] ?? 0) - (centres[group * dimensions + d] ?? 0)) ** 2;
    }
    return sum;
  };
}
