// Runs conformance cases in a process of Node, Deno or Bun: reads a line of JSON for each, and writes one.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileSystemStore } from "heddle/adapters/file-system";
import { memoryStore } from "heddle/adapters/memory";
import { nodeWorkers } from "heddle/adapters/node-workers";
import { inside } from "./run-case.js";

const { list, run } = inside({
  stores: {
    memory: () => ({ createStore: () => memoryStore() }),
    files() {
      const directory = mkdtempSync(join(tmpdir(), "heddle-case-"));
      return {
        createStore: (place = "main") => fileSystemStore(join(directory, place)),
        remove: () => rmSync(directory, { recursive: true }),
      };
    },
  },
  executors: {
    workers: nodeWorkers(new URL("./serving.js", import.meta.url), { size: 2 }),
  },
});

const write = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const { bun, deno, node } = process.versions;

write({ subjects: list(), version: bun ?? deno ?? node, conformance: import.meta.resolve("heddle/conformance") });
for await (const line of createInterface({ input: process.stdin })) {
  const { subject, name } = JSON.parse(line);
  write(await run(subject, name));
}
