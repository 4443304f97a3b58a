// The codec of all stores: a value becomes text, and the bytes that were taken out of it, and comes back as it was.

import type { Codec } from "../src/ports.js";
import { type ClassCodec, Classes } from "./codec/classes.js";
import { read } from "./codec/read.js";
import { write } from "./codec/write.js";

export { type ClassCodec, type ClassCodecOptions, classCodec } from "./codec/classes.js";

/** What a codec keeps besides what it keeps anyway. */
export interface ValueCodecOptions {
  /** Classes whose instances are kept, each described with `classCodec`. */
  readonly classes?: readonly ClassCodec[];
}

/**
 * Makes the codec. It holds no state; one may serve all stores. What it reads may come from anywhere: whatever it is, it
 * is a value or a HeddleError `VALUE_DAMAGED`.
 *
 * @throws HeddleError `INVALID_OPTION` naming the class.
 */
export function valueCodec({ classes = [] }: ValueCodecOptions = {}): Codec {
  const known = new Classes(classes);
  return { encode: (value) => write(value, known), decode: (encoded) => read(encoded, known) };
}
