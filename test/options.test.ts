// Options that nobody knows are refused where they are given, whoever takes them: a slip of the pen must not be silent.

import { DagProvenance, DagRunner, dag, node, type } from "heddle";
import { cloudflareKvStore } from "heddle/adapters/cloudflare-kv";
import { fileSystemStore } from "heddle/adapters/file-system";
import { indexedDbStore } from "heddle/adapters/indexeddb";
import { memoryStore } from "heddle/adapters/memory";
import { nodeWorkers } from "heddle/adapters/node-workers";
import { webWorkers } from "heddle/adapters/web-workers";
import { expect, test } from "vitest";

const one = dag("one", { nodes: { give: node({ output: type<number>("Num"), run: () => 1 }) }, edges: [] });
const kv = { getWithMetadata() {} } as never;
const slip = { ttl: 1 } as never;

const MAKERS: Readonly<Record<string, (options: never) => unknown>> = {
  memory: memoryStore,
  files: (options) => fileSystemStore("/nowhere", options),
  indexeddb: (options) => indexedDbStore("db", options),
  kv: (options) => cloudflareKvStore(kv, options),
  "node workers": (options) => nodeWorkers("./file.js", options),
  "web workers": (options) => webWorkers(() => new Worker("file.js"), options),
  provenance: (options) => new DagProvenance(memoryStore(), options),
  runner: (options) => new DagRunner(one, options),
};

test.each(Object.entries(MAKERS))("%s refuses an option that it does not know", (_, make) => {
  const error = { code: "INVALID_OPTION", message: expect.stringMatching(/^Unknown option "ttl" of .*\. Known are "/) };
  expect(() => make(slip)).toThrow(expect.objectContaining(error));
});

test.each([
  [memoryStore, { codec: {} }, /`codec`/],
  [(options: never) => indexedDbStore("db", options), { namespace: 1 }, /`namespace`/],
  [(options: never) => cloudflareKvStore(kv, options), { onWarning: "no" }, /`onWarning`/],
  [(options: never) => indexedDbStore("db", options), { openTimeoutMs: 0 }, /`openTimeoutMs`/],
] as const)("%o refuses %o", (make, options, message) => {
  expect(() => make(options as never)).toThrow(message);
});

test.each([{}, nodeWorkers, 7])("a runner refuses %o as its executor, and says what to do", (executor) => {
  const error = { code: "INVALID_OPTION", message: expect.stringContaining("nodeWorkers(file)") };
  expect(() => new DagRunner(one, { executor } as never)).toThrow(expect.objectContaining(error));
});

test.each([7, null, "no", () => {}])("workers refuse %o as their options", (options) => {
  const error = { code: "INVALID_OPTION", message: expect.stringContaining("to be an object") };
  expect(() => nodeWorkers("./file.js", options as never)).toThrow(expect.objectContaining(error));
  expect(() => webWorkers(() => new Worker("file.js"), options as never)).toThrow(expect.objectContaining(error));
});

const runner = new DagRunner(one, { provenance: new DagProvenance(memoryStore()) });

test.each(["run", "restart", "replay"] as const)("%s refuses options that are none", async (verb) => {
  const call = (options: unknown) =>
    verb === "run" ? runner.run({}, options as never) : runner[verb]("r", options as never);
  await expect(call(null)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  await expect(call(slip)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  await expect(call({ budget: { ms: 5 } })).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringMatching(/Unknown option "ms" of `budget`. Known are "timeMs"/),
  });
  await expect(call({ budget: { timeMs: "5" } })).rejects.toMatchObject({ code: "INVALID_OPTION" });
});
