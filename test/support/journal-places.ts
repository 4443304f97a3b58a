// Where things stand in the journal files of a run, found without the store: so that a test knows what damage at any
// byte may cost.

import { createHash } from "node:crypto";
import type { Files } from "./stored-files.js";

/** A batch with its seal: bytes `start` to `end`, events from `seq` on. */
export interface BatchPlace {
  readonly start: number;
  readonly end: number;
  readonly seq: number;
  readonly events: number;
}

/** The file of one epoch. */
export interface JournalFile {
  readonly name: string;
  readonly bytes: Buffer;
  /** How many bytes its first line has, and how many events come before its own. */
  readonly headerEnd: number;
  readonly seq: number;
  /** How many bytes of it count. */
  readonly counted: number;
  readonly isNewest: boolean;
  readonly batches: readonly BatchPlace[];
}

/** What can be read of a run, and which bytes of which file a complaint must name. */
export interface Outcome {
  readonly events: number;
  readonly damage: { readonly name: string; readonly from: number; readonly to: number } | undefined;
  /** Without the first line of its successor, what an owner wrote too late may count: nobody knows that it was refused. */
  readonly mayHaveLate?: boolean;
}

type Line = { readonly start: number; readonly end: number; readonly text: string };
type First = { readonly after?: { readonly bytes: number; readonly events: number } };
type Seal = { readonly sealed: number; readonly seq: number };

/** The journal files in the folder of a run, oldest first. Every epoch must have followed the one before. */
export function journalFiles(files: Files, folder: string): JournalFile[] {
  const epochOf = (name: string) => Number(/(\d+)\.jsonl$/.exec(name)?.[1]);
  const names = [...files.keys()].filter((name) => name.startsWith(`${folder}/`) && name.endsWith(".jsonl"));
  let counted: number | undefined;
  const newestFirst = names
    .sort((a, b) => epochOf(b) - epochOf(a))
    .map((name): JournalFile => {
      const bytes = files.get(name) as Buffer;
      const [header, ...lines] = linesOf(bytes);
      const { after } = JSON.parse(header?.text ?? "") as First;
      const headerEnd = header?.end ?? 0;
      const file = { name, bytes, headerEnd, seq: after?.events ?? 0, batches: batchesOf(lines, headerEnd) };
      const [isNewest, end] = [counted === undefined, counted ?? bytes.byteLength];
      counted = after?.bytes;
      return { ...file, isNewest, counted: end };
    });
  return newestFirst.reverse();
}

/** The lines of a file with their newlines. */
export function linesOf(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < bytes.byteLength; ) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.byteLength : newline + 1;
    lines.push({ start, end, text: bytes.toString("utf8", start, end) });
    start = end;
  }
  return lines;
}

/** What a reader must find if one byte of a file is another. */
export function afterFlip(file: JournalFile, byte: number, whole: number): Outcome {
  const { name, headerEnd, seq, counted, isNewest, bytes } = file;
  if (byte >= counted) return { events: whole, damage: undefined };
  if (byte < headerEnd) return { events: seq, damage: { name, from: 0, to: headerEnd } };
  const batch = file.batches.find(({ start, end }) => start <= byte && byte < end) as BatchPlace;
  // Without its newline the last seal of all is one that was never finished.
  const isTorn = isNewest && byte === bytes.byteLength - 1;
  return { events: batch.seq, damage: isTorn ? undefined : { name, from: batch.start, to: batch.end } };
}

/** What a reader must find if a file ends after `length` bytes. */
export function afterCut(file: JournalFile, length: number, whole: number): Outcome {
  const { name, seq, headerEnd, counted, isNewest } = file;
  if (length >= counted && !isNewest) return { events: whole, damage: undefined };
  const kept = file.batches.findLast(({ end }) => end <= length);
  const events = kept ? kept.seq + kept.events : seq;
  const from = length < headerEnd ? 0 : (kept?.end ?? headerEnd);
  return isNewest
    ? { events, damage: undefined, mayHaveLate: length < headerEnd }
    : { events, damage: { name, from, to: counted } };
}

/** The JSON of an object with its checksum, as the first line of a journal file has it. */
export function sealedLine(content: object): string {
  const open = JSON.stringify(content).slice(0, -1);
  return `${open},"sum":"${createHash("sha256").update(open).digest("hex").slice(0, 16)}"}\n`;
}

function batchesOf(lines: readonly Line[], headerEnd: number): BatchPlace[] {
  const batches: BatchPlace[] = [];
  for (const { text, end } of lines) {
    if (!text.startsWith('{"sealed":') || !text.endsWith("\n")) continue;
    const { sealed, seq } = JSON.parse(text) as Seal;
    batches.push({ start: batches.at(-1)?.end ?? headerEnd, end, seq, events: sealed });
  }
  return batches;
}
