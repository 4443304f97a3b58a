// Events that older versions wrote, made into those of today, one format after the other. An event says by itself what it
// needs, since journals are read in pages, and goes on as it is unless its kind has changed.

import { JOURNAL_FORMAT } from "../../src/events.js";

/** An event that nobody has looked at: whatever is wrong with it, the schema finds out. */
export type RawEvent = Readonly<Record<string, unknown>>;

/** From the format of its place in the list to the next one. */
const MIGRATIONS: readonly ((event: RawEvent) => RawEvent)[] = [originsOfConsumed];

/** Brings an event from `format` up to the one of today. */
export function migrated(event: unknown, format: number): unknown {
  if (format === JOURNAL_FORMAT || typeof event !== "object" || event === null) return event;
  const now = MIGRATIONS.slice(format).reduce((old, migrate) => migrate(old), event as RawEvent);
  return now.type === "run-started" ? { ...now, format: JOURNAL_FORMAT } : now;
}

/**
 * Format 0 did not say where the values were recorded that a reused output was made of. They were there when it was
 * recorded, in the run where that was.
 */
function originsOfConsumed(event: RawEvent): RawEvent {
  const { type, inputs, from } = event;
  if (type !== "node-reused" || typeof inputs !== "object" || inputs === null) return event;
  const known = (ref: unknown) => (hasValue(ref) ? { ...ref, origin: from } : ref);
  const all = Object.entries(inputs).map(([input, refs]) => [input, Array.isArray(refs) ? refs.map(known) : refs]);
  return { ...event, inputs: Object.fromEntries(all) };
}

function hasValue(ref: unknown): ref is object {
  return typeof ref === "object" && ref !== null && "value" in ref;
}
