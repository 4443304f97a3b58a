// The dags that every contestant executes, and what their sinks must give.

/** Every node adds its inputs and one, in a field small enough for exact sums. */
const PRIME = 1_000_003;
const LAYER = 50;

export const SHAPES = ["chain", "wide", "layered"] as const;
export type Shape = (typeof SHAPES)[number];

/** A dag of numbered nodes in topological order. */
export interface Graph {
  readonly shape: Shape;
  readonly size: number;
  readonly labels: readonly string[];
  readonly upstream: readonly (readonly number[])[];
  readonly downstream: readonly (readonly number[])[];
  readonly sinks: readonly number[];
  /** The values of the sinks, in their order. */
  readonly expected: readonly number[];
}

/** What a node computes from its inputs. */
export function next(inputs: readonly number[]): number {
  let sum = 1;
  for (const input of inputs) sum += input;
  return sum % PRIME;
}

/** A chain; 1 → n - 2 → 1; or layers of 50 whose nodes take 1 to 3 of the layer before. The same at every call. */
export function makeGraph(shape: Shape, size: number): Graph {
  const upstream = UPSTREAM[shape](size);
  const downstream = upstream.map((): number[] => []);
  for (const [i, ups] of upstream.entries()) for (const up of ups) downstream[up]?.push(i);
  const sinks = [...downstream.keys()].filter((i) => downstream[i]?.length === 0);
  const values: number[] = [];
  for (const ups of upstream) values.push(next(ups.map((up) => values[up] as number)));
  const expected = sinks.map((i) => values[i] as number);
  return { shape, size, labels: upstream.map((_, i) => `n${i}`), upstream, downstream, sinks, expected };
}

const UPSTREAM: Record<Shape, (size: number) => number[][]> = {
  chain: (size) => Array.from({ length: size }, (_, i) => (i === 0 ? [] : [i - 1])),
  wide: (size) =>
    Array.from({ length: size }, (_, i) => {
      if (i === 0) return [];
      return i < size - 1 ? [0] : Array.from({ length: size - 2 }, (_, middle) => middle + 1);
    }),
  layered: (size) => {
    const random = randomFrom(size);
    return Array.from({ length: size }, (_, i) => {
      const from = (Math.floor(i / LAYER) - 1) * LAYER;
      const count = from < 0 ? 0 : 1 + Math.floor(random() * 3);
      return [...new Set(Array.from({ length: count }, () => from + Math.floor(random() * LAYER)))];
    });
  },
};

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
