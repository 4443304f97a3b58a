// Counts what is there: what stands beside keys tells how large everything is.

import type { StoreUsage } from "../../src/ports.js";
import type { Client, Listed } from "./client.js";
import { type Keys, nameOfKey } from "./keys.js";
import { type Records, recordsIn } from "./records.js";
import type { Runs } from "./runs.js";
import { valuesInfo } from "./values.js";

/** What the runs of a namespace take. */
export async function usageOf({ client, keys, runs }: { client: Client; keys: Keys; runs: Runs }): Promise<StoreUsage> {
  const byRun = new Map<string, Listed[]>();
  for (const listed of await client.list(keys.run())) {
    const run = keys.partsOf(listed.key)?.run;
    if (run === undefined) continue;
    const same = byRun.get(run);
    if (same) same.push(listed);
    else byRun.set(run, [listed]);
  }
  let bytes = 0;
  const taken = [];
  for (const [run, listed] of byRun) {
    const records = await recordsIn(client, keys, listed);
    const size = sizeOf(records);
    bytes += size.bytes;
    // What is there for others alone is no run.
    if (records.batches.length > 0) taken.push({ runId: await nameOf(runs, run, records), ...size });
  }
  return { bytes, runs: taken };
}

function sizeOf({ batches, owned, shared }: Records): { readonly bytes: number; readonly payloadBytes: number } {
  const own = owned.map(valuesInfo);
  const bytes = [...batches.map(({ info }) => info), ...own, ...shared.map(valuesInfo)].map((info) => info?.bytes ?? 0);
  const goes = own.map((info) => (info?.stays ? 0 : (info?.bytes ?? 0)));
  const payload = [...batches.map(({ info }) => info?.payload ?? 0), ...goes];
  return { bytes: sum(bytes), payloadBytes: sum(payload) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** The name of a run, which in its keys may be a hash. */
async function nameOf(runs: Runs, run: string, { batches }: Records): Promise<string> {
  const short = nameOfKey(run);
  if (short !== undefined) return short;
  for (const { info, key } of batches) {
    const name = info?.head?.runId ?? (await runs.nameIn(key));
    if (name !== undefined) return name;
  }
  return run;
}
