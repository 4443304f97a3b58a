// The conformance cases on KV in real workerd: the cases run in a Worker, one per request.

import { conformanceCases } from "heddle/conformance";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Session } from "./matrix/runtime.js";
import { openWorkerd } from "./matrix/runtimes/workerd.js";

let session: Session;

beforeAll(async () => {
  session = await openWorkerd({ built: false });
});
afterAll(() => session?.close());

describe("KV in workerd", () => {
  test.each(conformanceCases.map(({ name }) => name))("%s", async (name) => {
    expect(await session.run("kv", name)).toEqual({});
  });
});
