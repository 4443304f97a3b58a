// How many bytes a value takes, near enough to count them.

import type { Encoded } from "../../src/ports.js";

/** Characters of the text and bytes of the binary parts. */
export function sizeOf({ text, parts }: Encoded): number {
  return parts.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.byteLength : part.size), text.length);
}
