// How large an encoding is, and its binary as bytes: the same for the engine and for every store.

import type { Encoded } from "./ports.js";

type Part = Encoded["parts"][number];

/** The size of an encoding: characters of its text plus bytes of its binary parts. */
export function sizeOf({ text, parts }: Encoded): number {
  return parts.reduce((sum, part) => sum + lengthOf(part), text.length);
}

/** The bytes of a binary part, which may have to be read out of a Blob. */
export async function bytesIn(part: Part): Promise<Uint8Array<ArrayBuffer>> {
  return part instanceof Uint8Array ? part : new Uint8Array(await part.arrayBuffer());
}

/** The bytes that a binary part takes. */
export function lengthOf(part: Part): number {
  return part instanceof Uint8Array ? part.byteLength : part.size;
}
