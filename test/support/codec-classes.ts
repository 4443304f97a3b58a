// Classes that tests register with the codec: one with private state, one that holds others, one derived from a built-in.

import { classCodec } from "heddle/adapters/codec";

/** An amount; what it is cannot be seen from outside. */
export class Money {
  readonly #cents: bigint;
  readonly currency: string;

  constructor(cents: bigint, currency: string) {
    this.#cents = cents;
    this.currency = currency;
  }

  get cents(): bigint {
    return this.#cents;
  }
}

/** Holds others of its kind, and anything else. */
export class Tree {
  readonly value: unknown;
  readonly children: Tree[];

  constructor(value: unknown, children: Tree[] = []) {
    this.value = value;
    this.children = children;
  }
}

/** A Map with a name. */
export class Shelf extends Map<unknown, unknown> {
  name = "";
}

/** All of them. */
export const CLASSES = [
  classCodec({
    name: "Money",
    class: Money,
    encode: (money) => ({ cents: money.cents, currency: money.currency }),
    decode: ({ cents, currency }) => new Money(cents, currency),
  }),
  classCodec({
    name: "Tree",
    class: Tree,
    encode: ({ value, children }) => ({ value, children }),
    decode: ({ value, children }) => new Tree(value, children),
  }),
  classCodec({
    name: "Shelf",
    class: Shelf,
    encode: (shelf) => ({ name: shelf.name, books: [...shelf] }),
    // What is read may come from anywhere: a list of a billion holes takes a few bytes.
    decode: ({ name, books }) => Object.assign(new Shelf(Object.values(books)), { name }),
  }),
];
