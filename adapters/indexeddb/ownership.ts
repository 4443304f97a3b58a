// Who may write to a run: a record with an epoch, changed in transactions, and a Web Lock that tells whether the owner
// still lives.

import type { Held, Lease } from "../../src/ports.js";
import { holdLock, isGone, type Release } from "./alive.js";
import { checkedRun } from "./checks.js";
import type { Database } from "./database.js";
import type { Keys } from "./keys.js";
import { NO_RUN, type StoredRun } from "./layout.js";

/** What a lock of this store stands for. */
interface Holding {
  readonly epoch: number;
  readonly release: Release | undefined;
}

/** The runs that this store owns, and how it comes to own them. */
export class Ownership {
  readonly #db: Database;
  readonly #keys: Keys;
  readonly #held = new Map<string, Holding>();

  constructor(db: Database, keys: Keys) {
    this.#db = db;
    this.#keys = keys;
  }

  async acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held> {
    // Held before the claim is written: whoever sees the claim can ask for the lock.
    const release = await holdLock(owner);
    try {
      const claim = { owner, isLocked: release !== undefined, leaseUntil: now + leaseMs };
      let lease = await this.#claim(runId, claim, now);
      if ("heldBy" in lease && lease.isLocked && (await isGone(lease.heldBy))) {
        lease = await this.#claim(runId, claim, now, lease.heldBy);
      }
      if ("heldBy" in lease) {
        release?.();
        return { heldBy: lease.heldBy, untilMs: lease.untilMs };
      }
      this.letGo(runId);
      this.#held.set(runId, { epoch: lease.epoch, release });
      return lease;
    } catch (error) {
      release?.();
      throw error;
    }
  }

  async renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean> {
    const isRenewed = await this.#update(runId, epoch, (run) => ({ ...run, leaseUntil: now + leaseMs }));
    if (!isRenewed) this.letGo(runId, epoch);
    return isRenewed;
  }

  async release(runId: string, epoch: number): Promise<void> {
    await this.#update(runId, epoch, (run) => ({ ...run, owner: undefined }));
    this.letGo(runId, epoch);
  }

  /** Takes a run that nobody holds at `now`, or only the owner that is known to be dead. */
  #claim(
    runId: string,
    claim: Pick<StoredRun, "owner" | "isLocked" | "leaseUntil">,
    now: number,
    dead?: string,
  ): Promise<Lease | (Held & Pick<StoredRun, "isLocked">)> {
    let claimed: number | undefined;
    return this.#db.write(["runs"], async (tx) => {
      const runs = tx.objectStore("runs");
      const stored = await runs.get(this.#keys.run(runId));
      const run = checkedRun(stored, runId, this.#db.name) ?? NO_RUN;
      // Done the second time: the first was stored after all.
      if (run.owner === claim.owner && run.epoch === claimed) return { epoch: run.epoch, events: run.events };
      if (run.owner !== undefined && run.owner !== dead && run.leaseUntil > now) {
        return { heldBy: run.owner, untilMs: run.leaseUntil, isLocked: run.isLocked };
      }
      claimed = run.epoch + 1;
      await runs.put({ ...run, ...claim, epoch: claimed }, this.#keys.run(runId));
      return { epoch: claimed, events: run.events };
    });
  }

  /** Changes the record of a run that is held under this epoch; false if it is not. */
  #update(runId: string, epoch: number, change: (run: StoredRun) => StoredRun): Promise<boolean> {
    return this.#db.write(["runs"], async (tx) => {
      const runs = tx.objectStore("runs");
      const run = await runs.get(this.#keys.run(runId));
      if (run?.epoch !== epoch || run.owner === undefined) return false;
      await runs.put(change(run), this.#keys.run(runId));
      return true;
    });
  }

  /** Gives back the lock of an epoch, or of whichever there is. */
  letGo(runId: string, epoch?: number): void {
    const held = this.#held.get(runId);
    if (!held || (epoch !== undefined && held.epoch !== epoch)) return;
    this.#held.delete(runId);
    held.release?.();
  }

  letGoOfAll(): void {
    for (const runId of [...this.#held.keys()]) this.letGo(runId);
  }
}
