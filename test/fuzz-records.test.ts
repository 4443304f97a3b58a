// Records that nobody wrote are refused in words, or what they say is what the schemas allow, and whoever reads the run
// then gets an answer: no crash, no endless loop.

import { isDeepStrictEqual } from "node:util";
import { DagProvenance, HeddleError, type JournalEvent, type Store } from "heddle";
import { EVENT_SCHEMAS, HEAD_SCHEMA, readEvents, readHead } from "heddle/adapters/records";
import { beforeAll, expect, test } from "vitest";
import { Draws, mutatedList, mutatedText, mutatedValue } from "./support/mutate-records.js";
import { type RecordedBatch, recordedBatches } from "./support/recorded-batches.js";
import { storeWith } from "./support/store-with.js";

const CASES = Number(process.env.CASES ?? (process.env.CHAOS ? 1_000_000 : 100_000));
// A failing case is repeated alone with CASE=… CASES=1.
const FIRST_CASE = Number(process.env.CASE ?? 1);
/** Only what hangs takes so long: reading one run takes milliseconds. */
const LONGEST_MS = 60_000;

let store: Store;
let batches: readonly RecordedBatch[];
let foreign: readonly JournalEvent[];

beforeAll(async () => {
  ({ store, batches } = await recordedBatches(10, 9));
  foreign = batches.flatMap(({ events }) => events.slice(0, 4));
});

type Outcome = "unchanged" | "refused" | "accepted" | "damage is shown";

/** Counts what became of the cases, and prints it. */
class Counts {
  readonly #by = new Map<Outcome, number>();
  readonly #what: string;
  readonly #cases: number;

  constructor(what: string, cases: number) {
    this.#what = what;
    this.#cases = cases;
  }

  async each(run: (draws: Draws) => Outcome | Promise<Outcome>): Promise<this> {
    for (let number = FIRST_CASE; number < FIRST_CASE + this.#cases; number++) {
      const started = performance.now();
      try {
        const outcome = await run(new Draws(number));
        this.#by.set(outcome, this.share(outcome) * this.#cases + 1);
      } catch (error) {
        throw new Error(`Case ${number} of ${this.#what}: ${(error as Error).stack}`, { cause: error });
      }
      const took = performance.now() - started;
      if (took > LONGEST_MS) throw new Error(`Case ${number} of ${this.#what} took ${Math.round(took)} ms.`);
    }
    const counts = [...this.#by].map(([outcome, count]) => `${Math.round(count)} ${outcome}`);
    console.log(`${this.#cases} ${this.#what}: ${counts.join(", ")}`);
    return this;
  }

  share(outcome: Outcome): number {
    return (this.#by.get(outcome) ?? 0) / this.#cases;
  }
}

/** Expects an error that says where, and that nothing else was thrown. */
function refused(error: unknown, runId: string): "refused" {
  if (!(error instanceof HeddleError)) throw error;
  const { code, message } = error;
  if (/^STORE_(DAMAGED|VERSION)$/.test(code) && message.includes(`"${runId}"`)) return "refused";
  throw new Error(`${code}, ${message}`);
}

function mutatedEvents(events: readonly JournalEvent[], draws: Draws): string {
  const kind = draws.below(5);
  if (kind === 0) return mutatedText(JSON.stringify(events), draws);
  if (kind === 1) return JSON.stringify(mutatedList(events, foreign, draws));
  const copy: unknown[] = [...events];
  const i = draws.below(copy.length);
  copy[i] = mutatedValue(copy[i], draws);
  return JSON.stringify(copy);
}

/** The store with one batch in place of what was appended. */
function storeWithout({ runId, seq, events: real }: RecordedBatch, events: readonly JournalEvent[]): Store {
  return storeWith(store, (inner) => ({
    read: async (asked, from, limit) => {
      const page = await inner.read(asked, 0, Number.POSITIVE_INFINITY);
      const all = [...page.events];
      if (asked === runId) all.splice(seq, real.length, ...events);
      return { events: all.slice(from, from + limit), more: false };
    },
  }));
}

/** Reads all events of a run, and some of its outputs. */
async function readWhole(store: Store, runId: string, draws: Draws): Promise<Outcome> {
  const provenance = new DagProvenance(store);
  try {
    const { run, executions } = await provenance.inspect(runId);
    for (let i = Math.min(executions.length, 3); i > 0; i--) {
      const { path, output } = draws.one(executions);
      if (output) await provenance.loadOutput(runId, path).catch(onlyOurs);
    }
    return run.damage === undefined ? "accepted" : "damage is shown";
  } catch (error) {
    onlyOurs(error);
    return "damage is shown";
  }
}

function onlyOurs(error: unknown): void {
  if (!(error instanceof HeddleError)) throw error;
}

test("events", { timeout: 3_600_000 }, async () => {
  const counts = await new Counts("batches of events", CASES * 0.8).each(async (draws) => {
    const batch = draws.one(batches);
    const { runId, seq } = batch;
    const text = mutatedEvents(batch.events, draws);
    let events: readonly JournalEvent[];
    try {
      events = readEvents(text, { runId, seq, format: 1, where: "memory" });
    } catch (error) {
      return refused(error, runId);
    }
    for (const event of events) {
      const { error } = EVENT_SCHEMAS[event.type].safeParse(event);
      if (error) throw error;
    }
    if (isDeepStrictEqual(events, batch.events)) return "unchanged";
    return readWhole(storeWithout(batch, events), runId, draws);
  });
  expect(counts.share("refused")).toBeGreaterThan(0.2);
  expect(counts.share("accepted")).toBeGreaterThan(0.01);
  expect(counts.share("damage is shown")).toBeGreaterThan(0.01);
});

test("heads", { timeout: 3_600_000 }, async () => {
  const counts = await new Counts("heads", CASES * 0.2).each((draws) => {
    const { runId, head } = draws.one(batches);
    const isText = draws.below(3) === 0;
    const stored = isText ? mutatedText(JSON.stringify(head), draws) : mutatedValue(head, draws);
    try {
      const read = readHead(stored, { runId, where: "memory" });
      if (!HEAD_SCHEMA.safeParse(read).success || read.runId !== runId) throw new Error("It is not that head.");
      return isDeepStrictEqual(read, head) ? "unchanged" : "accepted";
    } catch (error) {
      return refused(error, runId);
    }
  });
  expect(counts.share("refused")).toBeGreaterThan(0.2);
  expect(counts.share("accepted")).toBeGreaterThan(0.01);
});
