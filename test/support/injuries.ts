// The ways in which the journal of a run is damaged here, each with what must be left of it.

import process from "node:process";
import { type Fault, flip, flips } from "./inject.js";
import { afterCut, afterFlip, type JournalFile, journalFiles, linesOf, type Outcome } from "./journal-places.js";
import { FOLDER, type StoredRun } from "./runs-to-damage.js";

/** Checks that take long are made at every so many bytes; with CHAOS at every one. */
export const STEP = process.env.CHAOS ? 1 : 29;

/** A damaged file, and what must be left of the run. */
export interface Injury extends Fault {
  readonly outcome: Outcome;
}

/** A byte flipped in every journal file of a run, at every `step`-th place. */
export function injuries({ files, events }: StoredRun, step = 1): Injury[] {
  return journalFiles(files, FOLDER).flatMap((file) =>
    flips(file.name, file.bytes, step).map((fault) => ({
      ...fault,
      outcome: afterFlip(file, fault.byte, events.length),
    })),
  );
}

/** A byte flipped in the first, in the middle and at the end of every line of every journal file of a run. */
export function injuriesOfLines({ files, events }: StoredRun): Injury[] {
  return journalFiles(files, FOLDER).flatMap((file) =>
    linesOf(file.bytes).flatMap(({ start, end }) =>
      [start, Math.floor((start + end) / 2), end - 2, end - 1].map((byte) => ({
        ...flip(file.name, file.bytes, byte),
        outcome: afterFlip(file, byte, events.length),
      })),
    ),
  );
}

/** Every journal file of a run cut at every `step`-th length. */
export function cuts({ files, events }: StoredRun, which: (file: JournalFile) => boolean, step = 1) {
  return journalFiles(files, FOLDER)
    .filter(which)
    .flatMap((file) =>
      Array.from({ length: Math.ceil(file.bytes.byteLength / step) }, (_, i) => ({
        name: file.name,
        content: file.bytes.subarray(0, i * step),
        what: `cut to ${i * step} of ${file.bytes.byteLength} bytes`,
        outcome: afterCut(file, i * step, events.length),
      })),
    );
}

/** Where the first line and the batches end in the newest file. */
export function ends({ files }: StoredRun): number[] {
  const newest = journalFiles(files, FOLDER).find(({ isNewest }) => isNewest) as JournalFile;
  return [newest.headerEnd, ...newest.batches.map(({ end }) => end)];
}

/** Picks some cuts, among them those beside the end of a batch. */
export function isNearEnd(run: StoredRun) {
  const near = new Set(ends(run).flatMap((end) => [end - 2, end - 1, end, end + 1]));
  return ({ content }: Fault) => near.has(content.byteLength) || content.byteLength % STEP === 0;
}
