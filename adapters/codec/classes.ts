// Classes that a user registers with the codec, so that their instances are kept.

import { faultsError } from "../../src/errors.js";

/** A class whose instances the codec keeps: what {@link classCodec} gives. */
export interface ClassCodec {
  readonly name: string;
  readonly class: { readonly prototype: object };
  readonly encode: (instance: never) => unknown;
  readonly decode: (data: never) => object;
}

/** How instances of a class `T` become data `D`, and data instances. */
export interface ClassCodecOptions<T extends object, D> {
  /** Stands in the record: as long as records are read, it names this class. */
  readonly name: string;
  readonly class: { readonly prototype: T };
  /** Gives what is recorded: anything that the codec keeps, instances of registered classes too. */
  readonly encode: (instance: T) => D;
  /** Makes the instance again, of data that is its own to keep. */
  readonly decode: (data: D) => T;
}

/** Describes a class for `valueCodec({ classes })`: what `encode` gives is what `decode` takes. */
export function classCodec<T extends object, D>(options: ClassCodecOptions<T, D>): ClassCodec {
  return options;
}

/** What the codec keeps by itself. */
const KEPT =
  `Object Array Function Symbol String Number Boolean BigInt Date RegExp Map Set URL URLSearchParams Blob File ArrayBuffer
  DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float16Array Float32Array
  Float64Array BigInt64Array BigUint64Array Error EvalError RangeError ReferenceError SyntaxError TypeError URIError
  AggregateError DOMException`.split(/\s+/);

/** The registered classes, by the prototype of their instances and by name. */
export class Classes {
  readonly #byPrototype = new Map<object, ClassCodec>();
  readonly #byName = new Map<string, ClassCodec>();

  /** @throws HeddleError `INVALID_OPTION` with every fault found. */
  constructor(classes: readonly ClassCodec[]) {
    if (!Array.isArray(classes)) throw invalid([`Expected \`classes\` to be a list, got ${typeof classes}.`]);
    const faults = classes.flatMap((one, i) => this.#add(one as ClassCodec, i) ?? []);
    if (faults.length > 0) throw invalid(faults);
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  /** The class of an object: that of its prototype, and of none further up. */
  of(instance: object): ClassCodec | undefined {
    return this.#byPrototype.get(Object.getPrototypeOf(instance));
  }

  named(name: string): ClassCodec | undefined {
    return this.#byName.get(name);
  }

  /** Takes a class, or says why not. */
  #add(one: ClassCodec, position: number): string | undefined {
    const fault = faultOf(one);
    if (fault) return `Entry ${position}: ${fault}`;
    const { name, class: Class } = one;
    if (this.#byName.has(name)) return `The name "${name}" is given twice. Give each class a name of its own.`;
    const other = this.#byPrototype.get(Class.prototype);
    if (other) return `"${other.name}" and "${name}" are one class. Register it once.`;
    this.#byName.set(name, one);
    this.#byPrototype.set(Class.prototype, one);
    return undefined;
  }
}

function faultOf(one: Partial<ClassCodec> | undefined): string | undefined {
  const { name, class: Class, encode, decode } = one ?? {};
  if (typeof name !== "string" || name === "") return "expected `name` to be a non-empty string.";
  if (KEPT.includes(name)) return `"${name}" is the name of a built-in. Choose another one.`;
  const prototype: unknown = Class?.prototype;
  if (typeof prototype !== "object" || prototype === null) return `expected \`class\` of "${name}" to be a class.`;
  const builtIn = KEPT.find((kept) => builtInPrototype(kept) === prototype);
  if (builtIn) return `${builtIn} is kept without being registered as "${name}".`;
  if (typeof encode === "function" && typeof decode === "function") return undefined;
  return `expected \`encode\` and \`decode\` of "${name}" to be functions.`;
}

function builtInPrototype(name: string): unknown {
  return (globalThis as unknown as Record<string, { prototype?: unknown } | undefined>)[name]?.prototype;
}

function invalid(faults: readonly string[]): Error {
  return faultsError("INVALID_OPTION", "The codec cannot take these classes", faults);
}
