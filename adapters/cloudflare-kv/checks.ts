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
  /** Set when the run was given back: the number of events that its owner knew of. */
  readonly events?: number;
  /** Set when the run was removed: when it was started, which is where its heads stand. */
  readonly starts?: readonly number[];
}

/** What is known of a batch without reading it. */
export interface BatchInfo {
  readonly events: number;
  /** All that is stored of it, and the part of that which pruning would drop. */
  readonly bytes: number;
  readonly payload: number;
  /** The beginning of the SHA-256 of what is stored, in hex. */
  readonly sum: string;
  /** The beginnings of the hashes of its values, if they are few. */
  readonly hashes?: string;
  /** Absent if it is too long. */
  readonly head?: RunHead;
  /** True if it was written anew without its payloads: it cuts nothing off. */
  readonly pruned?: true;
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
  readonly refers: readonly string[];
  readonly values: Packed["texts"];
}

const hash = custom<string>((value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value), "a hash");
/** Looked at by those who know the place. */
const later = custom<never>(() => true);
const texts = array(tuple([hash, string(), array(count)]));

const acceptsClaim = acceptsOf(
  strictObject({
    until: amount,
    owner: string(),
    events: exactOptional(count),
    starts: exactOptional(array(amount)),
  }),
);

const acceptsInfo = acceptsOf(
  strictObject({
    events: ordinal,
    bytes: count,
    payload: count,
    sum: string(),
    hashes: exactOptional(string()),
    head: exactOptional(HEAD_SCHEMA),
    pruned: exactOptional(literal(true)),
  }),
);

const acceptsLine = acceptsOf(
  strictObject({
    heddle: later,
    run: string(),
    epoch: ordinal,
    owner: string(),
    seq: count,
    head: later,
    events: later,
    refers: array(hash),
    values: texts,
  }),
);

const acceptsTexts = acceptsOf(texts);

/** True for what stands beside a claim. */
export function isClaimInfo(info: unknown): info is ClaimInfo {
  return acceptsClaim(info);
}

/** True for what stands beside a batch. */
export function isBatchInfo(info: unknown): info is BatchInfo {
  return acceptsInfo(info);
}

/** True for the line of a batch, whose format, head and events are still to be read. */
export function isBatchLine(line: unknown): line is BatchLine {
  return acceptsLine(line);
}

/** True for the line of a value that is stored apart. */
export function isTexts(line: unknown): line is Packed["texts"] {
  return acceptsTexts(line);
}
