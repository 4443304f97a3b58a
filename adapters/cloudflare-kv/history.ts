// One history out of what all owners of a run wrote: every reader who sees the same keys comes to the same. An owner
// begins where it believed the run to end; what an earlier one wrote beyond that place does not count. Two under one
// epoch, who did not see each other, are told apart by their names.

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
  readonly conflicts: readonly { readonly owner: string; readonly epoch: number; readonly events: number }[];
  /** The highest epoch, and who has it: the last word of its claim. */
  readonly epoch: number;
  readonly claim: Claim | undefined;
}

/** Puts together what was listed. */
export function historyOf(allClaims: readonly Claim[], allBatches: readonly BatchRecord[]): History {
  const removedAt = Math.max(0, ...allClaims.flatMap(({ owner, epoch }) => (owner === NOBODY ? [epoch] : [])));
  const claims = allClaims.filter(({ epoch }) => epoch >= removedAt);
  const batches = allBatches.filter(({ epoch }) => epoch > removedAt);
  let stretches: Stretch[] = [];
  let broken: History["broken"];
  const owners = ownersOf(batches);
  const conflicts: History["conflicts"][number][] = beaten(batches, new Set(owners.flat()));
  for (const owned of owners) {
    const first = owned[0] as BatchRecord;
    const end = endOf(stretches);
    if (first.number > end) {
      broken ??= "unseen";
      continue;
    }
    broken = undefined;
    const cut = stretches.filter(({ to }) => to > first.number);
    if (first.info?.pruned !== true) conflicts.push(...cut.map((stretch) => lost(stretch, first.number)));
    stretches = stretches.flatMap((stretch) => upTo(stretch, first.number));
    broken = append(stretches, owned);
  }
  const events = endOf(stretches);
  const last = stretches.at(-1)?.batch;
  // What those knew who were cut off does not count either.
  const isCutOff = (claim: Claim) =>
    last !== undefined && (claim.epoch < last.epoch || (claim.epoch === last.epoch && claim.owner !== last.owner));
  const known = Math.max(0, ...claims.map((claim) => (isCutOff(claim) ? 0 : (claim.info?.events ?? 0))));
  const epoch = Math.max(0, ...claims.map((claim) => claim.epoch), ...batches.map((batch) => batch.epoch));
  const claim = lastClaim(claims.filter((one) => one.epoch === epoch));
  return { stretches, events, broken: broken ?? (known > events ? "unseen" : undefined), conflicts, epoch, claim };
}

/** The batches of each epoch, of the one owner that counts, by position. */
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
    return all.filter(({ owner }) => owner === winner).sort((a, b) => a.number - b.number);
  });
}

/** Those who wrote under the epoch of another whose name comes first. */
function beaten(batches: readonly BatchRecord[], counted: ReadonlySet<BatchRecord>) {
  const lost = batches.filter((batch) => !counted.has(batch));
  return lost.map(({ owner, epoch, info }) => ({ owner, epoch, events: info?.events ?? 0 }));
}

/** Adds the batches of one owner up to the first gap, which is the answer. */
function append(stretches: Stretch[], batches: readonly BatchRecord[]): History["broken"] {
  for (const batch of batches) {
    if (batch !== batches[0] && batch.number !== endOf(stretches)) return "unseen";
    if (!batch.info) return "damaged";
    stretches.push({ batch, from: batch.number, to: batch.number + batch.info.events });
  }
  return undefined;
}

function endOf(stretches: readonly Stretch[]): number {
  return stretches.at(-1)?.to ?? 0;
}

function upTo(stretch: Stretch, end: number): Stretch[] {
  if (stretch.from >= end) return [];
  return [stretch.to <= end ? stretch : { ...stretch, to: end }];
}

function lost({ batch, from, to }: Stretch, end: number) {
  return { owner: batch.owner, epoch: batch.epoch, events: to - Math.max(from, end) };
}

function lastClaim(claims: readonly Claim[]): Claim | undefined {
  return claims.reduce<Claim | undefined>((best, claim) => {
    if (!best || claim.owner < best.owner) return claim;
    return claim.owner === best.owner && claim.number > best.number ? claim : best;
  }, undefined);
}
