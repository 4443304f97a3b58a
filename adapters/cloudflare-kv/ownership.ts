// Who may write to a run, as far as this location sees: claims under keys of their own, each prolongation too. KV has no
// step that compares and writes, so two who do not see each other may both believe to own a run: history.ts decides.

import { HeddleError } from "../../src/errors.js";
import type { Held, Lease } from "../../src/ports.js";
import type { ClaimInfo } from "./checks.js";
import type { Client } from "./client.js";
import type { Keys } from "./keys.js";
import { putInfo } from "./records.js";
import { isRemoved, type Runs, type View } from "./runs.js";

/** A run that this store holds. */
export interface Holding {
  readonly run: string;
  readonly epoch: number;
  readonly owner: string;
  /** The owner in keys. */
  readonly ownerKey: string;
  /** Where its owner begins to write. */
  begin: number;
  /** How often the claim was prolonged. */
  claims: number;
  /** The number of events in the journal, as its owner knows it. */
  events: number;
}

/** The runs that this store owns. */
export class Ownership {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #runs: Runs;
  readonly #afterRemoval: (view: View) => Promise<void>;
  readonly #held = new Map<string, Holding>();

  /** `afterRemoval` is called when a run turns out to have been removed while it was held. */
  constructor(client: Client, keys: Keys, runs: Runs, afterRemoval: (view: View) => Promise<void>) {
    this.#client = client;
    this.#keys = keys;
    this.#runs = runs;
    this.#afterRemoval = afterRemoval;
  }

  /** The run if it is held like that. @throws HeddleError `FENCED`. */
  holding(runId: string, epoch: number, owner: string): Holding {
    const held = this.#held.get(runId);
    if (held?.epoch === epoch && held.owner === owner) return held;
    throw new HeddleError(
      "FENCED",
      `Run "${runId}" is not held under epoch ${epoch}: it was given back, or taken over.`,
    );
  }

  /** The run if it is held under this epoch. */
  find(runId: string, epoch: number): Holding | undefined {
    const held = this.#held.get(runId);
    return held?.epoch === epoch ? held : undefined;
  }

  async acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held> {
    const view = await this.#runs.view(runId);
    const refused = heldAt(view, now);
    if (refused) return refused;
    if (view.history.broken) throw this.#runs.brokenAt(view);
    const { events } = view.history;
    const ownerKey = await this.#runs.nameInKey(owner);
    const held = { run: view.run, epoch: view.history.epoch + 1, owner, ownerKey, begin: events, claims: 0, events };
    await this.#claim(held, { until: now + leaseMs, owner });
    const after = await this.#runs.view(runId);
    if (!isOurs(after, held)) return (await this.#giveWay(held, after, now)) as Held;
    // What its last owner wrote may have come in between.
    if (!after.history.broken) held.begin = held.events = Math.max(events, after.history.events);
    this.#held.set(runId, held);
    return { epoch: held.epoch, events: held.events };
  }

  async renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean> {
    const held = this.find(runId, epoch);
    if (!held) return false;
    if (!(await this.isOurs(runId, held))) return false;
    // It may have been given back meanwhile.
    if (this.#held.get(runId) !== held) return false;
    const before = this.#claimKey(held);
    const count = ++held.claims;
    await this.#claim(held, { until: now + leaseMs, owner: held.owner });
    // The first claim stays: it shows the epoch, however late the others are seen.
    if (count > 1) await this.#client.delete([{ key: before, metadata: undefined }]);
    return true;
  }

  async release(runId: string, epoch: number): Promise<void> {
    const held = this.find(runId, epoch);
    if (!held) return;
    this.#held.delete(runId);
    held.claims++;
    await this.#claim(held, { until: 0, owner: held.owner, events: held.events });
  }

  /** Looks whether somebody has taken the run; then it is held no more. */
  async isOurs(runId: string, held: Holding): Promise<boolean> {
    const view = await this.#runs.view(runId);
    if (isOurs(view, held)) return true;
    this.#held.delete(runId);
    // What was written since then would stay. If that fails, the next removal finds it.
    if (isRemoved(view)) await this.#afterRemoval(view).catch(() => {});
    return false;
  }

  forget(runId: string): void {
    this.#held.delete(runId);
  }

  /** Another owner was first: ours ends. */
  async #giveWay(held: Holding, { history }: View, now: number): Promise<Held> {
    held.claims++;
    await this.#claim(held, { until: 0, owner: held.owner });
    const { owner = "unknown", until = now } = history.claim?.info ?? {};
    return { heldBy: owner, untilMs: Math.max(until, now) };
  }

  #claim(held: Holding, info: ClaimInfo): Promise<void> {
    return putInfo(this.#client, this.#claimKey(held), info);
  }

  #claimKey({ run, epoch, ownerKey: owner, claims: number }: Holding): string {
    return this.#keys.record(run, { epoch, owner, kind: "claim", number });
  }
}

function heldAt({ history: { claim } }: View, now: number): Held | undefined {
  if (!claim?.info || claim.info.until <= now) return undefined;
  return { heldBy: claim.info.owner, untilMs: claim.info.until };
}

/** True if nobody is seen who came later, or at the same time under a name that comes first. */
function isOurs(view: View, held: Holding): boolean {
  const { epoch, claim } = view.history;
  if (epoch !== held.epoch) return epoch < held.epoch;
  if (isRemoved(view)) return false;
  return claim === undefined || claim.owner >= held.ownerKey;
}
