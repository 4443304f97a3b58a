// One history out of what all owners of a run wrote: every reader who sees the same keys comes to the same. Each owner
// says on whose last event it went on, and where it began; so the history is followed back from the last of them. What
// others wrote, or those on this way beyond the place where the next one began, does not count. Two under one epoch, who
// did not see each other, are told apart by their names.

import { epochOf, type Term, termIn } from "./keys.js";
import { type BatchRecord, type Claim, NOBODY } from "./records.js";

/** A part of the journal: the events from `from` up to `to` stand in this batch, which begins there. */
export interface Stretch {
  readonly batch: BatchRecord;
  readonly from: number;
  readonly to: number;
}

/** How a run stands, as far as its keys are seen. */
export interface History {
  /** In order and without a gap. */
  readonly stretches: readonly Stretch[];
  /** The number of events in them. */
  readonly events: number;
  /** Who wrote the last of them, as it stands in keys; nothing if there are none. */
  readonly last: string | undefined;
  /** Why there is more that cannot be read: some keys are not seen here, or what stands beside one is damaged. */
  readonly broken: "unseen" | "damaged" | undefined;
  /** Owners whose events do not count, and how many of them. */
  readonly conflicts: readonly Conflict[];
  /** The highest epoch, and who has it: the last word of its claim. */
  readonly epoch: number;
  readonly claim: Claim | undefined;
  /** The epoch under which it was removed, if it was: nothing from then and before counts. */
  readonly removedAt: number;
  /** True for an owner whose events went with it, also one who went on from these since then. */
  readonly isRemoved: (owner: string) => boolean;
}

interface Conflict extends Term {
  readonly events: number;
}

/** What one owner wrote. */
interface Written {
  readonly id: string;
  readonly stretches: readonly Stretch[];
  /** Where it began, and on whose last event; nothing if that cannot be told. */
  readonly begin: { readonly at: number; readonly on: string | undefined } | undefined;
}

/** All that counts, as far as it is seen. */
interface Chain {
  readonly last: string | undefined;
  /** There may be gaps between them. */
  readonly stretches: readonly Stretch[];
  /** Where something is missing that one of them went on from; what stands before may be that of others. */
  readonly hole: number | undefined;
  readonly conflicts: readonly Conflict[];
}

/** Puts together what was listed. */
export function historyOf(allClaims: readonly Claim[], allBatches: readonly BatchRecord[]): History {
  // That a run was removed must be certain.
  const sound = allClaims.filter(({ owner, isDamaged }) => owner !== NOBODY || !isDamaged);
  const removedAt = mostOf(sound, ({ owner, epoch }) => (owner === NOBODY ? epoch : 0));
  const claims = sound.filter(({ epoch }) => epoch > removedAt);
  const batches = allBatches.filter(({ epoch }) => epoch > removedAt);
  const epoch = mostOf<Term>([...allClaims, ...batches], (record) => record.epoch);
  const claim = lastClaim(sound.filter((one) => one.epoch === epoch));
  const { written, isRemoved } = withoutRemoved(writtenIn(batches), removedAt);
  const named = claims.flatMap(({ info }) => (info?.on && !isRemoved(info.on) ? [info.on] : []));
  const { last, stretches, hole, conflicts } = chainOf(written, named);
  const whole = stretches.slice(0, firstBreak(stretches, hole));
  const events = whole.at(-1)?.to ?? 0;
  const next = stretches[whole.length];
  // What those knew who went on from somebody else does not count.
  const known = mostOf(claims, ({ info }) => (info?.on === last && info?.events) || 0);
  const isUnseen = next !== undefined || hole !== undefined || known > events;
  const broken = next?.from === events && !next.batch.info ? "damaged" : isUnseen ? "unseen" : undefined;
  return { stretches: whole, events, last, broken, conflicts, epoch, claim, removedAt, isRemoved };
}

/** What each owner wrote. */
function writtenIn(batches: readonly BatchRecord[]): readonly Written[] {
  const byOwner = new Map<string, Map<number, BatchRecord>>();
  for (const batch of batches) {
    const id = termIn(batch);
    const own = byOwner.get(id) ?? new Map<number, BatchRecord>();
    // What was written anew without its payloads is listed later, and says what the one before it said.
    if (batch.info || !own.has(batch.number)) own.set(batch.number, batch);
    byOwner.set(id, own);
  }
  return [...byOwner].map(([id, own]) => {
    const stretches = [...own.values()].map(stretchOf).sort((a, b) => a.from - b.from);
    // The first may not be seen, but each of them tells.
    const { begin: at, on } = stretches.find(({ batch }) => batch.info)?.batch.info ?? {};
    const isTold = at !== undefined && (on === undefined || epochOf(on) < epochOf(id));
    return { id, stretches, begin: isTold ? { at, on } : undefined };
  });
}

/** Leaves out those who went on from what was removed: they did not see that in time. */
function withoutRemoved(all: readonly Written[], removedAt: number) {
  const removed = new Set<string>();
  const isRemoved = (id: string) => epochOf(id) <= removedAt || removed.has(id);
  const written = new Map<string, Written>();
  for (const owner of all.toSorted((a, b) => epochOf(a.id) - epochOf(b.id))) {
    const { id, begin } = owner;
    if (begin?.on !== undefined && isRemoved(begin.on)) removed.add(id);
    else written.set(id, owner);
  }
  return { written, isRemoved };
}

/** Follows the history back from the last owner, of those who wrote and those who were named as such. */
function chainOf(written: ReadonlyMap<string, Written>, named: readonly string[]): Chain {
  const all = [...written.values()];
  const last = lastOf([...written.keys(), ...named, ...all.flatMap(({ begin }) => begin?.on ?? [])]);
  const before = (id: string) => lastOf([...written.keys()].filter((one) => isBefore(one, id)));
  const counted = new Map<Written, readonly Stretch[]>();
  let [end, hole]: [number, number | undefined] = [Number.POSITIVE_INFINITY, undefined];
  for (let id = last; id !== undefined; ) {
    const seen = written.get(id);
    // Nothing of it is seen, or what it says is damaged: what is seen of others may not be what it went on from.
    if (!seen) hole = end;
    const owner: Written | undefined = seen ?? written.get(before(id) ?? "");
    if (!owner) break;
    const limit = end;
    counted.set(
      owner,
      owner.stretches.flatMap((stretch) => upTo(stretch, limit)),
    );
    const { begin, stretches } = owner;
    end = Math.min(end, begin?.at ?? stretches[0]?.from ?? 0);
    if (!begin) hole = end;
    id = begin ? begin.on : before(owner.id);
  }
  // Where something is missing it cannot be told.
  const conflicts = hole === undefined ? all.flatMap((owner) => conflictOf(owner, counted.get(owner))) : [];
  return { last, stretches: [...counted.values()].reverse().flat(), hole, conflicts };
}

function conflictOf({ stretches }: Written, counted: readonly Stretch[] = []): Conflict[] {
  const events = lengthOf(stretches) - lengthOf(counted);
  return events > 0 ? stretches.slice(0, 1).map(({ batch: { epoch, owner } }) => ({ epoch, owner, events })) : [];
}

/** One that is damaged has no length: what comes behind it is out of reach. */
function stretchOf(batch: BatchRecord): Stretch {
  return { batch, from: batch.number, to: batch.number + (batch.info?.events ?? 0) };
}

function upTo(stretch: Stretch, end: number): Stretch[] {
  if (stretch.from >= end) return [];
  return [stretch.to <= end ? stretch : { ...stretch, to: end }];
}

function lengthOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** How many stretches follow each other from the beginning of the journal on, up to where something is missing. */
function firstBreak(stretches: readonly Stretch[], hole = Number.POSITIVE_INFINITY): number {
  let end = 0;
  for (const [i, { batch, from, to }] of stretches.entries()) {
    if (from !== end || from >= hole || !batch.info) return i;
    end = to;
  }
  return stretches.length;
}

/** That of who removed the run before all others, then that of the owner whose name comes first. */
function lastClaim(claims: readonly Claim[]): Claim | undefined {
  const isEarlier = (a: Claim, b: Claim) => b.owner !== NOBODY && (a.owner === NOBODY || a.owner < b.owner);
  return claims.reduce<Claim | undefined>((best, claim) => {
    if (!best || isEarlier(claim, best)) return claim;
    return claim.owner === best.owner && claim.number > best.number ? claim : best;
  }, undefined);
}

/** The owner of the highest epoch; of two, that whose name comes first. */
function lastOf(ids: readonly string[]): string | undefined {
  return ids.reduce<string | undefined>(
    (last, id) => (last !== undefined && isBefore(id, last) ? last : id),
    undefined,
  );
}

function isBefore(a: string, b: string): boolean {
  return epochOf(a) === epochOf(b) ? a > b : a < b;
}

function mostOf<T>(all: readonly T[], amount: (one: T) => number): number {
  return all.reduce((most, one) => Math.max(most, amount(one)), 0);
}
