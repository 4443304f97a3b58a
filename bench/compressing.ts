// Bodies as a store in KV has them, and what compressing them takes, in whatever runtime this is loaded.

import { DagProvenance, DagRunner } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { declare } from "./contestants/heddle.js";
import { makeGraph, randomFrom } from "./graph.js";

export const BODIES = ["journal", "rows", "floats"] as const;
export type BodyKind = (typeof BODIES)[number];

/** What one body comes to, and the microseconds that compressing and decompressing it took, sample by sample. */
export interface Compressed {
  readonly bytes: number;
  readonly compress: readonly number[];
  readonly decompress: readonly number[];
}

/** How often something is done: samples of so many times each, since the clock of a Worker is coarse. */
export interface Repeats {
  readonly samples: number;
  readonly times: number;
}

/** Compresses a body of so many bytes as the store does. */
export async function compressing(kind: BodyKind, size: number, repeats: Repeats): Promise<Compressed> {
  const body = (await MAKE[kind](size)).slice(0, size);
  const zipped = await zip(body);
  const back = await unzip(zipped);
  if (back.byteLength !== size || new Uint8Array(back).some((byte, i) => byte !== body[i])) {
    throw new Error(`${kind} of ${size} bytes came back as something else.`);
  }
  return {
    bytes: zipped.byteLength,
    compress: await sampled(repeats, () => zip(body)),
    decompress: await sampled(repeats, () => unzip(zipped)),
  };
}

const MAKE: Record<BodyKind, (size: number) => Promise<Uint8Array<ArrayBuffer>>> = {
  /** Events of a run whose nodes return small numbers. */
  async journal(size) {
    const store = memoryStore();
    const graph = makeGraph("layered", 50 + Math.ceil(size / EVENT_BYTES));
    const { runId } = await new DagRunner(declare(graph), { provenance: new DagProvenance(store) }).run();
    const { events } = await store.read(runId, 0, Number.POSITIVE_INFINITY);
    return encoded(events);
  },

  /** A table of objects: names that repeat, a date, numbers. */
  async rows(size) {
    const random = randomFrom(1);
    const rows = Array.from({ length: Math.ceil(size / ROW_BYTES) }, (_, id) => ({
      id,
      city: CITIES[Math.floor(random() * CITIES.length)],
      at: new Date(1.7e12 + Math.floor(random() * 1e10)).toISOString(),
      price: Math.round(random() * 1e5) / 100,
      delayed: random() < 0.2,
    }));
    return encoded(rows);
  },

  /** Measurements in doubles: a curve, and noise. */
  async floats(size) {
    const random = randomFrom(1);
    return new Uint8Array(Float64Array.from({ length: size / 8 }, (_, i) => Math.sin(i / 100) + random() / 10).buffer);
  },
};

/** Less than any of them takes. */
const EVENT_BYTES = 100;
const ROW_BYTES = 60;
const CITIES = ["Oslo", "Nairobi", "Lima", "Osaka", "Wellington", "Gdańsk"];

function encoded(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

function zip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}

function unzip(bytes: ArrayBuffer): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function sampled({ samples, times }: Repeats, work: () => Promise<unknown>): Promise<number[]> {
  const found: number[] = [];
  // The first sample is for warming up.
  for (let sample = 0; sample <= samples; sample++) {
    const started = performance.now();
    for (let time = 0; time < times; time++) await work();
    if (sample > 0) found.push(((performance.now() - started) * 1_000) / times);
  }
  return found;
}
