// Values of nested types: lists, plain objects and Maps of others, pairs with a key, results of collecting maps.

import { type AnySchema, keyed, list, mapOf, record, settled, type } from "heddle";
import { hash, make, TYPES } from "./random-values.js";

/** What a value is. */
export type Kind =
  | { readonly is: "plain"; readonly type: number }
  | { readonly is: "tagged" }
  | { readonly is: "keyed"; readonly cases: Readonly<Record<string, Kind>> }
  | { readonly is: "list" | "record" | "map" | "settled"; readonly of: Kind };

const PLAIN: readonly AnySchema[] = TYPES.map((name) => type<unknown>(name));
const KEY = type<unknown>("Key");
const TAGGED = type<unknown>("Tagged");
const KEYED = new Map<string, AnySchema>();

/** A schema for values of a kind: collections are made anew each time, since lists of one type are one type. */
export function schemaOf(kind: Kind): AnySchema {
  switch (kind.is) {
    case "plain":
      return PLAIN[kind.type] as AnySchema;
    case "tagged":
      return TAGGED;
    case "list":
      return list(schemaOf(kind.of));
    case "record":
      return record(schemaOf(kind.of));
    case "map":
      return mapOf(KEY, schemaOf(kind.of));
    case "settled":
      return settled(schemaOf(kind.of));
    case "keyed":
      return keyedOf(kind.cases);
  }
}

function keyedOf(cases: Readonly<Record<string, Kind>>): AnySchema {
  const name = JSON.stringify(cases);
  const entries = Object.entries(cases).map(([key, kind]) => [key, schemaOf(kind)] as const);
  const schema = KEYED.get(name) ?? keyed(Object.fromEntries(entries));
  KEYED.set(name, schema);
  return schema;
}

/** True if values of one kind are values of the other. */
export function isSameKind(a: Kind, b: Kind): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

// ---- making values

/** Keys of branches, and of pairs. */
export const CASE_KEYS = ["a", "b/c", "7", "true", "", "=x", "{y}[0]", "100%"];
const RECORD_KEYS = ["plain", "", "a/b", "x[0]", "{y}", "50%", "*", "=1", "__proto__", "é", "7", "constructor", "\n"];
const MAP_KEYS: readonly unknown[] = [
  ...["Oslo", "", "a/b", "x[0]", "{y}", "50%", "*", "=1", 1, "1", -1.5, Number.NaN, Number.POSITIVE_INFINITY, 7n, 7],
  ...[true, "true", false, null, "null", undefined, { deep: [1] }, "=", 0, 1e21, "%41", new Date(5), "[0]"],
];
const COUNTS = [2, 1, 3, 0, 2, 1, 5, 19];

/** Makes a value: `seed` decides what is inside, `form` how many elements it has and under which keys. */
export function makeKind(kind: Kind, seed: number, form: number): unknown {
  const inside = (of: Kind, i: number | string) => makeKind(of, hash(`${seed} ${i}`), hash(`${form} ${i}`));
  if (kind.is === "plain") return make(kind.type, seed);
  if (kind.is === "tagged")
    return { tag: CASE_KEYS[form % CASE_KEYS.length], n: seed, at: new Date(seed), bag: make(2, seed) };
  if (kind.is === "settled") throw new Error("Only maps give settled values.");
  if (kind.is === "keyed") {
    const keys = Object.keys(kind.cases);
    const key = keys[form % keys.length] as string;
    return [key, inside(kind.cases[key] as Kind, key)];
  }
  const count = COUNTS[hash(`${form}`) % COUNTS.length] as number;
  const values = Array.from({ length: count }, (_, i) => inside(kind.of, i));
  if (kind.is === "list") return values;
  const known = kind.is === "map" ? MAP_KEYS : RECORD_KEYS;
  const keys = values.map((_, i) => (i < known.length ? known[(form + i) % known.length] : `k${i}`));
  const entries = values.map((value, i) => [keys[i], value] as const);
  return kind.is === "map" ? new Map(entries) : Object.fromEntries(entries as [string, unknown][]);
}

/** The text of a key in a path: the reference for `formatPath`. */
export function keyText(key: unknown, position: number): string {
  if (typeof key === "string") return `{${escaped(key).replace(/^=/, "%3D")}}`;
  if (typeof key === "object" && key !== null) return `[${position}]`;
  return typeof key === "bigint" ? `{=${key}n}` : `{=${key}}`;
}

/** A label or text key as it stands in a path. */
export function escaped(text: string): string {
  return [...text].map((sign) => ("%/[]{}*".includes(sign) ? percent(sign) : sign)).join("");
}

function percent(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Errors as data, so that they can be compared. */
export function comparable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (Array.isArray(value)) return value.map(comparable);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, comparable(item)]));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)]));
}
