// Types of values. A type is any Standard Schema object (https://standardschema.dev, version 1) or one made here;
// dags are wired by the identity of that object, so `type` needs no validation to be useful.

import { type HeddleError, quoted } from "../errors.js";

/** One complaint of a schema about a value. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema answers: the accepted (perhaps converted) value, or the complaints. */
export type Checked<T> = { readonly value: T; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

/** The Standard Schema interface (types only): zod, valibot, arktype and others implement it. */
export interface Schema<In = unknown, Out = In> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Checked<Out> | Promise<Checked<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: schemas of every type; `unknown` would refuse them by variance.
export type AnySchema = Schema<any, any>;

/** What a schema accepts. */
export type InputOf<S extends AnySchema> = NonNullable<S["~standard"]["types"]>["input"];
/** What a schema gives after validation. */
export type OutputOf<S extends AnySchema> = NonNullable<S["~standard"]["types"]>["output"];

/** A nominal type made by {@link type}. */
export interface NominalType<T> extends Schema<T, T> {
  readonly kind: "type";
  readonly typeName: string;
}

/** A list type made by {@link list}. */
export interface ListType<S extends AnySchema> extends Schema<InputOf<S>[], OutputOf<S>[]> {
  readonly kind: "list";
  readonly element: S;
}

/** A type of plain objects made by {@link record}. */
export interface RecordType<S extends AnySchema>
  extends Schema<{ readonly [key: string]: InputOf<S> }, { readonly [key: string]: OutputOf<S> }> {
  readonly kind: "record";
  readonly valueType: S;
}

/** A type of Maps made by {@link mapOf}. */
export interface MapType<K extends AnySchema, S extends AnySchema>
  extends Schema<ReadonlyMap<InputOf<K>, InputOf<S>>, ReadonlyMap<OutputOf<K>, OutputOf<S>>> {
  readonly kind: "map";
  readonly keyType: K;
  readonly valueType: S;
}

/** What became of one element of a `map` with `onError: "collect"`. */
export type Settled<T> =
  | { readonly status: "completed"; readonly value: T }
  /** `path` is that of the node that failed. The error has its name, message, stack, code and causes. */
  | { readonly status: "failed"; readonly path: string; readonly error: Error };

/** The type of {@link Settled} results, made by {@link settled}. */
export interface SettledType<S extends AnySchema> extends Schema<Settled<InputOf<S>>, Settled<OutputOf<S>>> {
  readonly kind: "settled";
  readonly inner: S;
}

type Pairs<C extends Readonly<Record<string, AnySchema>>, Side extends "input" | "output"> = {
  [K in keyof C & string]: readonly [key: K, value: NonNullable<C[K]["~standard"]["types"]>[Side]];
}[keyof C & string];

/** A type of `[key, value]` pairs made by {@link keyed}. */
export interface KeyedType<C extends Readonly<Record<string, AnySchema>>>
  extends Schema<Pairs<C, "input">, Pairs<C, "output">> {
  readonly kind: "keyed";
  readonly cases: C;
}

/** An input that may stay unfed, made by {@link optional}. */
export interface OptionalType<S extends AnySchema> extends Schema<InputOf<S> | undefined, OutputOf<S> | undefined> {
  readonly kind: "optional";
  readonly inner: S;
}

/** Makes a nominal type: it accepts every value and is equal only to itself. The name is for messages. */
export function type<T>(typeName: string): NominalType<T> {
  return Object.freeze({ kind: "type", typeName, ...standard((value) => ({ value: value as T })) });
}

/**
 * Makes the type "list of `element`". As an input it takes one upstream that returns `list(element)`, or any schema
 * whose `.element` is `element`, as a whole; or it collects all upstreams that return `element`, in the order of
 * their edges.
 */
export function list<S extends AnySchema>(element: S): ListType<S> {
  const check = (value: unknown) =>
    Array.isArray(value) ? checkEach(element, [...value.entries()], valuesOf) : odd(`a list, got ${typeof value}`);
  return Object.freeze({ kind: "list", element, ...standard(check) });
}

/** Makes the type "plain object whose values are `value`". */
export function record<S extends AnySchema>(value: S): RecordType<S> {
  const check = (given: unknown) =>
    isPlainObject(given) ? checkEach(value, Object.entries(given), Object.fromEntries) : odd("a plain object");
  return Object.freeze({ kind: "record", valueType: value, ...standard(check) });
}

/** Makes the type "Map from `key` to `value`". */
export function mapOf<K extends AnySchema, S extends AnySchema>(key: K, value: S): MapType<K, S> {
  const check = (given: unknown): Checked<Map<unknown, unknown>> | Promise<Checked<Map<unknown, unknown>>> => {
    if (!(given instanceof Map)) return odd("a Map");
    const entries = [...given] as [PropertyKey, unknown][];
    const [keys, values] = [
      checkEach(
        key,
        entries.map(([name]) => [name, name] as const),
        valuesOf,
      ),
      checkEach(value, entries, valuesOf),
    ];
    const join = (ks: Checked<unknown[]>, vs: Checked<unknown[]>): Checked<Map<unknown, unknown>> => {
      if (ks.issues || vs.issues) return { issues: [...(ks.issues ?? []), ...(vs.issues ?? [])] };
      return { value: new Map(ks.value.map((name, i) => [name, vs.value[i]])) };
    };
    return keys instanceof Promise || values instanceof Promise
      ? Promise.all([keys, values]).then(([ks, vs]) => join(ks, vs))
      : join(keys, values);
  };
  return Object.freeze({ kind: "map", keyType: key, valueType: value, ...standard(check) });
}

/** Makes the type of what a `map` with `onError: "collect"` gives per element. */
export function settled<S extends AnySchema>(inner: S): SettledType<S> {
  return Object.freeze({ kind: "settled", inner, ...standard((value) => ({ value: value as Settled<OutputOf<S>> })) });
}

/** Makes the type of `[key, value]` pairs, for a node whose output a `branch` follows: one value type per key. */
export function keyed<const C extends Readonly<Record<string, AnySchema>>>(cases: C): KeyedType<C> {
  const check = (pair: unknown) => {
    const schema = Array.isArray(pair) && Object.hasOwn(cases, pair[0]) ? cases[pair[0]] : undefined;
    if (!schema) return odd(`a pair [key, value] with one of the keys ${quoted(Object.keys(cases))}`);
    return checkEach(schema, [pair as [string, unknown]], ([accepted]) => accepted as unknown);
  };
  return Object.freeze({ kind: "keyed", cases: Object.freeze({ ...cases }), ...standard(check) }) as KeyedType<C>;
}

/** Makes an input that may stay unfed; the node then receives `undefined`. */
export function optional<S extends AnySchema>(inner: S): OptionalType<S> {
  const check = (value: unknown) => (value === undefined ? { value } : inner["~standard"].validate(value));
  return Object.freeze({ kind: "optional", inner, ...standard(check) });
}

interface Made {
  readonly list: ListType<AnySchema>;
  readonly optional: OptionalType<AnySchema>;
  readonly record: RecordType<AnySchema>;
  readonly map: MapType<AnySchema, AnySchema>;
  readonly settled: SettledType<AnySchema>;
  readonly keyed: KeyedType<Readonly<Record<string, AnySchema>>>;
}

function isMade<K extends keyof Made>(kind: K, schema: AnySchema): schema is Made[K] {
  return schema["~standard"].vendor === "heddle" && (schema as { kind?: string }).kind === kind;
}

/** Tells whether a schema was made by {@link list}. */
export function isList(schema: AnySchema): schema is ListType<AnySchema> {
  return isMade("list", schema);
}

/** Tells whether a schema was made by {@link optional}. */
export function isOptional(schema: AnySchema): schema is OptionalType<AnySchema> {
  return isMade("optional", schema);
}

/** Tells whether a schema was made by {@link keyed}. */
export function isKeyed(schema: AnySchema): schema is KeyedType<Readonly<Record<string, AnySchema>>> {
  return isMade("keyed", schema);
}

/** True for one type: the same schema object, or the same construction (`list`, `record`, …) over one type. */
export function isSameType(a: AnySchema | undefined, b: AnySchema | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  if (isList(a) && isList(b)) return isSameType(a.element, b.element);
  if (isMade("record", a) && isMade("record", b)) return isSameType(a.valueType, b.valueType);
  if (isMade("map", a) && isMade("map", b))
    return isSameType(a.keyType, b.keyType) && isSameType(a.valueType, b.valueType);
  if (isMade("settled", a) && isMade("settled", b)) return isSameType(a.inner, b.inner);
  return isOptional(a) && isOptional(b) && isSameType(a.inner, b.inner);
}

/**
 * What a type is a collection of: {@link list}, {@link record}, {@link mapOf}, and any schema with an `.element` schema
 * (zod arrays) or a `.valueType` schema (zod records and maps). `wrap` makes the type of an equal collection of others.
 */
export function collectionType(
  schema: AnySchema,
): { readonly element: AnySchema; readonly wrap: (element: AnySchema) => AnySchema } | undefined {
  const element = elementOf(schema);
  if (element) return { element, wrap: list };
  const { valueType, keyType, type, kind } = schema as unknown as Readonly<Record<string, unknown>>;
  if (!isSchema(valueType)) return undefined;
  // zod calls its Maps type: "map", heddle's are of kind "map".
  const isMap = (type === "map" || kind === "map") && isSchema(keyType);
  return { element: valueType, wrap: isMap ? (other) => mapOf(keyType, other) : record };
}

/** The members of a union schema: `.options` of zod and valibot unions. */
export function memberTypes(schema: AnySchema): readonly unknown[] {
  const { options } = schema as { options?: unknown };
  return Array.isArray(options) ? options : [];
}

/** Tells whether a value is a Standard Schema. Arktype's are functions, the others' objects. */
export function isSchema(value: unknown): value is AnySchema {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return typeof (value as { "~standard"?: { validate?: unknown } })["~standard"]?.validate === "function";
}

/** The element type of a list-like schema: of {@link list}, and of any schema with an `.element` schema (zod arrays). */
export function elementOf(schema: AnySchema): AnySchema | undefined {
  const element = (schema as { element?: unknown }).element;
  return isSchema(element) ? element : undefined;
}

/** The name of a type for messages: `Table`, `list(Table)`, or nothing for a schema without a name. */
export function typeName(schema: AnySchema): string | undefined {
  const { typeName: own, element, valueType, keyType, inner } = schema as unknown as Readonly<Record<string, unknown>>;
  if (typeof own === "string") return own;
  const kind = (schema as { kind?: string }).kind;
  if (schema["~standard"].vendor !== "heddle" || kind === "keyed") return undefined;
  const names = [keyType, element ?? valueType ?? inner].flatMap((part) => (isSchema(part) ? [typeName(part)] : []));
  return names.includes(undefined) ? undefined : `${kind === "map" ? "mapOf" : kind}(${names.join(", ")})`;
}

/** Prints complaints in one line: `at "rows[3].cost": expected number; …`. */
function printIssues(issues: readonly Issue[]): string {
  return issues.map(({ message, path }) => (path?.length ? `at "${printPath(path)}": ${message}` : message)).join("; ");
}

/** Validates, and throws what `refuse` makes of the complaints. Returns a promise only where the schema does. */
export function accept<T>(
  schema: Schema<unknown, T>,
  value: unknown,
  refuse: (complaints: string) => HeddleError,
): T | Promise<T> {
  const settle = (checked: Checked<T>): T => {
    if (checked.issues) throw refuse(printIssues(checked.issues));
    return checked.value;
  };
  const checked = schema["~standard"].validate(value);
  return checked instanceof Promise ? checked.then(settle) : settle(checked);
}

function standard<T>(validate: (value: unknown) => Checked<T> | Promise<Checked<T>>): Schema<never, T> {
  return { "~standard": { version: 1, vendor: "heddle", validate } };
}

function odd(expected: string): { readonly issues: readonly Issue[] } {
  return { issues: [{ message: `Expected ${expected}` }] };
}

/** Validates every value, and makes a collection of what was accepted. */
function checkEach<K extends PropertyKey, T>(
  schema: AnySchema,
  entries: readonly (readonly [key: K, value: unknown])[],
  make: (accepted: [K, unknown][]) => T,
): Checked<T> | Promise<Checked<T>> {
  const checks = entries.map(([, value]) => schema["~standard"].validate(value));
  const join = (all: readonly Checked<unknown>[]): Checked<T> => {
    const issues = all.flatMap((check, i) =>
      (check.issues ?? []).map(({ message, path = [] }) => ({ message, path: [entries[i]?.[0] as K, ...path] })),
    );
    if (issues.length > 0) return { issues };
    return { value: make(all.map((check, i) => [entries[i]?.[0] as K, (check as { value: unknown }).value])) };
  };
  return checks.some((check) => check instanceof Promise)
    ? Promise.all(checks).then(join)
    : join(checks as Checked<unknown>[]);
}

function valuesOf(entries: readonly (readonly [unknown, unknown])[]): unknown[] {
  return entries.map(([, value]) => value);
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function printPath(path: NonNullable<Issue["path"]>): string {
  const keys = path.map((part) => (typeof part === "object" ? part.key : part));
  return keys.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i ? "." : ""}${String(key)}`)).join("");
}
