// Damage to encodings, the same for the same seed: bits, cuts, splices, numbers, names of types, entries and parts.

import type { Encoded } from "heddle";

/** Whole numbers below a bound, one after the other, by mulberry32 (https://gist.github.com/tommyettinger). */
export type Random = (below: number) => number;

/** The numbers of a seed. */
export function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** What a mutation works with: `other` is another encoding, to take pieces from. */
interface Setting {
  readonly random: Random;
  readonly other: Encoded;
}

type Mutation = (encoded: Encoded, setting: Setting) => Encoded;

const NUMBERS = "-7 -6 -5 -4 -3 -2 -1 0 1 2 3 4 5 1.5 -8 99 1e9 4294967295 4294967296 1e400".split(" ");
const NAMES =
  `Error Proto Instance Map Set null Object BigInt ArrayBuffer Uint8Array Float64Array DataView Date RegExp RegExpAt Blob
  File URL URLSearchParams Temporal.Instant DOMException AggregateError __proto__ constructor toString prototype hidden
  type made class #data then length Money Tree Shelf Unknown`.split(/\s+/);
const PROPERTIES = "error properties";

/** Most of it leaves no JSON. */
const IN_BITS: readonly Mutation[] = [
  // a bit flipped
  changeText((text, { random }) => {
    const at = random(text.length);
    return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << random(7))) + text.slice(at + 1);
  }),
  // a piece cut out
  changeText((text, { random }) => {
    const from = random(text.length);
    return text.slice(0, from) + text.slice(from + 1 + random(random(2) ? 4 : text.length));
  }),
  // the end cut off
  changeText((text, { random }) => text.slice(0, random(text.length))),
  // a piece of another text put in
  changeText((text, { random, other }) => {
    const [at, from] = [random(text.length), random(other.text.length)];
    return text.slice(0, at) + other.text.slice(from, from + random(40)) + text.slice(at + random(10));
  }),
];

/** What was changed is still JSON, mostly. */
const IN_WORDS: readonly Mutation[] = [
  // a number replaced
  changeText((text, { random }) =>
    replaceOne(text, /-?\d+/g, random, () => (random(2) ? pick(NUMBERS, random) : `${random(20)}`)),
  ),
  // a text replaced
  changeText((text, { random }) =>
    replaceOne(text, /"[^"]*"/g, random, () => JSON.stringify(random(9) ? pick(NAMES, random) : PROPERTIES)),
  ),
  // two entries swapped
  changeEntries((entries, { random }) => {
    const [one, two] = [random(entries.length), random(entries.length)];
    [entries[one], entries[two]] = [entries[two], entries[one]];
  }),
  // an entry replaced
  changeEntries((entries, { random }) => {
    entries[random(entries.length)] = randomEntry(random, entries.length);
  }),
  // an entry added
  changeEntries((entries, { random }) => {
    entries.splice(random(entries.length), 0, randomEntry(random, entries.length));
  }),
];

const IN_PARTS: readonly Mutation[] = [
  // a part removed
  changeParts((parts, { random }) => void parts.splice(random(parts.length), 1)),
  // a part added
  changeParts((parts, { random, other }) => {
    parts.splice(random(parts.length + 1), 0, pick([...parts, ...other.parts, Uint8Array.of(1, 2, 3)], random));
  }),
  // a part that is something else
  changeParts((parts, { random }) => {
    const wrong = [undefined, null, "text", [1], new Blob(["x"]), new ArrayBuffer(8), Float64Array.of(1), {}];
    parts[random(parts.length)] = pick(wrong, random) as never;
  }),
];

/** Damages an encoding in one to four ways; every third one in its bits, which the reader of JSON mostly refuses. */
export function mutated(encoded: Encoded, other: Encoded, random: Random): Encoded {
  let damaged = encoded;
  const inText = random(3) === 0 ? IN_BITS : IN_WORDS;
  for (let left = 1 + random(4); left > 0; left--) {
    const kinds = random(8) === 0 ? IN_PARTS : inText;
    damaged = pick(kinds, random)(damaged, { random, other });
  }
  return damaged;
}

function changeText(change: (text: string, setting: Setting) => string): Mutation {
  return ({ text, parts }, setting) => ({ text: change(text, setting), parts });
}

function changeParts(change: (parts: Encoded["parts"][number][], setting: Setting) => void): Mutation {
  return ({ text, parts }, setting) => {
    const changed = [...parts];
    change(changed, setting);
    return { text, parts: changed };
  };
}

/** Works on what the text says; leaves alone what is no list any more. */
function changeEntries(change: (entries: unknown[], setting: Setting) => void): Mutation {
  return changeText((text, setting) => {
    try {
      const entries: unknown = JSON.parse(text);
      if (!Array.isArray(entries) || entries.length === 0) return text;
      change(entries, setting);
      return JSON.stringify(entries);
    } catch {
      return text;
    }
  });
}

function randomEntry(random: Random, length: number): unknown {
  const ref = () => (random(8) ? random(length + 1) : Number(pick(NUMBERS, random)));
  const refs = (most: number) => Array.from({ length: random(most) }, ref);
  const entries = [
    () => refs(5),
    () => [-7, ref(), ref(), ref()],
    () => [pick(NAMES, random), ...refs(4)],
    () => [pick(NAMES, random), pick(NAMES, random)],
    () => [pick(NAMES, random), refs(3)],
    () => ({ [pick(NAMES, random)]: ref(), [pick(NAMES, random)]: ref() }),
    () => ({ type: ref(), hidden: ref(), made: ref(), [PROPERTIES]: ref() }),
    () => ({ class: ref(), "#data": ref() }),
    () => pick(NAMES, random),
    () => random(9) > 4,
    () => ref(),
  ];
  return pick(entries, random)();
}

function replaceOne(text: string, pattern: RegExp, random: Random, by: () => string): string {
  const found = [...text.matchAll(pattern)];
  const one = found[random(found.length)];
  return one ? text.slice(0, one.index) + by() + text.slice(one.index + one[0].length) : text;
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)] as T;
}
