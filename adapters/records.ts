// What comes out of a store is checked: a record is what this version writes, or what an older one wrote, or it is
// refused with the run, the place, and what can still be read.

import type { ZodMiniType } from "zod/mini";
import { HeddleError } from "../src/errors.js";
import { JOURNAL_FORMAT, type JournalEvent } from "../src/events.js";
import type { RunHead } from "../src/ports.js";
import { acceptsOf } from "./records/accepts.js";
import { EVENT_SCHEMAS } from "./records/event-schema.js";
import { HEAD_SCHEMA } from "./records/head-schema.js";
import { migrated } from "./records/migrations.js";

type EventSchema = ZodMiniType<JournalEvent>;

const EVENTS = new Map(
  Object.entries<EventSchema>(EVENT_SCHEMAS).map(([type, schema]) => [type, { schema, accepts: acceptsOf(schema) }]),
);

/** Where a record stands. */
export interface RecordPlace {
  readonly runId: string;
  /** The place in words, in the store's own terms: `"runs/a/1.jsonl"`, `database "heddle"`. */
  readonly where: string;
}

/** Where the events of a batch stand, and who wrote them. */
export interface BatchPlace extends RecordPlace {
  /** The number of the first event. */
  readonly seq: number;
  /** The JOURNAL_FORMAT of the writer, which a store keeps with each batch: one run may have writers of several. */
  readonly format: unknown;
}

/** What a store keeps with every batch that it writes now. */
export { JOURNAL_FORMAT } from "../src/events.js";
/** For what else a store keeps. */
export { acceptsOf } from "./records/accepts.js";
/** What is checked, in zod's own words. */
export { EVENT_SCHEMAS, type EventOfSchema } from "./records/event-schema.js";
export { amount, count, ordinal } from "./records/fields.js";
export { HEAD_SCHEMA } from "./records/head-schema.js";

/**
 * Reads the events of one batch: the text of a list in JSON, or the list. Those of older formats come as they are today.
 *
 * @throws HeddleError `STORE_DAMAGED`, `STORE_VERSION`.
 */
export function readEvents(stored: unknown, place: BatchPlace): readonly JournalEvent[] {
  const { format } = place;
  if (!Number.isSafeInteger(format) || (format as number) < 0) {
    throw damagedAt(place, `the format of the batch is ${printed(format)}`);
  }
  if ((format as number) > JOURNAL_FORMAT) throw newer(place, format as number);
  const list = parsed(stored);
  if (!Array.isArray(list) || list.length === 0) throw damagedAt(place, "it is no list of events in JSON");
  return list.map((event, i) => readEvent(event, place, i));
}

/**
 * Reads the head of a run: its text in JSON, or the object.
 *
 * @throws HeddleError `STORE_DAMAGED`.
 */
export function readHead(stored: unknown, { runId, where }: RecordPlace): RunHead {
  const head = HEAD_SCHEMA.safeParse(parsed(stored));
  const why = head.success
    ? head.data.runId === runId || `it is that of run ${printed(head.data.runId)}`
    : complaint("it", head.error);
  if (head.success && why === true) return head.data;
  throw new HeddleError(
    "STORE_DAMAGED",
    `The head of run "${runId}" is damaged in ${where}: ${why}. Its events may be whole: inspect it.`,
  );
}

/** A complaint about the journal of a run. `seq`: the first event that cannot be read. */
export function damagedAt({ runId, where, seq }: Omit<BatchPlace, "format">, why: string): HeddleError {
  const readable = seq === 0 ? "No event can be read" : `Events 0 to ${seq - 1} can be read`;
  return new HeddleError(
    "STORE_DAMAGED",
    `The journal of run "${runId}" is damaged in ${where}: ${why}. ${readable}. Nothing was changed there. Put back a copy of it, or start the run anew under another name.`,
  );
}

function readEvent(stored: unknown, place: BatchPlace, i: number): JournalEvent {
  const event = migrated(stored, place.format as number);
  const { type, format } = (event ?? {}) as { readonly type?: unknown; readonly format?: unknown };
  const name = `event ${place.seq + i}`;
  if (type === "run-started" && Number.isSafeInteger(format) && (format as number) > JOURNAL_FORMAT) {
    throw newer(place, format as number);
  }
  const known = EVENTS.get(type as string);
  if (!known) throw damagedAt(place, `${name} is of the unknown type ${printed(type)}`);
  if (known.accepts(event)) return event as JournalEvent;
  const read = known.schema.safeParse(event);
  if (read.success) return read.data;
  throw damagedAt(place, complaint(`${name} ("${type}")`, read.error));
}

function newer({ runId, where }: RecordPlace, format: number): HeddleError {
  return new HeddleError(
    "STORE_VERSION",
    `The journal of run "${runId}" has format ${format} in ${where}; this version reads formats 0 to ${JOURNAL_FORMAT}. Read it with a newer heddle.`,
  );
}

function parsed(stored: unknown): unknown {
  if (typeof stored !== "string") return stored;
  try {
    return JSON.parse(stored);
  } catch {
    return undefined;
  }
}

/** The first thing that is wrong, in words. */
function complaint(what: string, { issues: [issue] }: { readonly issues: readonly Issue[] }): string {
  const { code, path = [], keys, expected, values, message } = issue ?? {};
  if (code === "unrecognized_keys") return `${what} has an unknown field ${printed(keys?.[0])}`;
  const field = path.length === 0 ? what : `${printed(path.join("."))} of ${what}`;
  if (code === "invalid_value") return `${field} is none of ${values?.map(printed).join(", ")}`;
  return `${field} is not ${code === "invalid_type" ? `of type ${expected}` : message}`;
}

/** What zod tells of a field. */
interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly expected?: string;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
}

/** Enough of a damaged field to know it by. What it holds may be nested too deeply to be printed. */
function printed(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[…]" : "{…}";
  return (JSON.stringify(value) ?? "undefined").slice(0, 60);
}
