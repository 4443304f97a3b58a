// Makes records that nobody wrote out of real ones: bits and pieces of text; and fields, events and batches that are
// gone, doubled, moved, of another kind, huge or deep.

/** Draws whole numbers from a seed. */
export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number from 0 to `below`, which it never is. */
  below(below: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
}

type Json = Record<string, unknown>;

// ---- text

const TEXT_MUTATIONS: readonly ((text: string, draws: Draws) => string)[] = [
  function flipBit(text, draws) {
    const at = draws.below(text.length);
    const other = String.fromCharCode(text.charCodeAt(at) ^ (1 << draws.below(8)));
    return text.slice(0, at) + other + text.slice(at + 1);
  },
  function cut(text, draws) {
    return text.slice(0, draws.below(text.length));
  },
  function drop(text, draws) {
    const at = draws.below(text.length);
    return text.slice(0, at) + text.slice(at + 1 + draws.below(20));
  },
  function double(text, draws) {
    const at = draws.below(text.length);
    const end = at + 1 + draws.below(40);
    return text.slice(0, end) + text.slice(at);
  },
  function deepen(text, draws) {
    // Deeper than anybody can go who calls himself, at the cost of a long text.
    const depth = draws.below(50) === 0 ? 50_000 : 200;
    const values = [...text.matchAll(/(?<=":)"[^"\\]*"/g)];
    const { 0: value, index } = values.length === 0 ? { 0: "", index: 0 } : draws.one(values);
    return `${text.slice(0, index)}${"[".repeat(depth)}${"]".repeat(depth)}${text.slice(index + value.length)}`;
  },
  function otherDigit(text, draws) {
    const digits = [...text.matchAll(/\d/g)];
    const at = digits.length === 0 ? 0 : draws.one(digits).index;
    return `${text.slice(0, at)}${draws.below(10)}${text.slice(at + 1)}`;
  },
];

/** Changes a text somewhere. */
export function mutatedText(text: string, draws: Draws): string {
  return draws.one(TEXT_MUTATIONS)(text, draws);
}

// ---- structure

const OTHER_KINDS: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1,
  2 ** 31,
  2 ** 53,
  -1e308,
  "",
  "=",
  "=[",
  "#",
  `#${"0".repeat(64)}`,
  "run-started",
  "node-completed",
  "a/b[0]",
  "]",
  "{",
  [],
  [[]],
  {},
  { path: "x" },
];

/** An array, or an error, so deep that whoever calls itself for each level is lost. */
function deep(draws: Draws): unknown {
  const depth = 10 ** (1 + draws.below(3));
  const isError = draws.below(2) === 0;
  let value: unknown = isError ? { name: "E", message: "" } : [];
  for (let i = 0; i < depth; i++) value = isError ? { name: "E", message: "", cause: value } : [value];
  return value;
}

type Spot = { readonly holder: Json | unknown[]; readonly key: string | number };

/** All places inside a value at which something stands. */
function spotsIn(value: unknown, into: Spot[] = [], depth = 0): Spot[] {
  if (typeof value !== "object" || value === null || depth > 50) return into;
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) {
    into.push({ holder: value as Json, key });
    spotsIn((value as Json)[key], into, depth + 1);
  }
  return into;
}

const VALUE_MUTATIONS: readonly ((spot: Spot, spots: readonly Spot[], draws: Draws) => void)[] = [
  function remove({ holder, key }) {
    if (Array.isArray(holder)) holder.splice(key as number, 1);
    else delete holder[key];
  },
  function otherKind(spot, _, draws) {
    put(spot, structuredClone(draws.one(OTHER_KINDS)));
  },
  function ofElsewhere(spot, spots, draws) {
    put(spot, structuredClone(at(draws.one(spots))));
  },
  function swap(spot, spots, draws) {
    const other = draws.one(spots);
    const [a, b] = [structuredClone(at(spot)), structuredClone(at(other))];
    put(spot, b);
    put(other, a);
  },
  function double({ holder, key }) {
    const value = structuredClone(at({ holder, key }));
    if (Array.isArray(holder)) holder.splice(key as number, 0, value);
    else own(holder, `${key}2`, value);
  },
  function rename({ holder, key }, _, draws) {
    if (Array.isArray(holder)) return void holder.reverse();
    const value = holder[key];
    delete holder[key];
    own(holder, draws.one(["__proto__", "constructor", "toString", `${key} `, String(key).slice(1)]), value);
  },
  function prototype({ holder }, _, draws) {
    if (!Array.isArray(holder)) own(holder, "__proto__", structuredClone(draws.one(OTHER_KINDS)));
  },
  function nest(spot, _, draws) {
    put(spot, deep(draws));
  },
  function near(spot, _, draws) {
    const value = at(spot);
    if (typeof value === "number") put(spot, value + draws.one([-1, 1, 2 ** 32, 0.5]));
    else if (typeof value === "string") put(spot, value === "" ? "x" : mutatedText(value, draws));
    else put(spot, [value]);
  },
];

function at({ holder, key }: Spot): unknown {
  return (holder as Json)[key];
}

function put({ holder, key }: Spot, value: unknown): void {
  own(holder as Json, String(key), value);
}

/** `__proto__` becomes a property like any other. */
function own(holder: Json, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Changes a copy of a JSON value in one to three places. */
export function mutatedValue<T>(value: T, draws: Draws): unknown {
  const copy = JSON.parse(JSON.stringify({ value })) as { value: unknown };
  for (let i = draws.below(3); i >= 0; i--) {
    const spots = spotsIn(copy.value);
    if (spots.length > 0) draws.one(VALUE_MUTATIONS)(draws.one(spots), spots, draws);
  }
  return copy.value;
}

/** Removes, doubles, moves or exchanges some of a list, or puts in one of another list. */
export function mutatedList<T>(list: readonly T[], foreign: readonly T[], draws: Draws): T[] {
  const copy = [...list];
  const [i, j] = [draws.below(copy.length), draws.below(copy.length)];
  const [a, b] = [copy[i] as T, copy[j] as T];
  const change = draws.below(5);
  if (change === 0) copy.splice(i, 1 + draws.below(3));
  else if (change === 1) copy.splice(j, 0, a);
  else if (change === 2) [copy[i], copy[j]] = [b, a];
  else if (change === 3) copy.splice(i, 1 + draws.below(2), draws.one(foreign));
  else copy.splice(0, copy.length, ...copy.slice(j), ...copy.slice(0, j));
  return copy;
}
