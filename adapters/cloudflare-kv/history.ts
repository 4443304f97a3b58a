// One history out of what all owners of a run wrote: every reader who sees the same keys comes to the same. An owner
// begins where it believed the run to end; what an earlier one wrote beyond that place does not count. Two under one
// epoch, who did not see each other, are told apart by their names. A batch that was written anew without its payloads
// says what the one before it said: it stands in its place and cuts nothing off.

import { type BatchRecord, type Claim, NOBODY } from "./records.js";

/** A part of the journal: the events from `from` up to `to` stand in this batch, which begins at `batch.number`. */
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
  /** Why there is more that cannot be read: some keys are not seen here, or what stands beside one is damaged. */
  readonly broken: "unseen" | "damaged" | undefined;
  /** Owners whose events were cut off, and how many of them. */
  readonly conflicts: readonly Conflict[];
  /** The highest epoch, and who has it: the last word of its claim. */
  readonly epoch: number;
  readonly claim: Claim | undefined;
}

interface Conflict {
  readonly owner: string;
  readonly epoch: number;
  readonly events: number;
}

/** Puts together what was listed. */
export function historyOf(allClaims: readonly Claim[], allBatches: readonly BatchRecord[]): History {
  // That a run was removed must be certain.
  const sound = allClaims.filter(({ owner, isDamaged }) => owner !== NOBODY || !isDamaged);
  const removedAt = mostOf(sound, ({ owner, epoch }) => (owner === NOBODY ? epoch : 0));
  const claims = sound.filter(({ epoch }) => epoch >= removedAt);
  const batches = allBatches.filter(({ epoch }) => epoch > removedAt);
  const { stretches, conflicts } = laidOut(batches);
  const whole = stretches.slice(0, firstBreak(stretches));
  const events = whole.at(-1)?.to ?? 0;
  const next = stretches[whole.length];
  const last = whole.at(-1)?.batch;
  // What those knew who were cut off does not count.
  const isCutOff = (claim: Claim) =>
    last !== undefined && (claim.epoch < last.epoch || (claim.epoch === last.epoch && claim.owner !== last.owner));
  const known = mostOf(claims, (claim) => (isCutOff(claim) ? 0 : (claim.info?.events ?? 0)));
  const epoch = mostOf<Claim | BatchRecord>([...allClaims, ...batches], (record) => record.epoch);
  const claim = lastClaim(claims.filter((one) => one.epoch === epoch));
  const broken = next?.from === events && !next.batch.info ? "damaged" : next || known > events ? "unseen" : undefined;
  return { stretches: whole, events, broken, conflicts, epoch, claim };
}

/** Lays the batches of all owners over each other, the later ones on top. There may be gaps between them. */
function laidOut(batches: readonly BatchRecord[]): { stretches: Stretch[]; conflicts: Conflict[] } {
  let stretches: Stretch[] = [];
  const owners = ownersOf(batches);
  const conflicts = beaten(batches, new Set(owners.flat()));
  for (const owned of owners) {
    const own = owned.map(stretchOf).sort(byPlace);
    const [anew, written] = [own.filter(isAnew), own.filter((one) => !isAnew(one))];
    if (anew.length > 0) stretches = [...beside(stretches, anew), ...anew];
    if (written.length > 0) {
      const begin = beginOf(written);
      const cut = stretches.filter(({ to }) => to > begin);
      conflicts.push(...cut.map(({ batch, from, to }) => conflictWith(batch, to - Math.max(from, begin))));
      stretches = [...stretches.flatMap((stretch) => upTo(stretch, begin)), ...written];
    }
    stretches.sort(byPlace);
  }
  return { stretches, conflicts };
}

/** The batches of each epoch, of the one owner that counts. */
function ownersOf(batches: readonly BatchRecord[]): BatchRecord[][] {
  const byEpoch = new Map<number, BatchRecord[]>();
  for (const batch of batches) {
    const same = byEpoch.get(batch.epoch);
    if (same) same.push(batch);
    else byEpoch.set(batch.epoch, [batch]);
  }
  const epochs = [...byEpoch.keys()].sort((a, b) => a - b);
  return epochs.map((epoch) => {
    const all = byEpoch.get(epoch) ?? [];
    const winner = all.reduce((least, { owner }) => (owner < least ? owner : least), all[0]?.owner ?? "");
    return all.filter(({ owner }) => owner === winner);
  });
}

/** Those who wrote under the epoch of another whose name comes first. */
function beaten(batches: readonly BatchRecord[], counted: ReadonlySet<BatchRecord>): Conflict[] {
  const lost = batches.filter((batch) => !counted.has(batch));
  return lost.map((batch) => conflictWith(batch, batch.info?.events ?? 0));
}

function conflictWith({ owner, epoch }: BatchRecord, events: number): Conflict {
  return { owner, epoch, events };
}

/** One that is damaged has no length: what comes behind it is out of reach. */
function stretchOf(batch: BatchRecord): Stretch {
  return { batch, from: batch.number, to: batch.number + (batch.info?.events ?? 0) };
}

function byPlace(a: Stretch, b: Stretch): number {
  return a.from - b.from;
}

function isAnew({ batch }: Stretch): boolean {
  return batch.info?.pruned === true;
}

/** Where an owner began: its first batch may not be seen, but each of them tells. */
function beginOf(written: readonly Stretch[]): number {
  return Math.min(...written.map(({ batch, from }) => batch.info?.begin ?? from));
}

function upTo(stretch: Stretch, end: number): Stretch[] {
  if (stretch.from >= end) return [];
  return [stretch.to <= end ? stretch : { ...stretch, to: end }];
}

/** What is left of stretches beside others; all come in the order of their places. */
function beside(stretches: readonly Stretch[], others: readonly Stretch[]): Stretch[] {
  const left: Stretch[] = [];
  let next = 0;
  for (const stretch of stretches) {
    while (next < others.length && (others[next] as Stretch).to <= stretch.from) next++;
    let { from } = stretch;
    // Where one is damaged its place alone counts.
    const to = Math.max(stretch.to, from + 1);
    for (let i = next; i < others.length && (others[i] as Stretch).from < to; i++) {
      const other = others[i] as Stretch;
      if (other.from > from) left.push({ ...stretch, from, to: other.from });
      from = Math.max(from, other.to);
    }
    if (from < to) left.push({ ...stretch, from });
  }
  return left;
}

/** How many stretches follow each other from the beginning of the journal on. */
function firstBreak(stretches: readonly Stretch[]): number {
  let end = 0;
  for (const [i, { batch, from, to }] of stretches.entries()) {
    if (from !== end || !batch.info) return i;
    end = to;
  }
  return stretches.length;
}

/** That of who removed the run before all others, then that of the owner whose name comes first. */
function lastClaim(claims: readonly Claim[]): Claim | undefined {
  const isBefore = (a: Claim, b: Claim) => b.owner !== NOBODY && (a.owner === NOBODY || a.owner < b.owner);
  return claims.reduce<Claim | undefined>((best, claim) => {
    if (!best || isBefore(claim, best)) return claim;
    return claim.owner === best.owner && claim.number > best.number ? claim : best;
  }, undefined);
}

function mostOf<T>(all: readonly T[], amount: (one: T) => number): number {
  return all.reduce((most, one) => Math.max(most, amount(one)), 0);
}
