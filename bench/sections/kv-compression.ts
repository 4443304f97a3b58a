// Whether compressing what is stored in KV pays: what it takes in Node and in workerd, and what it saves.

import { BODIES, type BodyKind, type Compressed, compressing, type Repeats } from "../compressing.js";
import { median } from "../measure.js";
import { count, digits, printTable } from "../table.js";
import { openWorker } from "../workerd.js";

const SIZES = [512, 1_024, 2_048, 4_096, 8_192, 16_384, 65_536, 262_144, 1_048_576];
const SMALL = [512, 4_096];
/** How often a body is compressed for one sample: until it is so many bytes, within limits. */
const BYTES_A_SAMPLE = 1 << 20;
const TIMES = { least: 10, most: 400 };

/** Dollars for a gigabyte kept for a month, and for a second of CPU (developers.cloudflare.com, pricing). */
const GIGABYTE_MONTH = 0.5;
const CPU_SECOND = 0.02 / 1_000;

export async function compression(small: boolean): Promise<void> {
  const worker = await openWorker("compression");
  const rows = [HEAD];
  try {
    for (const kind of BODIES) {
      for (const size of small ? SMALL : SIZES) {
        console.error(`kv: compressing ${kind}, ${count(size)} bytes`);
        const repeats = repeatsOf(size, small);
        const node = await compressing(kind, size, repeats);
        const workerd = await worker.call<Compressed>("compressing", kind, size, repeats);
        rows.push(rowOf(kind, size, { node, workerd }));
      }
    }
  } finally {
    await worker.close();
  }
  printTable("Compressing with CompressionStream, µs a body", NOTES, rows);
}

function repeatsOf(size: number, small: boolean): Repeats {
  if (small) return { samples: 1, times: 1 };
  const { least, most } = TIMES;
  return { samples: 5, times: Math.min(most, Math.max(least, BYTES_A_SAMPLE / size)) };
}

const HEAD = [
  "body, bytes",
  "left",
  "Node: compress",
  "decompress",
  "workerd: compress",
  "decompress",
  "a billion of them: $ saved a month",
  "$ of CPU",
];

function rowOf(kind: BodyKind, size: number, { node, workerd }: { node: Compressed; workerd: Compressed }): string[] {
  const times = ({ compress, decompress }: Compressed) => [compress, decompress].map((all) => digits(median(all)));
  // A billion bytes are a gigabyte.
  const savedGigabytes = Math.max(0, size - workerd.bytes);
  const cpuSeconds = 1_000 * (median(workerd.compress) + median(workerd.decompress));
  return [
    `${kind}, ${count(size)}`,
    `${((100 * workerd.bytes) / size).toFixed(0)} %`,
    ...times(node),
    ...times(workerd),
    digits(savedGigabytes * GIGABYTE_MONTH),
    digits(cpuSeconds * CPU_SECOND),
  ];
}

const NOTES = [
  "A billion of them: dollars for keeping less for a month, beside those for the CPU of workerd that compresses and decompresses each once. A billion writes cost $5,000.",
];
