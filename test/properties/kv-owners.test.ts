// Several owners who drive one run on KV at once, in every order of their operations, seeing each other at once or late:
// each event tells which one its owner saw before it, so a history that mixes two owners is found. Whatever happens, all
// readers come to the same, and the run can be taken again.

import { HeddleError, type JournalEvent, type Store, type WritePosition } from "heddle";
import { cloudflareKvStore } from "heddle/adapters/cloudflare-kv";
import { describe, expect, test } from "vitest";
import { appended, named, outputsOf } from "../../conformance/writing.js";
import { FaultyKv } from "../support/faulty-kv.js";
import { Draws } from "../support/mutate-records.js";
import { Turns } from "../support/turns.js";

const SEEDS = Number(process.env.SEEDS ?? (process.env.CHAOS ? 5_000 : 150));
// A failing seed is repeated alone with SEED=… SEEDS=1.
const FIRST_SEED = Number(process.env.SEED ?? 1);
const LEASE_MS = 10;
const LOCATIONS = ["ams", "syd", "iad"];

/** What may be said to an owner who was stopped or beaten, or to a reader of what is not there yet. */
const SAID = new Set(["FENCED", "STORE_STALE", "STORE_UNAVAILABLE"]);

const silent = { onWarning: () => {}, retryAfterMs: 0 };

/** One run, and what happened to it. */
class Fight {
  readonly kv: FaultyKv;
  readonly draws: Draws;
  readonly turns: Turns;
  readonly log: string[] = [];
  /** How many batches were written. */
  written = 0;
  /** True if values may be gone. */
  wasPruned = false;
  #now = 0;
  #made = 0;

  constructor(seed: number, lag: number) {
    this.draws = new Draws(seed);
    this.kv = new FaultyKv(lag > 0 ? { lag: () => lag } : {});
    this.turns = new Turns((below) => this.draws.below(below));
  }

  /** One whose user takes turns with the others, and may be stopped anywhere. */
  store(location: string): Store {
    const operations = this.draws.below(3) > 0 ? undefined : this.draws.below(20);
    return cloudflareKvStore(this.turns.of(this.kv.at(location), operations), silent);
  }

  storeAfterwards(location: string): Store {
    return cloudflareKvStore(this.kv.at(location), silent);
  }

  /** A driver: takes the run, goes on from what it sees, prunes it, gives it back or dies; several times. */
  async drive(name: string, withRemovals: boolean): Promise<void> {
    for (let time = 0; time < 3; time++) {
      const location = this.draws.one(LOCATIONS);
      const store = this.store(location);
      try {
        if (withRemovals && this.draws.below(8) === 0) {
          this.log.push(`${name} removes`);
          await store.remove(["r"]);
        } else await this.#own(store, `${name}${time}`, location);
      } catch (error) {
        if (!(error instanceof HeddleError) || !SAID.has(error.code)) throw error;
        this.log.push(`${name} is told ${error.code}`);
      }
    }
  }

  async #own(store: Store, name: string, location: string): Promise<void> {
    // Later than the lease of the last one, or not.
    this.#now += this.draws.below(2 * LEASE_MS);
    const lease = await store.acquire("r", name, this.#now, LEASE_MS);
    if ("heldBy" in lease) return;
    const before = await journalOf(store);
    this.log.push(`${name} at ${location} takes it under ${lease.epoch}, with ${lease.events} events`);
    expect(before, "what an owner reads after it took the run").toHaveLength(lease.events);
    let last = before.at(-1);
    let at: WritePosition = { epoch: lease.epoch, owner: name, seq: lease.events };
    for (let left = this.draws.below(4); left > 0; left--) {
      // Some store what another has stored already.
      const value = await named(`["${this.draws.below(3)}"]`);
      const events = outputsOf([value]).map((event) => ({ ...event, path: `${this.#made++}<${idOf(last)}` }));
      last = events.at(-1);
      this.log.push(`${name} writes ${idOf(last)}`);
      const isApart = this.draws.below(2) === 0;
      if (isApart) await store.putValue("r", value.hash, value.encoded);
      const values = new Map(isApart ? [] : [[value.hash, value.encoded]]);
      at = await appended(store, "r", at, events, { values, refers: [value.hash] });
      this.written++;
      if (this.draws.below(4) === 0 && !(await store.renew("r", lease.epoch, this.#now, LEASE_MS))) return;
    }
    if (this.draws.below(4) === 0) {
      this.log.push(`${name} prunes`);
      this.wasPruned = true;
      await store.prune([{ runId: "r", epoch: lease.epoch, keep: new Set() }]);
    } else if (this.draws.below(3) > 0) await store.release("r", lease.epoch);
  }
}

async function journalOf(store: Store): Promise<readonly JournalEvent[]> {
  const events: JournalEvent[] = [];
  for (let more = true; more; ) {
    const page = await store.read("r", events.length, 3);
    events.push(...page.events);
    more = page.more;
  }
  return events;
}

function idOf(event: JournalEvent | undefined): string {
  return ((event as { readonly path?: string } | undefined)?.path ?? "").split("<")[0] as string;
}

/** Each event follows the one that its owner saw. */
function expectUnmixed(events: readonly JournalEvent[]): void {
  for (const [i, event] of events.entries()) {
    const [, before] = (event as { readonly path: string }).path.split("<");
    expect(before, `what event ${i} follows`).toBe(idOf(events[i - 1]));
  }
}

/** The values of these events are there. */
async function expectValues(store: Store, events: readonly JournalEvent[]): Promise<void> {
  const at = events.map((event, seq) => ({ hash: (event as { output: string }).output.slice(1), runId: "r", seq }));
  for (const where of at) expect(await store.getValue(where), `the value of event ${where.seq}`).toBeDefined();
  expect(await store.hasValues(at)).not.toContain(false);
}

/** Reads now and then while others write. */
async function watch(fight: Fight): Promise<void> {
  for (let look = 0; look < 6; look++) {
    const store = fight.store(fight.draws.one(LOCATIONS));
    const { events } = await store.read("r", 0, 100).catch((error: HeddleError) => {
      if (!SAID.has(error.code)) throw error;
      return { events: [] };
    });
    expectUnmixed(events);
  }
}

describe.each([
  ["at once", 0, false],
  ["at once, and remove it", 0, true],
  ["late", 40, false],
  ["late, and remove it", 40, true],
])("owners who see each other %s", (_, lag, withRemovals) => {
  test(`${SEEDS} orders`, { timeout: 3_600_000 }, async () => {
    let [written, counted] = [0, 0];
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const fight = new Fight(seed, lag);
      try {
        const names = ["a", "b", "c"];
        await fight.turns.run([...names.map((name) => () => fight.drive(name, withRemovals)), () => watch(fight)]);
        fight.kv.wait(1_000);
        const histories = [];
        for (const location of LOCATIONS) histories.push(await journalOf(fight.storeAfterwards(location)));
        for (const history of histories) expect(history).toEqual(histories[0]);
        expectUnmixed(histories[0] ?? []);
        if (!fight.wasPruned) await expectValues(fight.storeAfterwards("iad"), histories[0] ?? []);
        written += fight.written;
        counted += histories[0]?.length ?? 0;
        const next = await fight.storeAfterwards("ams").acquire("r", "next", 1_000_000, LEASE_MS);
        expect(next).toMatchObject({ events: histories[0]?.length });
        await fight.storeAfterwards("ams").remove(["r"]);
        expect(fight.kv.keys().filter((key) => !key.includes("/%/"))).toEqual([]);
      } catch (error) {
        throw new Error(`SEED=${seed}, after:\n${fight.log.join("\n")}\n${error}`, { cause: error });
      }
    }
    console.log(`${written} batches were written, ${counted} of them count in the end`);
    expect(counted).toBeGreaterThan(SEEDS);
  });
});
