// A dag that keeps a process or page busy for about a quarter of a second in many small steps, with values of every
// size, and tells which functions are called. Shared by what is killed and the test that kills it.

import { type AnyNode, type Context, dag, list, node, type } from "heddle";

/** What each node gives: a number made of its upstreams' numbers, and a load of this or that size. */
export interface Load {
  readonly sum: number;
  readonly text: string;
  readonly bytes: Uint8Array;
}

const LoadType = type<Load>("Load");

/** Layers of the dag, and nodes in each. */
const LAYERS = 12;
const WIDTH = 4;

const labelOf = (layer: number, place: number) => `n${layer}x${place}`;

/** What node `layer`, `place` gives for these upstream numbers. */
function load(layer: number, place: number, sums: readonly number[]): Load {
  const sum = sums.reduce((total, one) => (total * 31 + one) % 1_000_003, layer * WIDTH + place + 1);
  // Inside the event; with the batch; in a file of its own; and bytes.
  const size = [10, 2_000, 40_000, 10][place % WIDTH] as number;
  return {
    sum,
    text: String(sum).repeat(Math.ceil(size / 6)),
    bytes: new Uint8Array(place % 4 === 3 ? 20_000 : 0).fill(sum),
  };
}

/** The upstreams of a place, in the layer before. */
const upstreams = (place: number) => [place, (place + 1) % WIDTH];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The dag; each call of a function first tells of itself in a line `path attempt epoch`. */
export function killedDag(tell: (call: string) => unknown) {
  const nodes: Record<string, AnyNode> = {};
  const edges: (readonly [string, string])[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    for (let place = 0; place < WIDTH; place++) {
      const run = async (input: object, { path, attempt, epoch }: Context) => {
        const { loads = [] } = input as { readonly loads?: readonly Load[] };
        await tell(`${path} ${attempt} ${epoch}`);
        await sleep(((layer * 7 + place * 5) % 4) * 8);
        return load(
          layer,
          place,
          loads.map(({ sum }) => sum),
        );
      };
      const effect = (layer + place) % 5 === 0;
      const label = labelOf(layer, place);
      nodes[label] = node({ input: layer === 0 ? {} : { loads: list(LoadType) }, output: LoadType, effect, run });
      if (layer > 0) for (const up of upstreams(place)) edges.push([labelOf(layer - 1, up), label]);
    }
  }
  return dag("killed", { nodes, edges });
}

/** The outputs of an undisturbed run. */
export function expectedOutputs(): Record<string, Load> {
  let sums: number[] = [];
  const outputs: Record<string, Load> = {};
  for (let layer = 0; layer < LAYERS; layer++) {
    const before = sums;
    sums = [];
    for (let place = 0; place < WIDTH; place++) {
      const made = load(layer, place, layer === 0 ? [] : upstreams(place).map((up) => before[up] as number));
      sums.push(made.sum);
      if (layer === LAYERS - 1) outputs[labelOf(layer, place)] = made;
    }
  }
  return outputs;
}
