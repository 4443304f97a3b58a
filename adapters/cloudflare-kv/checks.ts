// What comes out of KV is what was put in, or it is refused: whoever has a token of the account can change it.

import { array, custom, exactOptional, literal, strictObject, string, tuple } from "zod/mini";
import type { JournalEvent } from "../../src/events.js";
import type { RunHead } from "../../src/ports.js";
import { acceptsOf, amount, count, HEAD_SCHEMA, ordinal } from "../records.js";
import type { Packed } from "./body.js";

/** What a claim says. */
export interface ClaimInfo {
  /** Milliseconds since the epoch: the run is held until then. */
  readonly until: number;
  /** The name of the owner, which in the key may be a hash. */
  readonly owner: string;
  /** Set when the run was taken and when it was given back: the number of events that its owner knew of, and who wrote the last of them, as it stands in keys. */
  readonly events?: number;
  readonly on?: string;
  /** Set when the run was removed: when it was started, which is where its heads stand. */
  readonly starts?: readonly number[];
}

/** What is known of a batch without reading it. */
export interface BatchInfo {
  readonly events: number;
  /** The position at which its owner began: with its first batch, which may not be seen. */
  readonly begin: number;
  /** Who wrote the event before that, as it stands in keys; absent if there is none. */
  readonly on?: string;
  /** All that is stored of it, and the part of that which pruning would drop. */
  readonly bytes: number;
  readonly payload: number;
  /** The beginning of the SHA-256 of what is stored, in hex. */
  readonly sum: string;
  /** The beginnings of the hashes of its values, if they are few. */
  readonly hashes?: string;
  /** Absent if it is too long. */
  readonly head?: RunHead;
}

/** What is known of values that stand under a key of their own. */
export interface ValuesInfo {
  /** Before they are compressed. */
  readonly bytes: number;
  /** The beginnings of their hashes, if they are few. */
  readonly hashes?: string;
  /** True if they stay when the run is pruned. */
  readonly stays?: true;
}

/** What stands at the run that others take values from. */
export interface LinkInfo {
  /** The beginnings of the hashes of these values; absent if they are many, which are taken for all. */
  readonly hashes?: string;
}

/** The line of a batch. What stands in its key stands here too, so that one in the wrong place is found. */
export interface BatchLine {
  readonly heddle: number;
  readonly run: string;
  readonly epoch: number;
  readonly owner: string;
  readonly seq: number;
  readonly head: RunHead;
  readonly events: readonly JournalEvent[];
  readonly values: Packed["texts"];
}

type Guard<T> = (value: unknown) => value is T;

const hash = custom<string>((value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value), "a hash");
/** Looked at by those who know the place. */
const later = custom<never>(() => true);
const texts = array(tuple([hash, string(), array(count)]));

/** True for what stands beside a claim. */
export const isClaimInfo = acceptsOf(
  strictObject({
    until: amount,
    owner: string(),
    events: exactOptional(count),
    on: exactOptional(string()),
    starts: exactOptional(array(amount)),
  }),
) as Guard<ClaimInfo>;

/** True for what stands beside a batch. */
export const isBatchInfo = acceptsOf(
  strictObject({
    events: ordinal,
    begin: count,
    on: exactOptional(string()),
    bytes: count,
    payload: count,
    sum: string(),
    hashes: exactOptional(string()),
    head: exactOptional(HEAD_SCHEMA),
  }),
) as Guard<BatchInfo>;

/** True for what stands beside values. */
export const isValuesInfo = acceptsOf(
  strictObject({ bytes: count, hashes: exactOptional(string()), stays: exactOptional(literal(true)) }),
) as Guard<ValuesInfo>;

/** True for what stands beside a link. */
export const isLinkInfo = acceptsOf(strictObject({ hashes: exactOptional(string()) })) as Guard<LinkInfo>;

/** True for the line of a batch, whose format, head and events are still to be read. */
export const isBatchLine = acceptsOf(
  strictObject({
    heddle: later,
    run: string(),
    epoch: ordinal,
    owner: string(),
    seq: count,
    head: later,
    events: later,
    values: texts,
  }),
) as Guard<BatchLine>;

/** True for the line of values that are stored apart. */
export const isTexts = acceptsOf(texts) as Guard<Packed["texts"]>;
