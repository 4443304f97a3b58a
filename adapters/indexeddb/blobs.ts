// Blobs are stored as they are where the browser can: WebKit keeps none in a private window.

import { bytesIn } from "../../src/encoded.js";
import type { HeddleError } from "../../src/errors.js";
import type { Encoded } from "../../src/ports.js";

type Values = ReadonlyMap<string, Encoded>;

/** Stores values with Blobs in them, from the first that the browser refuses on as the bytes in them. */
export class Blobs {
  #areRefused = false;

  /** Writes values; `write` may run twice, and must do nothing the second time if the first was stored after all. */
  async storing(values: Values, write: (values: Values) => Promise<void>): Promise<void> {
    if (!hasBlobs(values)) return write(values);
    if (!this.#areRefused) {
      try {
        return await write(values);
      } catch (error) {
        if ((error as HeddleError).code !== "STORE_UNAVAILABLE") throw error;
      }
    }
    await write(await withBytes(values));
    this.#areRefused = true;
  }
}

function hasBlobs(values: Values): boolean {
  for (const { parts } of values.values()) if (parts.some((part) => !(part instanceof Uint8Array))) return true;
  return false;
}

async function withBytes(values: Values): Promise<Values> {
  const all = Array.from(values, async ([hash, { text, parts }]) => {
    return [hash, { text, parts: await Promise.all(parts.map(bytesIn)) }] as const;
  });
  return new Map(await Promise.all(all));
}
