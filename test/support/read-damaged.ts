// Reads a run as far as it can be read, and says whether that is what must be left of it.

import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { DagProvenance, type JournalEvent } from "heddle";
import { expect } from "vitest";
import type { Outcome } from "./journal-places.js";
import { openStore, RUN, type StoredRun, TOO_LATE } from "./runs-to-damage.js";
import { storeWith } from "./store-with.js";

/** Reads a run as `getRun` does, and keeps all events that it sees. */
export async function readAll(directory: string) {
  const events: JournalEvent[] = [];
  const store = storeWith(openStore(directory), (inner) => ({
    read: async (...args) => {
      const page = await inner.read(...args);
      events.push(...page.events);
      return page;
    },
  }));
  const record = await new DagProvenance(store).getRun(RUN).catch((error: unknown) => error as Error);
  const complaint = record instanceof Error ? record.message : record?.damage;
  return { events, record, complaint };
}

/** Expects exactly these events to be left. */
export function expectEvents(events: readonly JournalEvent[], run: StoredRun, outcome: Outcome): void {
  const last = events.at(-1);
  const isLate = outcome.mayHaveLate && last?.type === "run-cancelled" && last.reason === TOO_LATE;
  const read = isLate ? events.slice(0, -1) : events;
  // The comparison of `expect` takes as long as the reading.
  if (!isDeepStrictEqual(read, run.events.slice(0, outcome.events)))
    expect(read).toEqual(run.events.slice(0, outcome.events));
}

/** Expects a complaint that names the run and the file, or none. */
export function expectComplaint(complaint: string | undefined, directory: string, { damage }: Outcome): void {
  if (!damage) return expect(complaint).toBeUndefined();
  expect(complaint).toContain(`"${RUN}"`);
  expect(complaint).toContain(join(directory, damage.name));
}

/** Expects a complaint to name the byte, and the events that can be read. */
export function expectPlace(complaint: string, { events, damage }: Outcome): void {
  const readable = events === 0 ? "No event can be read" : `Events 0 to ${events - 1} can be read`;
  expect(complaint).toContain(readable);
  const byte = Number(/byte (\d+)/.exec(complaint)?.[1]);
  expect(byte, complaint).toBeGreaterThanOrEqual(damage?.from ?? 0);
  expect(byte, complaint).toBeLessThanOrEqual(damage?.to ?? 0);
}

/** The paths of the nodes that these events complete. */
export function completed(events: readonly JournalEvent[]): string[] {
  return events.flatMap((event) => (event.type === "node-completed" ? [event.path] : []));
}
