// The bytes of a batch or value: a line of JSON, then the binary parts of the values in it one after the other;
// compressed where that saves something.

import { bytesIn } from "../../src/encoded.js";
import type { Encoded } from "../../src/ports.js";

/** Text and binary of several values, in one row. */
export interface Packed {
  readonly texts: readonly (readonly [hash: string, text: string, lengths: readonly number[]])[];
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Smaller bodies are stored as they are. The price decides: writing a million bodies costs $5, however large they are,
 * and compressing them saves $4 a year if they have 1,024 bytes, $1.2 if they have 512, since 32 % and 61 % of a journal
 * are left. The time is the same for both: workerd takes some 50 µs to compress and 30 to decompress, of 10 ms of CPU in
 * an invocation of the free plan. Where CPU is billed, it costs less than a hundredth of what a month saves.
 * (`npm run bench -- kv`)
 */
const COMPRESSED_FROM_BYTES = 1_024;
const NEWLINE = 10;
/** The first bytes of gzip; a line of JSON never begins like this. */
const GZIP = [0x1f, 0x8b] as const;

/** Packs values: Blobs become the bytes in them. */
export async function pack(values: Iterable<readonly [hash: string, value: Encoded]>): Promise<Packed> {
  const texts: [string, string, number[]][] = [];
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const [hash, value] of values) {
    const bytes = await Promise.all(value.parts.map(bytesIn));
    texts.push([hash, value.text, bytes.map(({ byteLength }) => byteLength)]);
    parts.push(...bytes);
  }
  return { texts, parts };
}

/** How many bytes were packed, before they are compressed. */
export function sizeOf({ texts, parts }: Packed): number {
  const text = texts.reduce((sum, [, one]) => sum + one.length, 0);
  return parts.reduce((sum, { byteLength }) => sum + byteLength, text);
}

/** The bytes of a line of JSON and of what comes behind it; as they are if most of them are binary, which hardly shrinks. */
export async function encodeBody(line: object, parts: readonly Uint8Array<ArrayBuffer>[]): Promise<ArrayBuffer> {
  const text = JSON.stringify(line);
  const body = new Blob([text, "\n", ...parts]);
  if (body.size < COMPRESSED_FROM_BYTES || text.length * 2 < body.size) return body.arrayBuffer();
  const zipped = await new Response(body.stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  return zipped.byteLength < body.size ? zipped : body.arrayBuffer();
}

/** Takes bytes apart again. @throws an Error of any kind if they are no body. */
export async function decodeBody(bytes: ArrayBuffer): Promise<{ readonly line: unknown; readonly rest: Uint8Array }> {
  const whole = new Uint8Array(await unzipped(bytes));
  const end = whole.indexOf(NEWLINE);
  if (end < 0) throw new Error("it has no end of line");
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(whole.subarray(0, end));
  return { line: JSON.parse(text), rest: whole.subarray(end + 1) };
}

/** The values that were packed; nothing if the lengths do not fit the bytes. */
export function unpack(texts: Packed["texts"], rest: Uint8Array): Map<string, Encoded> | undefined {
  const values = new Map<string, Encoded>();
  let offset = 0;
  for (const [hash, text, lengths] of texts) {
    const parts = lengths.map((length) => {
      // A copy, since a buffer that is handed out may be changed.
      const part = rest.slice(offset, offset + length);
      offset += length;
      return part;
    });
    values.set(hash, { text, parts });
  }
  return offset === rest.byteLength ? values : undefined;
}

async function unzipped(bytes: ArrayBuffer): Promise<ArrayBuffer> {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first !== GZIP[0] || second !== GZIP[1]) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
