// Whatever text and parts the codec reads: it gives a value that is kept again, or one HeddleError. It never gives another
// error, hangs, or changes what all objects share.

import { type Encoded, HeddleError } from "heddle";
import { valueCodec } from "heddle/adapters/codec";
import { expect, test } from "vitest";
import { CLASSES, Money, Shelf, Tree } from "./support/codec-classes.js";
import { mutated, type Random, randomOf } from "./support/mutate-encoding.js";
import { make, TYPES } from "./support/random-values.js";

const INPUTS = process.env.CHAOS ? 1_000_000 : 100_000;
const SEED = Number(process.env.SEED ?? 20_260_711);

const { encode, decode } = valueCodec({ classes: CLASSES });

/** Encodings to damage: random values, and one of each kind that is read in a way of its own. */
const CORPUS: readonly Encoded[] = [
  ...Array.from({ length: 60 }, (_, n) => make(n % TYPES.length, n)),
  ...special(),
].map(encode);

function special(): unknown[] {
  const buffer = Uint8Array.from({ length: 24 }, (_, i) => i).buffer;
  const error = new TypeError("outer", { cause: new RangeError("inner") });
  const web = Object.assign(new DOMException("gone", "AbortError"), { stack: "here" });
  const withProto = JSON.parse('{"a":1,"__proto__":{"b":2}}');
  const ring: Record<string, unknown> = { error, withProto, web };
  Object.assign(error, { stack: "there", ring, at: new Date(5) });
  Object.assign(withProto, { ring });
  const money = new Money(5n, "EUR");
  return [
    ring,
    new AggregateError([Object.assign(new Error("a"), { stack: "" }), "b"], "all"),
    [buffer, new Uint8Array(buffer, 4, 8), new DataView(buffer, 2), new Float64Array(buffer)],
    [new Blob(["text"], { type: "text/plain" }), new File(["x"], "name", { type: "a/b", lastModified: 3 })],
    [money, new Tree(money, [new Tree([money]), new Tree(new Shelf([[money, 1]]))])],
    [/a/g, Object.assign(/b/y, { lastIndex: 2 }), new URL("https://a.example/"), new URLSearchParams("a=1")],
    [Object(1), Object("text"), Object(true), -(2n ** 70n), Object.assign(Object.create(null), { a: 1 })],
    [Object.assign([1, 2], { length: 90_000 }), Object.assign([], { length: 3 }), [undefined, -0, Number.NaN]],
    new Map<unknown, unknown>([[new Set([1, [2]]), JSON.parse('{"then":1,"constructor":2}')]]),
  ];
}

/** What a damaged input came to: the error, or nothing if it is a value that is kept again. */
function judge(input: Encoded): HeddleError | undefined {
  let value: unknown;
  try {
    value = decode(input);
  } catch (error) {
    if (error instanceof HeddleError && error.code === "VALUE_DAMAGED" && error.message.length < 1_000) return error;
    throw error;
  }
  const kept = encode(value);
  const again = encode(decode(kept));
  if (again.text !== kept.text || !sameParts(again.parts, kept.parts)) throw new Error(`kept as ${kept.text}`);
  return undefined;
}

function sameParts(one: Encoded["parts"], two: Encoded["parts"]): boolean {
  const sizes = (parts: Encoded["parts"]) => parts.map((part) => ("size" in part ? part.size : part.join())).join("|");
  return sizes(one) === sizes(two);
}

/** All that hostile keys could reach. */
const SHARED = [Object, Array, Function, Error, Map, Set, RegExp, Date, Money, Tree, Shelf, DOMException];

function sharedKeys(): string {
  return SHARED.map(({ prototype }) => Reflect.ownKeys(prototype).map(String).join()).join("\n");
}

function oneOf(random: Random): Encoded {
  return CORPUS[random(CORPUS.length)] as Encoded;
}

/** The message without what differs from input to input. */
function kindOf({ message }: HeddleError): string {
  return message
    .replace("A value cannot be read: ", "")
    .replace(/in JSON at position.*|"[^"]*"|\d+|'.'|Unexpected token.*|Cannot convert.*/gs, "…")
    .slice(0, 70);
}

test(`${INPUTS.toLocaleString("en")} damaged encodings are values that are kept again, or VALUE_DAMAGED`, () => {
  const before = sharedKeys();
  const counts = new Map<string, number>();
  let slowestMs = 0;
  for (let n = 0; n < INPUTS; n++) {
    const random = randomOf(SEED + n);
    const input = mutated(oneOf(random), oneOf(random), random);
    const started = performance.now();
    let error: HeddleError | undefined;
    try {
      error = judge(input);
    } catch (found) {
      throw new Error(`SEED=${SEED + n}: ${found} with ${JSON.stringify(input)}`, { cause: found });
    }
    slowestMs = Math.max(slowestMs, performance.now() - started);
    const kind = error ? kindOf(error) : "a value";
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (n % 1_000 === 0) expect(sharedKeys()).toBe(before);
  }
  expect(sharedKeys()).toBe(before);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  const values = counts.get("a value") ?? 0;
  console.log(
    `${INPUTS} inputs: ${values} values, ${INPUTS - values} refused in ${counts.size - 1} ways, the slowest took ${slowestMs.toFixed(0)} ms\n` +
      [...counts]
        .sort(([, a], [, b]) => b - a)
        .slice(0, 25)
        .map(([kind, count]) => `${count} ${kind}`)
        .join("\n"),
  );
  // The damage reaches all the checks, and leaves some whole.
  expect(values).toBeGreaterThan(INPUTS / 20);
  expect(INPUTS - values).toBeGreaterThan(INPUTS / 4);
  expect(counts.size).toBeGreaterThan(20);
}, 600_000);
