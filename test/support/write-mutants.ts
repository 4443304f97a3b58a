// Faults of what writes: appends, leases, removal and pruning.

import type { Batch, Held, Lease } from "heddle";
import { appending, type Mutant, mutant } from "./mutant.js";

/** Faults by name. */
export const WRITE_MUTANTS: Readonly<Record<string, Mutant>> = {
  "append ignores the epoch": mutant(
    "Two processes write one run, and their histories mix.",
    "fencing: an owner whose lease was over and whose run was taken is fenced off",
    (inner) => {
      const latest = new Map<string, { owner: string; epoch: number }>();
      return {
        acquire: async (runId, owner, now, leaseMs) => {
          const lease = await inner.acquire(runId, owner, now, leaseMs);
          if (!("heldBy" in lease)) latest.set(runId, { owner, epoch: lease.epoch });
          return lease;
        },
        append: (runId, at, batch) => inner.append(runId, { ...at, ...latest.get(runId) }, batch),
      };
    },
  ),

  "append ignores the owner": mutant(
    "Who only knows the epoch of a run writes to it.",
    "fencing: somebody else under the right epoch is fenced off",
    (inner) => {
      const owners = new Map<string, string>();
      return {
        acquire: async (runId, owner, now, leaseMs) => {
          const lease = await inner.acquire(runId, owner, now, leaseMs);
          if (!("heldBy" in lease)) owners.set(`${runId} ${lease.epoch}`, owner);
          return lease;
        },
        append: (runId, at, batch) =>
          inner.append(runId, { ...at, owner: owners.get(`${runId} ${at.epoch}`) ?? at.owner }, batch),
      };
    },
  ),

  "append ignores the position": mutant(
    "A writer that is wrong about the journal writes over a gap.",
    "fencing: an append at a position that is not the end is a conflict",
    (inner) => ({
      append: async (runId, at, batch) => {
        const { events } = await inner.read(runId, 0, Number.POSITIVE_INFINITY);
        return inner.append(runId, { ...at, seq: events.length }, batch);
      },
    }),
  ),

  "append twice stores twice": mutant(
    "Who retries a write that had arrived has every event twice.",
    "repeated append: an append that is repeated is stored once",
    (inner) => ({
      append: async (runId, at, batch) => {
        const { events } = await inner.read(runId, 0, Number.POSITIVE_INFINITY);
        const isRepeated = events.length === at.seq + batch.events.length && batch.events.length > 0;
        return inner.append(runId, isRepeated ? { ...at, seq: events.length } : at, batch);
      },
    }),
  ),

  "append drops the last event of large batches": appending(
    "A limit of the platform cuts batches.",
    "journal: events come back in the order in which they were appended, over many batches",
    (batch) => (batch.events.length < 5 ? batch : { ...batch, events: batch.events.slice(0, -1) }),
  ),

  "append keeps the first head": mutant(
    "The list of runs shows how each run began.",
    "batch: the head is that of the last batch",
    (inner) => {
      const heads = new Map<string, Batch["head"]>();
      return {
        append: (runId, at, batch) => {
          const head = heads.get(runId) ?? batch.head;
          heads.set(runId, head);
          return inner.append(runId, at, { ...batch, head });
        },
      };
    },
  ),

  "append stores values although it is refused": mutant(
    "What nobody refers to fills the disk.",
    "batch: an append at a wrong position leaves nothing",
    (inner) => ({
      append: async (runId, at, batch) => {
        for (const [hash, value] of batch.values) await inner.putValue(runId, hash, value);
        return inner.append(runId, at, batch);
      },
    }),
  ),

  "append forgets what it refers to": appending(
    "A removed run takes values with it that its replays use.",
    "remove: values that other runs refer to stay, whoever stored them",
    (batch) => ({
      ...batch,
      refers: [...batch.values.keys()],
    }),
  ),

  "renew is always true": mutant(
    "A driver that lost its run goes on for nothing.",
    "lease: a lease that was lost is not renewed, and the new one is left alone",
    (inner) => ({
      renew: async (...args) => (await inner.renew(...args)) || true,
    }),
  ),

  "renew does not prolong": mutant(
    "The run of a live driver is given away.",
    "lease: a lease that is renewed lasts longer",
    () => ({ renew: async () => true }),
  ),

  "acquire gives away what is held": mutant(
    "Two drivers execute one run.",
    "lost run: a live owner renews its lease, and nobody gets its run",
    (inner) => ({
      acquire: (runId, owner, now, leaseMs) => inner.acquire(runId, owner, now + 1e12, leaseMs),
    }),
  ),

  "acquire waits for leases that are over": mutant(
    "Nobody can go on with the run of a dead process.",
    "lease: a lease that is over is given away",
    (inner) => ({
      acquire: (runId, owner, now, leaseMs): Promise<Lease | Held> => inner.acquire(runId, owner, now, leaseMs * 1e6),
    }),
  ),

  "release does nothing": mutant(
    "Who wants to go on must wait for the lease.",
    "lease: a run that was released is free at once, and its lease cannot be renewed",
    () => ({ release: async () => {} }),
  ),

  "the epoch begins anew after a removal": mutant(
    "The owner of a removed run writes to its successor.",
    "fencing: the owner of a removed run does not fit a new run of the same name",
    (inner) => {
      const shifts = new Map<string, number>();
      const shift = (runId: string) => shifts.get(runId) ?? 0;
      const latest = new Map<string, number>();
      return {
        acquire: async (runId, owner, now, leaseMs) => {
          const lease = await inner.acquire(runId, owner, now, leaseMs);
          if ("heldBy" in lease) return lease;
          latest.set(runId, lease.epoch);
          return { ...lease, epoch: lease.epoch - shift(runId) };
        },
        append: (runId, at, batch) => inner.append(runId, { ...at, epoch: at.epoch + shift(runId) }, batch),
        release: (runId, epoch) => inner.release(runId, epoch + shift(runId)),
        remove: async (runIds) => {
          await inner.remove(runIds);
          for (const runId of runIds) shifts.set(runId, latest.get(runId) ?? 0);
        },
      };
    },
  ),

  "remove leaves values": mutant(
    "Removing runs frees nothing.",
    "remove: a removed run has no journal, no head and no values",
    (inner) => ({
      append: async (runId, at, batch) => {
        await inner.append(runId, at, batch);
        // Somebody else seems to refer to all of them.
        const shadow = `shadow ${runId} ${at.epoch} ${at.seq}`;
        const lease = await inner.acquire(shadow, "shadow", 0, 1);
        if ("heldBy" in lease) return;
        const head = { ...batch.head, runId: shadow };
        await inner.append(shadow, { epoch: lease.epoch, seq: 0, owner: "shadow" }, { ...batch, head });
      },
      heads: async (query) => {
        const { heads, ...rest } = await inner.heads(query);
        return { heads: heads.filter(({ runId }) => !runId.startsWith("shadow ")), ...rest };
      },
    }),
  ),

  "remove takes the first run alone": mutant(
    "Of many old runs all but one stay.",
    "remove: many runs are removed at once, and their neighbours stay",
    (inner) => ({
      remove: (runIds) => inner.remove(runIds.slice(0, 1)),
    }),
  ),

  "prune keeps everything": mutant(
    "A full disk stays full.",
    "prune: values go, and events, head and what is kept stay",
    (inner) => ({
      prune: async (runs) => {
        for (const { runId, epoch } of runs) await inner.release(runId, epoch);
      },
    }),
  ),

  "prune keeps nothing": mutant(
    "What was pruned cannot be looked at any more.",
    "retention: without its payloads a run can still be looked at, and says when they went",
    (inner) => ({
      prune: (runs) => inner.prune(runs.map((run) => ({ ...run, keep: new Set<string>() }))),
    }),
  ),

  "writes are buffered": mutant(
    "What was acknowledged is lost when the process dies.",
    "batch: events, values and head are there together",
    (inner) => {
      const late: (() => Promise<unknown>)[] = [];
      return {
        append: async (runId, at, batch) => {
          for (const write of late.splice(0)) await write();
          late.push(() => inner.append(runId, at, batch));
        },
      };
    },
  ),
};
