// What a store has, and what it may say where its reads lag behind or where nobody is fenced off.

import type { ErrorCode, JournalEvent, RunHead, Store } from "../src/index.js";
import { turn } from "./clock.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { printed } from "./printed.js";

const PAGE = 1_000;

/** All events of a run, read page by page. */
export async function journalOf(store: Store, runId: string, limit = PAGE): Promise<readonly JournalEvent[]> {
  const all: JournalEvent[] = [];
  for (let more = true; more; ) {
    const page = await store.read(runId, all.length, limit);
    expect(page.events.length <= limit, `A read of ${limit} events gave ${page.events.length}.`);
    expect(page.events.length > 0 || !page.more, `A read from ${all.length} on gave nothing, and says there is more.`);
    all.push(...page.events);
    more = page.more;
  }
  return all;
}

/** All runs that a store lists, read page by page. */
export async function headsOf(store: Store, query: object = {}, limit = PAGE): Promise<readonly RunHead[]> {
  const all: RunHead[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.heads({ ...query, limit, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.heads.length <= limit, `A list of at most ${limit} runs has ${page.heads.length}.`);
    expect(page.cursor !== cursor || cursor === undefined, "The cursor of a list of runs does not move on.");
    all.push(...page.heads);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

const MOST_LOOKS = 1_000;

/** Checks what a read gives: at once if reads are strong, otherwise as soon as it is seen. */
export async function sees<T>(store: Store, look: () => Promise<T>, expected: T, what: string): Promise<void> {
  if (store.capabilities.reads === "eventual") {
    for (let looks = 1; looks < MOST_LOOKS && !isEqual(await look(), expected); looks++) await turn();
  }
  expectData(await look(), expected, what);
}

/** Checks the whole journal of a run. */
export function seesJournal(store: Store, runId: string, expected: readonly JournalEvent[]): Promise<void> {
  return sees(store, () => journalOf(store, runId), expected, `the journal of run ${printed(runId)}`);
}

/**
 * Checks that a writer who lost the run is refused. Where nothing is fenced its write may also succeed in vain: which
 * of two histories counts is then found out on reading.
 */
export async function refuses(store: Store, write: Promise<unknown>, code: ErrorCode): Promise<void> {
  if (store.capabilities.fencing === "atomic") await rejects(write, code);
  else if (await succeeds(write)) return;
  else await rejects(write, "FENCED", "STORE_CONFLICT");
}

/**
 * Checks the journal after a fight: that of the winner; where nothing is fenced, that of either writer, but for every
 * reader the same.
 */
export async function seesOneHistory(
  stores: readonly Store[],
  runId: string,
  [winner, ...others]: readonly [readonly JournalEvent[], ...(readonly JournalEvent[])[]],
): Promise<void> {
  const [first] = stores as readonly [Store];
  if (first.capabilities.fencing === "atomic") {
    for (const store of stores) await seesJournal(store, runId, winner);
    return;
  }
  const seen = await journalOf(first, runId);
  const isWhole = [winner, ...others].some((history) => isEqual(seen, history));
  expect(isWhole, `The journal of run ${printed(runId)} is that of no writer: ${printed(seen)}.`);
  for (const store of stores) await seesJournal(store, runId, seen);
}

function succeeds(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}

function isEqual(actual: unknown, expected: unknown): boolean {
  try {
    expectData(actual, expected, "it");
    return true;
  } catch {
    return false;
  }
}
