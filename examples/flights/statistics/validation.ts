// How well does a rule predict flights that it has not seen? Divide the flights into folds; learn from all folds but
// one, try on that one; each fold in turn, and all of it again with other folds.

import type { Resampling } from "./bootstrap.js";
import type { Draw } from "./random.js";

/** Predicts the value of a row. */
export type Predict = (row: number) => number;

/** Learns from some rows, to predict others. */
export type Learn = (rows: Uint32Array) => Predict;

/** How far predictions are off, over all rows and repeats. */
export interface Misses {
  /** The mean of the absolute errors. */
  readonly mean: number;
  /** The root of the mean squared error. */
  readonly rootMeanSquare: number;
}

const FOLDS = 10;

/** Learns and tries every rule on the same folds. */
export async function crossValidate(
  values: Int16Array,
  rules: readonly Learn[],
  { times, draw, pace }: Resampling,
): Promise<Misses[]> {
  const steps = times * FOLDS * rules.length;
  const trials = rules.map((learn) => ({ learn, sums: { absolute: 0, squared: 0 } }));
  let step = 0;
  for (let repeat = 0; repeat < times; repeat++) {
    const foldOf = drawFolds(values.length, draw);
    for (let fold = 0; fold < FOLDS; fold++) {
      const { learned, tried } = splitAt(foldOf, fold);
      for (const { learn, sums } of trials) {
        addMisses(values, learn(learned), { tried, sums });
        await pace(++step, steps);
      }
    }
  }
  const tries = times * values.length;
  return trials.map(({ sums }) => ({
    mean: sums.absolute / tries,
    rootMeanSquare: Math.sqrt(sums.squared / tries),
  }));
}

function drawFolds(rows: number, draw: Draw): Uint8Array {
  return new Uint8Array(rows).map(() => draw(FOLDS));
}

function splitAt(foldOf: Uint8Array, fold: number): { readonly learned: Uint32Array; readonly tried: Uint32Array } {
  const tried = new Uint32Array(foldOf.reduce((rows, one) => rows + (one === fold ? 1 : 0), 0));
  const learned = new Uint32Array(foldOf.length - tried.length);
  let [nextTried, nextLearned] = [0, 0];
  for (let row = 0; row < foldOf.length; row++) {
    if (foldOf[row] === fold) tried[nextTried++] = row;
    else learned[nextLearned++] = row;
  }
  return { learned, tried };
}

interface Sums {
  absolute: number;
  squared: number;
}

function addMisses(values: Int16Array, predict: Predict, { tried, sums }: { tried: Uint32Array; sums: Sums }): void {
  for (const row of tried) {
    const miss = (values[row] ?? 0) - predict(row);
    sums.absolute += Math.abs(miss);
    sums.squared += miss * miss;
  }
}
