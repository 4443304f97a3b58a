// The stores of Node do what every store must do; and the cases can fail. IndexedDB: test/browsers.

import { join } from "node:path";
import type { Store } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { memoryStore } from "heddle/adapters/memory";
import { type ConformanceCase, type CreateStore, conformanceCases } from "heddle/conformance";
import { describe, expect, test } from "vitest";
import { READ_MUTANTS } from "./support/read-mutants.js";
import { temporaryDirectory } from "./support/stores.js";
import { WRITE_MUTANTS } from "./support/write-mutants.js";

/** Each call makes a function that opens stores over places of one new database. */
const DATABASES: Readonly<Record<string, () => (place?: string) => Store>> = {
  memory: () => () => memoryStore(),
  files: () => {
    const directory = temporaryDirectory();
    return (place = "main") => fileSystemStore(join(directory, place));
  },
};

/** Runs a case, and closes the stores that it opened. */
async function runCase({ run }: ConformanceCase, open: CreateStore): Promise<void> {
  const opened: Store[] = [];
  try {
    await run((place) => {
      const store = open(place);
      opened.push(store);
      return store;
    });
  } finally {
    for (const store of opened) await store.close();
  }
}

describe.each(Object.entries(DATABASES))("%s", (_, createDatabase) => {
  test.each(conformanceCases)("$name", (one) => runCase(one, createDatabase()));
});

test("names of cases are unique", () => {
  expect(new Set(conformanceCases.map(({ name }) => name)).size).toBe(conformanceCases.length);
});

describe("a store with one fault is found out:", () => {
  test.each(Object.entries({ ...WRITE_MUTANTS, ...READ_MUTANTS }))("%s", async (_, { foundBy, create }) => {
    const one = conformanceCases.find(({ name }) => name === foundBy);
    if (!one) throw new Error(`There is no case "${foundBy}".`);
    await expect(runCase(one, create)).rejects.toThrow();
    // The same case passes where there is no fault.
    await runCase(one, () => memoryStore());
  });
});
