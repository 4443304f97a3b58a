// One of several processes that fight over one run. Told to by its parent, it tries to take the run, and if it wins,
// appends events as fast as it can until it is fenced.

import process from "node:process";
import type { HeddleError, JournalEvent, Lease, RunHead } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { type Attempted, type Ended, LEASE_MS, RUN } from "./fight.js";

const [directory = "", name = ""] = process.argv.slice(2);
const store = fileSystemStore(directory);

const send = (message: Attempted | Ended) => process.send?.(message);

async function attempt(now: number): Promise<void> {
  const owner = `${name}-${now}`;
  const lease = await store.acquire(RUN, owner, now, LEASE_MS);
  if ("heldBy" in lease) return void send({ type: "attempted", now });
  send({ type: "attempted", now, epoch: lease.epoch });
  send(await appendUntilFenced(owner, lease));
}

async function appendUntilFenced(owner: string, { epoch, events }: Lease): Promise<Ended> {
  const acknowledged: string[] = [];
  for (let seq = events; ; ) {
    const size = 1 + (seq % 3);
    const ids = Array.from({ length: size }, (_, i) => `${epoch}:${seq + i}`);
    const batch: JournalEvent[] = ids.map((reason) => ({ type: "run-paused", at: 0, reason }));
    const head: RunHead = { runId: RUN, dag: "d", status: "paused", startedAt: 0, updatedAt: 0, events: seq + size };
    try {
      const rest = { values: new Map(), refers: [], head, durable: seq % 5 === 0 };
      await store.append(RUN, { epoch, seq, owner }, { events: batch, ...rest });
    } catch (error) {
      return { type: "ended", epoch, acknowledged, unacknowledged: ids, code: (error as HeddleError).code };
    }
    acknowledged.push(...ids);
    seq += size;
  }
}

process.on("message", ({ now }: { now: number }) => void attempt(now));
// A test that failed leaves nobody to fence the winner.
process.on("disconnect", () => process.exit());
