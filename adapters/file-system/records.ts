// The text of a journal file: one line per event, and after each batch a line that seals it. Nothing counts until its
// seal is there, so a torn write leaves what was before.

import { createHash } from "node:crypto";
import { bytesIn } from "../../src/encoded.js";
import type { JournalEvent } from "../../src/events.js";
import type { Batch, Encoded } from "../../src/ports.js";
import { damagedAt, JOURNAL_FORMAT, readEvents } from "../records.js";
import { isHeader, isRefers, isSealOfBatch } from "./record-schemas.js";

/** The first line of a journal file. */
export interface Header {
  readonly heddle: number;
  readonly run: string;
  readonly epoch: number;
  readonly owner: string;
  /** The epoch before, and how much of its file counts: what stands beyond was written by an owner who had lost the run. */
  readonly after?: {
    readonly epoch: number;
    readonly owner: string;
    readonly bytes: number;
    readonly events: number;
  };
  /** True if the file holds a whole journal that was written anew without its payloads. */
  readonly pruned?: true;
}

/** A value whose binary is there as bytes. */
export interface Bytes extends Encoded {
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * The last line of a batch. `bytes` is the size of its other lines, `body` their checksum, `format` the version of the
 * events. The head is looked at by those who need it.
 */
export interface Seal {
  readonly sealed: number;
  readonly seq: number;
  readonly format: number;
  readonly bytes: number;
  readonly body: string;
  readonly head: unknown;
}

const VALUE = '{"value":"';
const REFERS = '{"refers":[';
const SEAL = '{"sealed":';
const SUM_CHARACTERS = 16;
/** What {@link sealLine} adds to the JSON: `,"sum":"…"}` and a newline, in place of the closing brace. */
const SUM = ',"sum":"';
const SEALED = /^,"sum":"[0-9a-f]{16}"\}$/;
const SUM_TAIL = SUM.length + SUM_CHARACTERS + '"}'.length;

/** Encodes a header. */
export function encodeHeader(header: Header): Buffer {
  return Buffer.from(sealLine(header));
}

/** Encodes a batch that begins at event `seq`. */
export async function encodeBatch({ events, values, refers, head }: Batch, seq: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  // One by one, since together they may be longer than a string can be.
  for (const [hash, encoded] of values) pieces.push(Buffer.from(`${valueLine(hash, await inBytes(encoded))}\n`));
  const lines = refers.length > 0 ? [JSON.stringify({ refers })] : [];
  for (const event of events) lines.push(JSON.stringify(event));
  if (lines.length > 0) pieces.push(Buffer.from(`${lines.join("\n")}\n`));
  return sealBatch(pieces, { sealed: events.length, seq, format: JOURNAL_FORMAT, head });
}

/** Encodes a checked batch anew, with some of its values, and the references to them. */
export function reduceBatch(
  { sealed, seq, format, head }: Seal,
  body: Buffer,
  stays: { readonly values: ReadonlySet<string>; readonly refers: ReadonlySet<string> },
): Buffer {
  const pieces: Buffer[] = [];
  for (const [hash, start, end] of valuesOf(body)) if (stays.values.has(hash)) pieces.push(body.subarray(start, end));
  const refers = (refersOf(body) ?? []).filter((hash) => stays.refers.has(hash));
  if (refers.length > 0) pieces.push(Buffer.from(`${JSON.stringify({ refers })}\n`));
  return sealBatch([...pieces, body.subarray(eventsStart(body))], { sealed, seq, format, head });
}

function sealBatch(pieces: readonly Buffer[], about: Omit<Seal, "bytes" | "body">): Buffer {
  const body = Buffer.concat(pieces);
  const { sealed, seq, format, head } = about;
  const seal: Seal = { sealed, seq, format, bytes: body.byteLength, body: checksum(body), head };
  return Buffer.concat([body, Buffer.from(sealLine(seal))]);
}

/**
 * Decodes a header line without its newline; nothing if it is none, or damaged. Of a newer layout only `heddle` may be
 * used.
 */
export function decodeHeader(line: Buffer): Header | undefined {
  const header = unseal(line);
  return isHeader(header) ? (header as unknown as Header) : undefined;
}

/** True if a line is meant to be a seal, by its beginning or, should that be damaged, by its end. */
export function isSeal(line: Buffer): boolean {
  if (startsWith(line, SEAL)) return true;
  // The whole tail: an event may well end with an input named `sum`, but with a brace more.
  return line.byteLength > SUM_TAIL && SEALED.test(line.toString("latin1", line.byteLength - SUM_TAIL));
}

/** Decodes a seal over the lines before it; nothing if one of them is damaged. */
export function decodeSeal(line: Buffer, body: Buffer): Seal | undefined {
  const seal = peekSeal(line);
  return seal?.bytes === body.byteLength && seal.body === checksum(body) ? seal : undefined;
}

/** Decodes a seal without looking at the lines before it; nothing if it is damaged itself. */
export function peekSeal(line: Buffer): Seal | undefined {
  const seal = unseal(line);
  return isSealOfBatch(seal) ? (seal as unknown as Seal) : undefined;
}

/** The events of a checked body, which stands in a file. @throws HeddleError `STORE_DAMAGED`, `STORE_VERSION`. */
export function eventsOf(
  body: Buffer,
  { sealed, seq, format }: Seal,
  at: Omit<FilePlace, "seq">,
): readonly JournalEvent[] {
  const start = eventsStart(body);
  const place = { ...placeIn({ ...at, seq }), format };
  // No newline stands inside a line of JSON, so all events parse as one list.
  const text = `[${body.toString("utf8", start, Math.max(start, body.byteLength - 1)).replaceAll("\n", ",")}]`;
  const events = readEvents(text, place);
  if (events.length === sealed) return events;
  throw damagedAt(place, `it has ${events.length} events, and its last line says ${sealed}`);
}

/** A place in a journal file: the byte with which it begins, and the event. */
export interface FilePlace {
  readonly runId: string;
  readonly path: string;
  readonly byte: number;
  readonly seq: number;
}

/** The same for a complaint. */
export function placeIn({ runId, path, byte, seq }: FilePlace) {
  return { runId, where: `"${path}" from byte ${byte} on`, seq };
}

function eventsStart(body: Buffer): number {
  let start = 0;
  for (const { line, end } of lines(body)) {
    if (!startsWith(line, VALUE) && !startsWith(line, REFERS)) break;
    start = end;
  }
  return start;
}

/** The values in any lines, checked or not, by the hash that they claim to have. */
export function* claimedValuesOf(bytes: Buffer): Generator<readonly [hash: string, line: Buffer]> {
  for (const { line } of lines(bytes)) {
    if (startsWith(line, VALUE)) yield [line.toString("latin1", VALUE.length, VALUE.length + 64), line];
  }
}

/** Where the values of a checked body stand in it, by hash. */
export function* valuesOf(body: Buffer): Generator<readonly [hash: string, start: number, end: number]> {
  let start = 0;
  for (const { line, end } of lines(body)) {
    if (!startsWith(line, VALUE)) return;
    yield [line.toString("latin1", VALUE.length, VALUE.length + 64), start, end];
    start = end;
  }
}

/** The hashes of all values that a checked body refers to; nothing if they are no hashes. */
export function refersOf(body: Buffer): readonly string[] | undefined {
  for (const { line } of lines(body)) {
    if (startsWith(line, REFERS)) return hashesIn(line);
    if (!startsWith(line, VALUE)) return [];
  }
  return [];
}

function hashesIn(line: Buffer): readonly string[] | undefined {
  try {
    const content: unknown = JSON.parse(line.toString());
    return isRefers(content) ? content.refers : undefined;
  } catch {
    return undefined;
  }
}

/** Decodes the line of a value; nothing if it is not what has this hash. */
export function decodeValue(line: Buffer, hash: string): Bytes | undefined {
  try {
    const { text, parts } = JSON.parse(line.toString()) as { text: string; parts: readonly string[] };
    const value = { text, parts: parts.map((part) => Uint8Array.from(Buffer.from(part, "base64"))) };
    return createHash("sha256").update(bytesOf(value)).digest("hex") === hash ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the binary of a value out of Blobs. */
export async function inBytes({ text, parts }: Encoded): Promise<Bytes> {
  return { text, parts: await Promise.all(parts.map(bytesIn)) };
}

/** What the hash of a value is taken of: the lengths of its binary parts as a line of JSON, its text, then the parts. */
export function bytesOf({ text, parts }: Bytes): Buffer {
  const lengths = JSON.stringify(parts.map((part) => part.byteLength));
  return Buffer.concat([Buffer.from(`${lengths}\n${text}`), ...parts]);
}

function valueLine(hash: string, { text, parts }: Bytes): string {
  return JSON.stringify({ value: hash, text, parts: parts.map((part) => Buffer.from(part).toString("base64")) });
}

function* lines(body: Buffer): Generator<{ readonly line: Buffer; readonly end: number }> {
  for (let start = 0; start < body.byteLength; ) {
    const newline = body.indexOf(10, start);
    const end = newline < 0 ? body.byteLength : newline;
    yield { line: body.subarray(start, end), end: end + 1 };
    start = end + 1;
  }
}

/** The JSON of an object with the checksum of all before as its last property. */
function sealLine(content: object): string {
  const open = JSON.stringify(content).slice(0, -1);
  return `${open}${SUM}${checksum(open)}"}\n`;
}

function unseal(line: Buffer): unknown {
  const text = line.toString();
  const open = text.slice(0, -SUM_TAIL);
  if (text !== `${open}${SUM}${checksum(open)}"}`) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Anybody can make a checksum.
    return undefined;
  }
}

function checksum(content: Buffer | string): string {
  return createHash("sha256").update(content).digest("hex").slice(0, SUM_CHARACTERS);
}

function startsWith(line: Buffer, prefix: string): boolean {
  return line.toString("latin1", 0, prefix.length) === prefix;
}
