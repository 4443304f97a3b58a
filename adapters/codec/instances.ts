// The instances of registered classes inside one value, and what they are written as.

import { print } from "../../src/errors.js";
import type { ClassCodec, Classes } from "./classes.js";

/** The key of the data in a payload. */
export const DATA = "#data";

/** What an instance is written as: the name of its class, and what `encode` gave. */
export interface InstancePayload {
  readonly class: string;
  readonly [DATA]: unknown;
}

/** Tells what instances are written as; other objects have no payload. */
export interface Payloads {
  payloadOf(value: object): InstancePayload | undefined;
}

/** Why an instance cannot be written. */
export interface Failure {
  readonly what: string;
  readonly cause: unknown;
}

/** Has every instance met in one value encoded, once. */
export class Instances implements Payloads {
  readonly #classes: Classes;
  readonly #payloads = new Map<object, InstancePayload>();
  readonly #failures = new Map<unknown, Failure>();

  constructor(classes: Classes) {
    this.#classes = classes;
  }

  get areMet(): boolean {
    return this.#payloads.size > 0;
  }

  payloadOf(value: object): InstancePayload | undefined {
    const known = this.#payloads.get(value);
    if (known) return known;
    const Class = this.#classes.of(value);
    if (!Class) return undefined;
    const payload = { class: Class.name, [DATA]: this.#encode(value, Class) };
    this.#payloads.set(value, payload);
    return payload;
  }

  /** Why this value cannot be written, though its class is registered. */
  failureOf(value: unknown): Failure | undefined {
    return this.#failures.get(value);
  }

  /** Notes that an instance holds itself: it would be needed before it can be made. */
  refuseCycle(instance: object): void {
    const name = this.payloadOf(instance)?.class;
    const what = `an instance of class "${name}" to which what its \`encode\` gives leads back. Leave the way back out there, and set it again in the \`decode\` of what holds the instance`;
    this.#failures.set(instance, { what, cause: undefined });
  }

  #encode(instance: object, { name, encode }: ClassCodec): unknown {
    try {
      return encode(instance as never);
    } catch (cause) {
      const what = `an instance of class "${name}", whose \`encode\` threw (${print(cause)})`;
      this.#failures.set(instance, { what, cause });
      return undefined;
    }
  }
}
