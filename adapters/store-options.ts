// What users say to all stores is checked in one place.

import { HeddleError } from "../src/errors.js";
import { expectFunction, expectOptions } from "../src/expect.js";
import type { Codec } from "../src/ports.js";

/** Options that stores share. */
interface Shared {
  readonly namespace?: string;
  readonly codec?: Codec;
  readonly onWarning?: (message: string) => void;
}

/** @throws HeddleError `INVALID_OPTION` for what is no option of this store, and for the wrong kind of one. */
export function expectStoreOptions(store: string, options: Shared, known: readonly string[]): void {
  expectOptions(store, options, known);
  const { namespace = "", codec, onWarning } = options;
  if (typeof namespace !== "string") throw invalid(`\`namespace\` to be a text, got \`${namespace}\``);
  if (codec !== undefined && typeof codec?.encode !== "function") throw invalid("`codec` to be a Codec");
  expectFunction("onWarning", onWarning);
}

function invalid(expected: string): HeddleError {
  return new HeddleError("INVALID_OPTION", `Expected ${expected}.`);
}
