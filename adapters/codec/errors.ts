// Errors as payloads and back: which class, and all own properties, hidden ones too.

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError: AggregateError as unknown as ErrorConstructor,
};

/** The errors of the web have no properties of their own for these: they are given to the constructor. */
type Made = readonly [message: string, name: string];

const DOM = "DOMException";

/** The key of the properties in a payload. */
export const PROPERTIES = "error properties";

/** What an error is written as. */
export interface ErrorPayload {
  readonly type: string;
  readonly hidden: readonly string[];
  /** Of a DOMException. */
  readonly made?: Made;
  /** Last, since cycles run through it alone. */
  readonly [PROPERTIES]?: Readonly<Record<string, unknown>>;
}

/** Describes an error of a built-in class; nothing for those of other classes. */
export function reduceError(error: Error): ErrorPayload | undefined {
  const type = typeOf(error);
  if (!type || Object.getOwnPropertySymbols(error).length > usualSymbols(type)) return undefined;
  const made = type === DOM ? ([given(error, "message"), given(error, "name")] as const) : undefined;
  const names = made ? differing(error, new DOMException(...made)) : namesOf(error);
  return {
    type,
    hidden: names.filter((name) => !isEnumerable(error, name)),
    ...(made ? { made } : {}),
    [PROPERTIES]: Object.fromEntries(names.map((name) => [name, (error as unknown as Record<string, unknown>)[name]])),
  };
}

/** Firefox and Safari inherit `stack`, or have it among other own properties of theirs. */
function namesOf(error: Error): string[] {
  const names = Object.getOwnPropertyNames(error);
  return names.includes("stack") ? names : [...names, "stack"];
}

/** The properties that an error does not have by being made: in workerd and happy-dom its name is one of its own. */
function differing(error: Error, fresh: object): string[] {
  const isMade = (name: string) =>
    Object.hasOwn(fresh, name) &&
    Object.is(Reflect.get(fresh, name), Reflect.get(error, name)) &&
    isEnumerable(fresh, name) === isEnumerable(error, name);
  return namesOf(error).filter((name) => name === "stack" || !isMade(name));
}

function isEnumerable(error: object, name: string): boolean {
  return Object.prototype.propertyIsEnumerable.call(error, name);
}

/** The error that a payload describes, without its properties. @throws an Error that says what is wrong with it. */
export function emptyError({ type, made }: ErrorPayload): Error {
  if (type === DOM) {
    if (!Array.isArray(made) || made.some((part) => typeof part !== "string"))
      throw new Error(`a ${DOM} without a name`);
    return new DOMException(made[0], made[1]);
  }
  const ErrorClass = Object.hasOwn(ERRORS, type) ? ERRORS[type] : undefined;
  if (!ErrorClass) throw new Error("an error of no built-in class");
  return type === "AggregateError" ? new AggregateError([]) : new ErrorClass();
}

/** Gives an error the properties of its payload, and no others but those it has by being made. */
export function fillError(error: Error, { type, hidden, [PROPERTIES]: properties }: ErrorPayload): void {
  if (!properties) return;
  if (type !== DOM) for (const name of Object.getOwnPropertyNames(error)) Reflect.deleteProperty(error, name);
  // Not the array itself: its length may be a lie.
  const names = new Set(Object.values(hidden));
  for (const [name, value] of Object.entries(properties)) define(error, name, value, !names.has(name));
}

/** Defines a property, also one whose assignment would do something else. */
export function define(target: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}

function typeOf(error: Error): string | undefined {
  const prototype = Object.getPrototypeOf(error);
  if (typeof DOMException !== "undefined" && prototype === DOMException.prototype) return DOM;
  return Object.keys(ERRORS).find((name) => ERRORS[name]?.prototype === prototype);
}

/** Deno marks the errors of the web with symbols. */
function usualSymbols(type: string): number {
  return type === DOM ? Object.getOwnPropertySymbols(new DOMException()).length : 0;
}

/** What an error was made with, also where a property of its own hides it. */
function given(error: Error, name: "message" | "name"): string {
  const inherited = Object.getOwnPropertyDescriptor(DOMException.prototype, name)?.get;
  return String(inherited ? inherited.call(error) : error[name]);
}
