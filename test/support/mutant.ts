// Makes stores with one fault each, to show that the conformance cases find it. Each is the memory store with one method
// replaced.

import type { Batch, Encoded, Store } from "heddle";
import { valueCodec } from "heddle/adapters/codec";
import { memoryStore } from "heddle/adapters/memory";
import { storeWith } from "./store-with.js";

/** One fault. */
export interface Mutant {
  /** What a real store with this fault would do to its users. */
  readonly reason: string;
  /** A case that fails on it; others may too. */
  readonly foundBy: string;
  /** Makes a store that has it. */
  create(): Store;
}

type Replace = (inner: Store) => Partial<Store>;

/** Replaces methods. */
export function mutant(reason: string, foundBy: string, replace: Replace): Mutant {
  return { reason, foundBy, create: () => storeWith(memoryStore(), replace) };
}

/** Changes what is appended on its way in. */
export function appending(reason: string, foundBy: string, change: (batch: Batch) => Batch): Mutant {
  return mutant(reason, foundBy, (inner) => ({ append: (runId, at, batch) => inner.append(runId, at, change(batch)) }));
}

/** Changes values on their way out. */
export function decoding(reason: string, foundBy: string, change: (value: Encoded) => Encoded): Mutant {
  return mutant(reason, foundBy, (inner) => ({
    getValue: async (at) => {
      const value = await inner.getValue(at);
      return value && change(value);
    },
  }));
}

/** Changes values when they are decoded. */
export function decoded(reason: string, kind: string, change: (value: unknown) => unknown): Mutant {
  const { encode, decode } = valueCodec();
  const codec = { encode, decode: (encoded: Encoded) => change(decode(encoded)) };
  return { reason, foundBy: `value comes back as it was: ${kind}`, create: () => memoryStore({ codec }) };
}
