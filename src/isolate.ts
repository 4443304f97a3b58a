// Nobody changes what others see. Plain objects and arrays of an output are frozen once; what freezing does not reach
// (Map, Date, typed arrays, …) is copied for each consumer. Instances of other classes are passed as they are: only they
// know what may change in them.

/**
 * Freezes the plain objects, arrays and errors inside `root`, also those inside Maps and Sets. Returns true if there is
 * something inside that stays mutable and must be copied for each consumer. Linear in the size of the value; free for
 * primitives. Values in `frozen` were walked before and are not walked again; `root` is added to them.
 */
export function freezePlain(root: unknown, frozen?: WeakMap<object, boolean>): boolean {
  if (!isObject(root)) return false;
  let mutable = false;
  let met: Set<object> | undefined;
  const todo: object[] = [root];
  for (let item = todo.pop(); item !== undefined; item = todo.pop()) {
    const freezes = isPlain(item) || item instanceof Error;
    // Met already, or frozen by the user: the former must end here, the latter may have mutable insides.
    if (!freezes || Object.isFrozen(item)) {
      const before = frozen?.get(item);
      if (before !== undefined) {
        mutable ||= before;
        continue;
      }
      met ??= new Set();
      if (met.has(item)) continue;
      met.add(item);
    }
    if (freezes) Object.freeze(item);
    else mutable ||= isMutable(item);
    for (const child of childrenOf(item)) if (isObject(child)) todo.push(child);
  }
  frozen?.set(root, mutable);
  return mutable;
}

/**
 * Copies a frozen value for one consumer: mutable parts are new, plain parts without mutable insides are the same
 * frozen objects.
 */
export function copyMutable<T>(value: T): T {
  return new Copier(true).copy(value) as T;
}

/** Copies a value that the caller keeps: plain objects and arrays are new too, and nothing is frozen. */
export function copyAll<T>(value: T): T {
  return new Copier(false).copy(value) as T;
}

const UNDER_WAY = Symbol("under way");

class Copier {
  readonly #copies = new Map<object, unknown>();
  readonly #frozen: boolean;

  constructor(frozen: boolean) {
    this.#frozen = frozen;
  }

  copy(value: unknown): unknown {
    if (!isObject(value)) return value;
    const known = this.#copies.get(value);
    // Met again on the way into itself: a cycle, whose copy must exist before it can be filled.
    if (known === UNDER_WAY) return this.#remember(value, emptyLike(value));
    if (known !== undefined) return known;
    if (isPlain(value)) return this.#copyPlain(value as Record<PropertyKey, unknown>);
    const type = builtInType(value);
    if (type === "Map") return this.#copyMap(value as Map<unknown, unknown>);
    if (type === "Set") return this.#copySet(value as Set<unknown>);
    if (type && value instanceof Error) return this.#copyError(value);
    if (ArrayBuffer.isView(value)) return this.#remember(value, this.#copyView(value));
    return this.#remember(value, copyLeaf(type, value));
  }

  #remember<T>(original: object, copy: T): T {
    this.#copies.set(original, copy);
    return copy;
  }

  #copyPlain(original: Record<PropertyKey, unknown>): unknown {
    this.#copies.set(original, UNDER_WAY);
    const keys = ownKeys(original);
    let isSame = this.#frozen;
    const children = keys.map((key) => {
      const child = original[key];
      const copied = this.copy(child);
      if (!Object.is(copied, child)) isSame = false;
      return copied;
    });
    const begun = this.#copies.get(original);
    if (isSame && begun === UNDER_WAY) return this.#remember(original, original);
    const target = begun === UNDER_WAY ? this.#remember(original, emptyLike(original)) : (begun as object);
    for (const [i, key] of keys.entries()) define(target, key, children[i]);
    return this.#frozen ? Object.freeze(target) : target;
  }

  /** Errors without mutable insides are frozen and shared like plain objects. */
  #copyError(original: Error): unknown {
    if (this.#frozen && !freezePlain(original)) return original;
    const target = this.#remember(original, emptyError(original));
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(original))) {
      const copied = "value" in property ? { ...property, value: this.copy(property.value) } : property;
      Object.defineProperty(target, key, { ...copied, configurable: true });
    }
    // In browsers an accessor, own or inherited, that would tell where the copy was made.
    const { stack } = original;
    if (stack !== undefined)
      Object.defineProperty(target, "stack", { value: stack, writable: true, configurable: true });
    return this.#frozen ? Object.freeze(target) : target;
  }

  /** Views on one buffer still share it afterwards. Of a subclass (a Node Buffer) only the visible part is copied. */
  #copyView(original: ArrayBufferView): unknown {
    const isView = original instanceof DataView;
    if (!isView && Object.getPrototypeOf(Object.getPrototypeOf(original)) !== TYPED_ARRAY)
      return sliceView.call(original);
    const View = original.constructor as new (buffer: unknown, from: number, length: number) => unknown;
    const length = isView ? original.byteLength : (original as Uint8Array).length;
    return new View(this.copy(original.buffer), original.byteOffset, length);
  }

  #copyMap(original: Map<unknown, unknown>): unknown {
    const target = this.#remember(original, new Map<unknown, unknown>());
    for (const [key, value] of original) target.set(this.copy(key), this.copy(value));
    return target;
  }

  #copySet(original: Set<unknown>): unknown {
    const target = this.#remember(original, new Set<unknown>());
    for (const value of original) target.add(this.copy(value));
    return target;
  }
}

const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype);
const sliceView = TYPED_ARRAY.slice as (this: ArrayBufferView) => ArrayBufferView;

function childrenOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set) return value;
  if (value instanceof Error) return Object.getOwnPropertyNames(value).map((name) => Reflect.get(value, name));
  return isPlain(value) ? Object.values(value) : [];
}

const BUILT_IN_TYPES =
  "Map Set Date RegExp ArrayBuffer URL URLSearchParams Error EvalError RangeError ReferenceError SyntaxError TypeError URIError AggregateError DOMException".split(
    " ",
  );

/** The name of the built-in type that a value is an instance of; nothing for instances of any other class. */
function builtInType(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value);
  const types = globalThis as unknown as Partial<Record<string, { readonly prototype: unknown }>>;
  return BUILT_IN_TYPES.find((name) => types[name]?.prototype === prototype);
}

/** Those of the web keep their name and message where only their constructor can put them. */
function emptyError(original: Error): Error {
  const prototype = Object.getPrototypeOf(original);
  if (builtInType(original) !== "DOMException") return Object.setPrototypeOf(new Error(), prototype);
  const [message, name] = ["message", "name"].map((key) => Reflect.get(prototype, key, original));
  return new prototype.constructor(message, name);
}

function copyLeaf(type: string | undefined, value: object): object {
  switch (type) {
    case "Date":
      return new Date((value as Date).getTime());
    case "RegExp":
      return Object.assign(new RegExp(value as RegExp), { lastIndex: (value as RegExp).lastIndex });
    case "ArrayBuffer":
      return (value as ArrayBuffer).slice(0);
    case "URL":
      return new URL((value as URL).href);
    case "URLSearchParams":
      return new URLSearchParams(value as URLSearchParams);
    default:
      return value;
  }
}

function isMutable(value: object): boolean {
  return ArrayBuffer.isView(value) || builtInType(value) !== undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  // The second test accepts plain objects of another realm (an iframe, a vm context).
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function ownKeys(value: object): PropertyKey[] {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length === 0 ? Object.keys(value) : [...Object.keys(value), ...symbols];
}

function emptyLike(value: object): object {
  return Array.isArray(value) ? emptyList(value) : Object.create(Object.getPrototypeOf(value));
}

const LAST_INDEX = 2 ** 32 - 2;

/** An array of that length. A long one that is mostly holes takes no room for them: its length may come from anywhere. */
function emptyList(like: readonly unknown[]): unknown[] {
  const { length } = like;
  if (length < 100_000 || Object.keys(like).length > length / 8) return new Array(length);
  const list: unknown[] = [];
  // An element this far off makes V8 keep elements in a table.
  list[LAST_INDEX] = undefined;
  Reflect.deleteProperty(list, LAST_INDEX);
  list.length = length;
  return list;
}

function define(target: object, key: PropertyKey, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else (target as Record<PropertyKey, unknown>)[key] = value;
}
