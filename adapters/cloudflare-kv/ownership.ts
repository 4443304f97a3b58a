// Who may write to a run, as far as this location sees: claims under keys of their own, each prolongation too. KV has no
// step that compares and writes, so two who do not see each other may both believe to own a run: history.ts decides.

import { HeddleError } from "../../src/errors.js";
import type { Held, Lease } from "../../src/ports.js";
import type { ClaimInfo } from "./checks.js";
import type { Client } from "./client.js";
import { type Keys, numbered, type Term, termIn } from "./keys.js";
import { putInfo } from "./records.js";
import { isRemoved, type Runs, type View } from "./runs.js";

/** A run that this store holds. */
export interface Holding extends Term {
  readonly run: string;
  /** The name of its owner, which in keys may be a hash. */
  readonly name: string;
  /** Where it began to write, and who wrote the event before that. */
  readonly begin: number;
  readonly on?: string;
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

  /** The run, if it is held; under this epoch and by this owner, if they are given. @throws HeddleError `FENCED`. */
  holding(runId: string, epoch?: number, owner?: string): Holding {
    const held = this.find(runId, epoch);
    if (held && (owner === undefined || held.name === owner)) return held;
    throw notHeld(runId, epoch);
  }

  /** The run if it is held; under this epoch, if one is given. */
  find(runId: string, epoch?: number): Holding | undefined {
    const held = this.#held.get(runId);
    return epoch === undefined || held?.epoch === epoch ? held : undefined;
  }

  async acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held> {
    const before = await this.#runs.view(runId);
    const refused = heldAt(before, now);
    if (refused) return refused;
    if (before.history.broken) throw this.#runs.brokenAt(before);
    const term = { epoch: before.history.epoch + 1, owner: await this.#runs.nameInKey(owner) };
    const first = { until: now + leaseMs, owner, ...knownIn(before) };
    await this.#claim(before.run, term, 0, first);
    const after = await this.#runs.view(runId);
    if (!isOurs(after, term) || hasRival(after, term)) return this.#giveWay(after, term, now);
    // What its last owner wrote may have come in between.
    const seen = after.history.broken ? before : after;
    const { events, ...known } = knownIn(seen);
    const held = { run: seen.run, ...term, name: owner, begin: events, ...known, claims: 0, events };
    this.#held.set(runId, held);
    this.#runs.take(seen);
    return { epoch: held.epoch, events };
  }

  async renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean> {
    const held = this.find(runId, epoch);
    if (!held || !(await this.#look(runId, held))) return false;
    // It may have been given back meanwhile.
    if (this.#held.get(runId) !== held) return false;
    const before = this.#claimKey(held.run, held, held.claims);
    const count = ++held.claims;
    await this.#claim(held.run, held, count, { until: now + leaseMs, owner: held.name });
    // The first claim stays: it shows the epoch, however late the others are seen.
    if (count > 1) await this.#client.delete([{ key: before }]);
    return true;
  }

  async release(runId: string, epoch: number): Promise<void> {
    const held = this.find(runId, epoch);
    if (!held) return;
    this.forget(runId);
    const { run, name, begin, events } = held;
    const on = events > begin ? termIn(held) : held.on;
    await this.#claim(run, held, held.claims + 1, { until: 0, owner: name, events, ...(on && { on }) });
  }

  /** How a run stands that is still held. @throws HeddleError `FENCED` if it turns out that it is not. */
  async expectOurs(runId: string, held: Holding): Promise<View> {
    const view = await this.#look(runId, held);
    if (view) return view;
    throw notHeld(runId, held.epoch);
  }

  forget(runId: string): void {
    this.#held.delete(runId);
    this.#runs.changed(runId);
  }

  /** Looks whether somebody has taken a run, or removed it: then it is held no more, and nothing is returned. */
  async #look(runId: string, held: Holding): Promise<View | undefined> {
    const view = await this.#runs.view(runId);
    if (isOurs(view, held)) return view;
    this.forget(runId);
    // What was written since then would stay. If that fails, the next removal finds it.
    if (isRemoved(view)) await this.#afterRemoval(view).catch(() => {});
    return undefined;
  }

  /** Another owner was first: ours ends. */
  async #giveWay({ run, claims, history }: View, term: Term, now: number): Promise<Held> {
    await this.#client.delete([{ key: this.#claimKey(run, term, 0) }]);
    const other = claims.findLast((claim) => claim.epoch === history.epoch && claim.owner !== term.owner);
    const { owner = "unknown", until = now } = other?.info ?? {};
    return { heldBy: owner, untilMs: Math.max(until, now) };
  }

  #claim(run: string, term: Term, count: number, info: ClaimInfo): Promise<void> {
    return putInfo(this.#client, this.#claimKey(run, term, count), info);
  }

  #claimKey(run: string, term: Term, count: number): string {
    return this.#keys.owned(run, term, "claim", numbered(count));
  }
}

function notHeld(runId: string, epoch: number | undefined): HeddleError {
  const under = epoch === undefined ? "" : ` under epoch ${epoch}`;
  return new HeddleError("FENCED", `Run "${runId}" is not held${under}: it was given back, or taken over.`);
}

/** How far a journal goes, and who wrote the last event of it. */
function knownIn({ history: { events, last } }: View): { readonly events: number; readonly on?: string } {
  return { events, ...(last && { on: last }) };
}

function heldAt({ history: { claim } }: View, now: number): Held | undefined {
  if (!claim?.info || claim.info.until <= now) return undefined;
  return { heldBy: claim.info.owner, untilMs: claim.info.until };
}

/** True if nobody is seen who came later, or at the same time under a name that comes first. */
function isOurs(view: View, { epoch, owner, on }: Term & Pick<Holding, "on">): boolean {
  const { claim, ...history } = view.history;
  if (on && history.isRemoved(on)) return false;
  if (epoch !== history.epoch) return epoch > history.epoch;
  if (isRemoved(view)) return false;
  return claim === undefined || claim.owner >= owner;
}

/** True if somebody who came at the same time has written already. */
function hasRival({ batches }: View, { epoch, owner }: Term): boolean {
  return batches.some((batch) => batch.epoch === epoch && batch.owner !== owner);
}
