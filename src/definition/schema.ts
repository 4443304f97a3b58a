// Types of values. A type is any Standard Schema object (https://standardschema.dev, version 1) or one made here;
// dags are wired by the identity of that object, so `type` needs no validation to be useful.

import type { HeddleError } from "../errors.js";

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
  return Object.freeze({ kind: "list", element, ...standard((value) => checkElements(element, value)) });
}

/** Makes an input that may stay unfed; the node then receives `undefined`. */
export function optional<S extends AnySchema>(inner: S): OptionalType<S> {
  const check = (value: unknown) => (value === undefined ? { value } : inner["~standard"].validate(value));
  return Object.freeze({ kind: "optional", inner, ...standard(check) });
}

/** Tells whether a schema was made by {@link list}. */
export function isList(schema: AnySchema): schema is ListType<AnySchema> {
  return schema["~standard"].vendor === "heddle" && (schema as { kind?: string }).kind === "list";
}

/** Tells whether a schema was made by {@link optional}. */
export function isOptional(schema: AnySchema): schema is OptionalType<AnySchema> {
  return schema["~standard"].vendor === "heddle" && (schema as { kind?: string }).kind === "optional";
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
  if (isList(schema) || isOptional(schema)) {
    const inner = typeName(isList(schema) ? schema.element : schema.inner);
    return inner && `${schema.kind}(${inner})`;
  }
  return (schema as Partial<NominalType<unknown>>).typeName;
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

function checkElements(element: AnySchema, value: unknown): Checked<unknown[]> | Promise<Checked<unknown[]>> {
  if (!Array.isArray(value)) return { issues: [{ message: `Expected a list, got ${typeof value}` }] };
  const checks = value.map((item) => element["~standard"].validate(item));
  return checks.some((check) => check instanceof Promise)
    ? Promise.all(checks).then(joinChecks)
    : joinChecks(checks as Checked<unknown>[]);
}

function joinChecks(checks: readonly Checked<unknown>[]): Checked<unknown[]> {
  const issues = checks.flatMap((check, i) =>
    (check.issues ?? []).map(({ message, path = [] }) => ({ message, path: [i, ...path] })),
  );
  return issues.length > 0 ? { issues } : { value: checks.map((check) => (check as { value: unknown }).value) };
}

function printPath(path: NonNullable<Issue["path"]>): string {
  const keys = path.map((part) => (typeof part === "object" ? part.key : part));
  return keys.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i ? "." : ""}${String(key)}`)).join("");
}
