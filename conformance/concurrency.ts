// Many at once: one wins where there is one thing to win, and nobody is mixed with others.

import { again, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { headsOf, journalOf, refuses, sees, seesJournal, seesOneHistory } from "./reading.js";
import { acquired, appended, batchOf, eventsOf, LEASE_MS, named, outputsOf, runIds, storedRun } from "./writing.js";

/** Cases on many calls at once. */
export const concurrency = casesOf("at once", {
  async "of many who want a run one gets it, and the others are told who"(createStore) {
    const store = createStore();
    const asking = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? store : again(createStore, store)));
    const owners = asking.map((one) => one.newId(0));
    const leases = await Promise.all(asking.map((one, i) => one.acquire("r", owners[i] as string, 0, LEASE_MS)));
    const winners = owners.filter((_, i) => !("heldBy" in (leases[i] as object)));
    if (store.capabilities.fencing === "none") return expect(winners.length >= 1, "Nobody got the run.");
    expect(winners.length === 1, `${winners.length} owners got the run.`);
    for (const lease of leases) {
      if ("heldBy" in lease) expectData(lease, { heldBy: winners[0], untilMs: LEASE_MS }, "who holds the run");
    }
  },

  async "who asks for different runs gets them all, under an epoch that fits"(createStore) {
    const store = createStore();
    const ids = runIds(20);
    const claims = await Promise.all(ids.map((runId) => acquired(store, runId)));
    await Promise.all(claims.map((at, i) => appended(store, ids[i] as string, at, eventsOf(`${i}`, 3))));
    const other = again(createStore, store);
    for (const [i, runId] of ids.entries()) await seesJournal(other, runId, eventsOf(`${i}`, 3));
    const listed = (await headsOf(other)).map(({ runId }) => runId);
    expectData(listed.toSorted(), ids.toSorted(), "the list of runs");
  },

  async "of several owners who write at once the last one wins"(createStore) {
    const store = createStore();
    const owners: { one: typeof store; at: Awaited<ReturnType<typeof acquired>>; mark: string }[] = [];
    for (let i = 0; i < 6; i++) {
      const one = again(createStore, store);
      owners.push({ one, at: await acquired(one, "r", i * LEASE_MS), mark: `owner ${i}` });
    }
    const last = owners.at(-1);
    await Promise.all(
      owners.map((owner) => {
        const writing = owner.one.append("r", owner.at, batchOf("r", 0, eventsOf(owner.mark, 3)));
        return owner === last ? writing : refuses(store, writing, "FENCED");
      }),
    );
    const [winner = [], ...others] = owners.toReversed().map(({ mark }) => eventsOf(mark, 3));
    await seesOneHistory([store, ...owners.map(({ one }) => one)], "r", [winner, ...others]);
  },

  async "an owner that is overtaken while it writes has written whole batches, and no more"(createStore) {
    const store = createStore();
    const other = again(createStore, store);
    let acknowledged = 0;
    let at = await acquired(store, "r");
    const writing = (async () => {
      for (let i = 0; i < 50; i++) {
        at = await appended(store, "r", at, eventsOf(`old ${i}`, 2));
        acknowledged++;
      }
    })().catch((error: { code?: string }) => expect(/FENCED|STORE_CONFLICT/.test(error.code ?? ""), `${error}`));
    const next = await acquired(other, "r", LEASE_MS);
    if (store.capabilities.fencing === "none") return void (await writing);
    await appended(other, "r", next, eventsOf("new", 2));
    await writing;
    const stored = next.seq / 2;
    expect(acknowledged <= stored, `Of ${acknowledged} acknowledged batches ${stored} were found by the next owner.`);
    const before = Array.from({ length: stored }, (_, i) => eventsOf(`old ${i}`, 2)).flat();
    await seesJournal(again(createStore, store), "r", [...before, ...eventsOf("new", 2)]);
  },

  async "an append that is sent many times at once is one"(createStore) {
    const store = createStore();
    const at = await acquired(store, "r");
    const batch = batchOf("r", 0, eventsOf("same", 3));
    await Promise.all(Array.from({ length: 8 }, () => store.append("r", at, batch)));
    await appended(store, "r", { ...at, seq: 3 }, eventsOf("next", 1));
    await seesJournal(again(createStore, store), "r", [...eventsOf("same", 3), ...eventsOf("next", 1)]);
  },

  async "a value that many store at once is there for all"(createStore) {
    const store = createStore();
    const value = await named(`["${"shared ".repeat(100)}"]`, [new Uint8Array(1_000)]);
    const ids = runIds(8);
    await Promise.all(
      ids.map((runId) => storedRun(store, runId, outputsOf([value]), { refers: [value.hash] }, [value])),
    );
    const other = again(createStore, store);
    for (const runId of ids) {
      expectData(await other.hasValues([{ hash: value.hash, runId, seq: 0 }]), [true], `the value of ${runId}`);
      await seesJournal(other, runId, outputsOf([value]));
    }
  },

  async "a lease is renewed while batches are written"(createStore) {
    const store = createStore();
    let at = await acquired(store, "r");
    const renewals: boolean[] = [];
    for (let i = 0; i < 10; i++) {
      const renewing = store.renew("r", at.epoch, i, LEASE_MS);
      at = await appended(store, "r", at, eventsOf(`${i}`, 1));
      renewals.push(await renewing);
    }
    expect(
      renewals.every((isRenewed) => isRenewed),
      "A renewal was refused.",
    );
    const reader = again(createStore, store);
    await sees(reader, async () => (await journalOf(reader, "r")).length, 10, "the number of events");
  },

  async "runs are removed while others are written"(createStore) {
    const store = createStore();
    const old = runIds(10);
    for (const runId of old) await storedRun(store, runId, eventsOf(runId, 2));
    const ids = old.map((runId) => `new ${runId}`);
    await Promise.all([store.remove(old), ...ids.map((runId) => storedRun(store, runId, eventsOf(runId, 2)))]);
    const other = again(createStore, store);
    const listed = async () => (await headsOf(other)).map(({ runId }) => runId).toSorted();
    await sees(other, listed, ids.toSorted(), "the list of runs");
    for (const runId of ids) await seesJournal(other, runId, eventsOf(runId, 2));
  },
});
