// The schemas of records say what the types of the engine say, and complaints name the event, the field and what can
// still be read. A journal whose events are well-formed and make no sense together is damaged too.

import { DagProvenance, DagRunner, dag, type JournalEvent, node, type RunHead, type Store, type } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { memoryStore } from "heddle/adapters/memory";
import {
  type EVENT_SCHEMAS,
  type EventOfSchema,
  type HEAD_SCHEMA,
  readEvents,
  readHead,
} from "heddle/adapters/records";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { infer as Infer } from "zod/mini";
import { journal, storeWith } from "./support/store-with.js";
import { quickDirectory } from "./support/stored-files.js";

/** The same type with nothing read-only. */
type Writable<T> = T extends string | number | boolean | undefined
  ? T
  : T extends readonly unknown[] | object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;

test("schemas and types agree, in both directions", () => {
  expectTypeOf<EventOfSchema>().toExtend<JournalEvent>();
  expectTypeOf<Writable<JournalEvent>>().toExtend<Writable<EventOfSchema>>();
  expectTypeOf<keyof typeof EVENT_SCHEMAS>().toEqualTypeOf<JournalEvent["type"]>();
  expectTypeOf<Infer<typeof HEAD_SCHEMA>>().toEqualTypeOf<Writable<RunHead>>();
  // Field by field, since what may be absent is easily forgotten.
  type Fields<E> = E extends { type: infer T } ? readonly [T, keyof E] : never;
  expectTypeOf<Fields<EventOfSchema>>().toEqualTypeOf<Fields<JournalEvent>>();
});

const PLACE = { runId: "r", where: "the test", seq: 40, format: 1 };
const paused = { type: "run-paused", at: 1 } as const;

describe("a complaint about events", () => {
  test.each([
    ["no JSON", "[", "it is no list of events in JSON"],
    ["no list", { ...paused }, "it is no list of events in JSON"],
    ["an empty list", [], "it is no list of events in JSON"],
    ["an unknown type", [paused, { type: "node-hummed", at: 1 }], 'event 41 is of the unknown type "node-hummed"'],
    ["a missing field", [{ type: "run-paused" }], '"at" of event 40 ("run-paused") is not a number'],
    ["an unknown field", [{ ...paused, mood: "sour" }], 'event 40 ("run-paused") has an unknown field "mood"'],
    ["__proto__", JSON.parse('[{"type":"run-paused","at":1,"__proto__":{}}]'), 'an unknown field "__proto__"'],
    ["another kind", [{ ...paused, reason: 5 }], '"reason" of event 40 ("run-paused") is not of type string'],
    ["no format", [paused], "the format of the batch is undefined", undefined],
  ])("says so of %s", (_, stored, why, ...format) => {
    const place = format.length > 0 ? { ...PLACE, format: format[0] } : PLACE;
    const read = () => readEvents(stored, place);
    expect(read).toThrow(expect.objectContaining({ code: "STORE_DAMAGED", message: expect.stringContaining(why) }));
    expect(read).toThrow(/run "r" is damaged in the test.*Events 0 to 39 can be read/);
  });

  test("tells newer formats from damage, by the batch and by the start of the run", () => {
    const newer = expect.objectContaining({ code: "STORE_VERSION", message: expect.stringContaining("format 2") });
    expect(() => readEvents([{ type: "node-hummed" }], { ...PLACE, format: 2 })).toThrow(newer);
    expect(() => readEvents([{ type: "run-started", format: 2 }], PLACE)).toThrow(newer);
  });
});

test("a complaint about a head names the run, the field and the place", () => {
  const head = { runId: "r", dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events: 2 } as const;
  expect(readHead(JSON.stringify(head), PLACE)).toEqual(head);
  expect(() => readHead({ ...head, runId: "s" }, PLACE)).toThrow(/head of run "r".*the test.*that of run "s"/);
  expect(() => readHead({ ...head, events: -1 }, PLACE)).toThrow(/"events" of it is not a whole number/);
  expect(() => readHead("{", PLACE)).toThrow(/STORE_DAMAGED|damaged/);
});

describe("a journal that makes no sense", () => {
  const Num = type<number>("Num");
  const nodes = {
    give: node({ output: Num, run: () => 1 }),
    add: node({ input: { n: Num }, output: Num, run: () => 2 }),
  };
  const counting = dag("counting", { nodes, edges: [["give", "add"]] });

  /** A completed run whose events come out of the store changed. */
  async function changed(change: (events: JournalEvent[]) => readonly JournalEvent[]) {
    const inner = memoryStore();
    const { runId } = await new DagRunner(counting, { provenance: new DagProvenance(inner) }).run({});
    const events = change([...(await journal(inner, runId))]);
    const store: Store = storeWith(inner, () => ({
      read: async (_, seq, limit) => ({ events: events.slice(seq, seq + limit), more: false }),
    }));
    const provenance = new DagProvenance(store);
    return { runId, provenance, runner: new DagRunner(counting, { provenance }) };
  }

  const at = (events: readonly JournalEvent[], i: number) => events[i] as JournalEvent;

  test.each<[string, (events: JournalEvent[]) => JournalEvent[], number, string]>([
    ["a second start", (all) => [...all.slice(0, 3), at(all, 0), ...all.slice(3)], 3, "starts the run a second time"],
    [
      "an end of what never began",
      (all) => all.filter((_, i) => i !== 3),
      3,
      'attempt 1 of "add", which never started',
    ],
    ["a second end", (all) => [...all.slice(0, 3), at(all, 2), ...all.slice(3)], 3, "which is completed"],
    ["a second beginning", (all) => [...all.slice(0, 2), at(all, 1), ...all.slice(2)], 2, "after attempt 1"],
    ["something after the end", (all) => [...all, at(all, 1)], 6, "comes after the run was completed"],
    [
      "an output of itself",
      (all) => [...all.slice(0, 2), { ...at(all, 2), composed: { kind: "one", count: 1, sink: "" } } as JournalEvent],
      2,
      "makes an output of itself",
    ],
  ])("is read up to %s", async (_, change, events, why) => {
    const { provenance, runner, runId } = await changed(change);
    const record = await provenance.getRun(runId);
    expect(record?.events).toBe(events);
    expect(record?.damage).toContain(`event ${events} `);
    expect(record?.damage).toContain(why);
    expect(record?.damage).toContain(`Events 0 to ${events - 1} can be read`);
    await expect(runner.restart(runId)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await expect(runner.replay(runId)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });

  test("is refused if its beginning is missing", async () => {
    const { provenance, runId } = await changed((all) => all.slice(1));
    await expect(provenance.getRun(runId)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });
});

test("what a node reports wrongly does not make its run a damaged one", async () => {
  const give = node({
    run: (_, ctx) => {
      ctx.progress(Number.NaN);
      ctx.progress("half" as never);
      ctx.progress(1, Number.POSITIVE_INFINITY);
      ctx.log(5 as never);
      ctx.log(undefined as never);
      throw Object.assign(new Error(7 as never), { name: 8, stack: 9, code: { a: 1 } });
    },
  });
  const store = fileSystemStore(quickDirectory());
  const provenance = new DagProvenance(store);
  const { runId } = await new DagRunner(dag("odd", { nodes: { give } }), { provenance }).run({});
  const { run, executions } = await provenance.inspect(runId);
  expect([run.status, run.damage]).toEqual(["failed", undefined]);
  expect(executions[0]?.attempts[0]).toMatchObject({
    progress: { done: 1 },
    logs: [{ message: "5" }, { message: "undefined" }],
    error: { name: "8", message: "7" },
  });
  await store.close();
});
