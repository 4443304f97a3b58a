// Values out of text and parts that nobody may trust. devalue reads the text; what it hands over is checked here, so that
// whatever does not fit ends in one error, and the work stays in proportion to what is read.

import { parse } from "devalue";
import { HeddleError, print } from "../../src/errors.js";
import type { Encoded } from "../../src/ports.js";
import type { ClassCodec, Classes } from "./classes.js";
import { Depth } from "./depth.js";
import { define, type ErrorPayload, emptyError, fillError, PROPERTIES } from "./errors.js";
import { DATA, type InstancePayload, type Payloads } from "./instances.js";
import { DEEPEST, instanceOnCycle, isTooDeep } from "./walk.js";

/** Reads a value. @throws HeddleError `VALUE_DAMAGED`. */
export function read(encoded: Encoded, classes: Classes): unknown {
  try {
    return new Reading(encoded, classes).read();
  } catch (error) {
    const why = error instanceof Damage ? error.message : `${shortened(print(error))}. It is not what the codec wrote`;
    const cause = error instanceof Damage ? error.cause : error;
    throw new HeddleError("VALUE_DAMAGED", `A value cannot be read: ${why}.`, { cause });
  }
}

/** What is wrong with a value. */
class Damage extends Error {}

class Reading implements Payloads {
  readonly #encoded: Encoded;
  readonly #classes: Classes;
  // Most values need none of these.
  #usedParts: Set<number> | undefined;
  /** To what payloads and what is in them belong, and how often they were used. */
  #claims: Map<unknown, { readonly by: unknown; times: number }> | undefined;
  #shells: Map<object, object> | undefined;
  #instances: Map<object, InstancePayload> | undefined;

  constructor(encoded: Encoded, classes: Classes) {
    if (typeof encoded?.text !== "string") throw new Damage("it has no text");
    if (!Array.isArray(encoded.parts)) throw new Damage("it has no list of parts");
    this.#encoded = encoded;
    this.#classes = classes;
  }

  read(): unknown {
    const { text, parts } = this.#encoded;
    // Each level takes four characters, `[1],`.
    const depth = text.length > 4 * DEEPEST ? new Depth() : undefined;
    const value = parse(text, this.#revivers(), depth);
    const used = this.#usedParts?.size ?? 0;
    if (used < parts.length) throw new Damage(`it has ${parts.length} parts, of which it uses ${used}`);
    if (depth && depth.deepest > DEEPEST && isTooDeep(value, this)) {
      throw new Damage(`it is nested more than ${DEEPEST} levels deep`);
    }
    const instance = this.#instances && instanceOnCycle(value, this);
    if (instance) throw new Damage(`an instance of class ${shown(this.payloadOf(instance)?.class)} holds itself`);
    return value;
  }

  payloadOf(instance: object): InstancePayload | undefined {
    return this.#instances?.get(instance);
  }

  #revivers(): Record<string, (payload: unknown) => unknown> {
    return {
      ArrayBuffer: (number) => this.#bytes(number),
      // What a store gives back as bytes, or as a Blob that lost its type, becomes what it was.
      Blob: (payload) => {
        const [number, type] = this.#fields("Blob", payload, ["number", "string"]) as [number, string];
        return new Blob([this.#part(number)], { type });
      },
      File: (payload) => {
        const fields = this.#fields("File", payload, ["number", "string", "string", "number"]);
        const [number, type, name, lastModified] = fields as [number, string, string, number];
        return new File([this.#part(number)], name, { type, lastModified });
      },
      RegExpAt: (payload) => {
        const fields = this.#fields("RegExp", payload, ["string", "string", "number"]);
        const [source, flags, lastIndex] = fields as [string, string, number];
        return Object.assign(new RegExp(source, flags), { lastIndex });
      },
      Error: (payload) => this.#error(payload as ErrorPayload),
      Proto: (payload) => this.#proto(payload as readonly (readonly unknown[])[]),
      Instance: (payload) => this.#instance(payload as InstancePayload),
    };
  }

  /** A part, which belongs to one place: shared ones would be copied for each. */
  #part(number: unknown): Encoded["parts"][number] {
    const part = Number.isInteger(number) ? this.#encoded.parts[(number as number) - 1] : undefined;
    if (part === undefined) throw new Damage(`part ${shown(number)} is missing`);
    this.#usedParts ??= new Set();
    if (this.#usedParts.has(number as number)) throw new Damage(`part ${number} is used twice`);
    this.#usedParts.add(number as number);
    return part;
  }

  #bytes(number: unknown): ArrayBuffer {
    const part = this.#part(number);
    if (Object.prototype.toString.call(part) !== "[object Uint8Array]") throw new Damage(`part ${number} has no bytes`);
    return new Uint8Array(part as Uint8Array).buffer;
  }

  /** The fields of a payload, of these types. */
  #fields(kind: string, payload: unknown, types: readonly string[]): readonly unknown[] {
    const isSound = Array.isArray(payload) && types.every((type, i) => typeof payload[i] === type);
    if (!isSound) throw new Damage(`a ${kind} is not whole`);
    this.#claim(payload, kind);
    return payload;
  }

  /**
   * Takes an object that belongs to one place. Many places could have large work done for few characters. A payload on
   * a cycle is revived twice, the first time half filled.
   */
  #claim(thing: unknown, by: unknown): void {
    this.#claims ??= new Map();
    const claim = this.#claims.get(thing);
    if (!claim) this.#claims.set(thing, { by, times: 1 });
    else if (claim.by !== by || ++claim.times > 2) throw new Damage("what belongs to one place stands in several");
  }

  /** What a payload becomes: the same object both times. */
  #shell<T extends object>(payload: object, make: () => T): T {
    this.#shells ??= new Map();
    const known = this.#shells.get(payload) ?? make();
    this.#shells.set(payload, known);
    return known as T;
  }

  #error(payload: ErrorPayload): Error {
    const { hidden, [PROPERTIES]: properties } = plain(payload, "an error");
    if (!Array.isArray(hidden)) throw new Damage("an error does not say which of its properties are hidden");
    this.#claim(payload, "Error");
    this.#claim(hidden, payload);
    if (properties) this.#claim(plain(properties, "the properties of an error"), payload);
    const error = this.#shell(payload, () => emptyError(payload));
    fillError(error, payload);
    return error;
  }

  #proto(payload: readonly (readonly unknown[])[]): object {
    const isNull = Array.isArray(payload) && Array.isArray(payload[0]) ? payload[0][0] : undefined;
    if (typeof isNull !== "boolean") throw new Damage("an object does not say which prototype it has");
    this.#claim(payload, "Proto");
    const target = this.#shell(payload, () => Object.create(isNull ? null : Object.prototype) as object);
    // Only those that are there: on a cycle the rest follows, and a length may be a lie.
    for (const pair of Object.values(payload).slice(1)) {
      if (!Array.isArray(pair) || typeof pair[0] !== "string") throw new Damage("a property of an object has no key");
      define(target, pair[0], pair[1], true);
    }
    return target;
  }

  #instance(payload: InstancePayload): object {
    const { class: name } = plain(payload, "an instance");
    if (typeof name !== "string") throw new Damage("an instance does not say of which class it is");
    if (!Object.hasOwn(payload, DATA)) throw new Damage(`an instance of class ${shown(name)} holds itself`);
    this.#claim(payload, "Instance");
    const Class = this.#classes.named(name);
    if (!Class) throw new Damage(unknownClass(name));
    const instance = decoded(Class, payload[DATA]);
    this.#instances ??= new Map();
    this.#instances.set(instance, payload);
    return instance;
  }
}

function unknownClass(name: string): string {
  const remedy = `valueCodec({ classes: [classCodec({ name: ${shown(name)}, … })] })`;
  return `it holds an instance of class ${shown(name)}, which this codec does not know. Register it: ${remedy}`;
}

function decoded({ name, class: Class, decode }: ClassCodec, data: unknown): object {
  let instance: unknown;
  try {
    instance = decode(data as never);
  } catch (cause) {
    throw new Damage(`\`decode\` of class "${name}" threw (${shortened(print(cause))})`, { cause });
  }
  if (typeof instance === "object" && instance !== null && Object.getPrototypeOf(instance) === Class.prototype) {
    return instance;
  }
  throw new Damage(`\`decode\` of class "${name}" gave no instance of it`);
}

/** Takes what must be a plain object. */
function plain<T>(value: T, what: string): T {
  const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
  if (prototype === Object.prototype || prototype === null) return value;
  throw new Damage(`${what} is not whole`);
}

const LONGEST = 200;

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** A name or number as it stands in the text. Of an array nothing is shown: its length may be a lie. */
function shown(value: unknown): string {
  if (typeof value === "object") return "of no number";
  return typeof value === "string" ? shortened(JSON.stringify(value)) : print(value);
}
