// The list of runs: their heads stand under keys that sort the newest first. A run has one for each status that it had
// when it was written; the first that is listed counts. The list lags behind more than anything else: it is a hint.

import { HeddleError } from "../../src/errors.js";
import type { HeadQuery, RunHead } from "../../src/ports.js";
import { readHead } from "../records.js";
import type { Client, Listed } from "./client.js";
import { type Keys, nameInKey } from "./keys.js";
import { infoOf } from "./records.js";

/** The most that KV lists at a time. */
const MOST_KEYS = 1_000;

/** Where a list of runs goes on: after the run that was listed last. */
interface Cursor {
  readonly cursor?: string;
  readonly run?: string;
}

/** The heads of one namespace. */
export class Heads {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #warn: (message: string) => void;

  constructor(client: Client, keys: Keys, warn: (message: string) => void) {
    this.#client = client;
    this.#keys = keys;
    this.#warn = warn;
  }

  async list(query: HeadQuery): Promise<{ readonly heads: readonly RunHead[]; readonly cursor?: string }> {
    const heads: RunHead[] = [];
    let { cursor, run } = cursorIn(query.cursor);
    for (;;) {
      // One key at a time at the end, so that the cursor of KV stands behind the last run that is given.
      const limit = Math.min(MOST_KEYS, Math.max(1, query.limit - heads.length));
      const page = await this.#client.page(this.#keys.heads(), cursor, limit);
      for (const listed of page.listed) {
        const name = this.#keys.runOfHead(listed.key);
        if (name === run) continue;
        run = name;
        const head = await this.#read(listed);
        if (head && isWanted(head, query)) heads.push(head);
      }
      cursor = page.cursor;
      if (cursor === undefined) return { heads };
      if (heads.length >= query.limit) return { heads, cursor: JSON.stringify({ cursor, run }) };
    }
  }

  /** Removes a run from the list. */
  async remove(run: string, startedAt: number): Promise<void> {
    await this.#client.delete(await this.#client.list(this.#keys.headsOf(run, startedAt)));
  }

  async #read(listed: Listed): Promise<RunHead | undefined> {
    const { key } = listed;
    const info = await infoOf(this.#client, listed);
    // Its key was listed, and it is not seen yet, or gone.
    if (info === undefined) return undefined;
    const where = `key "${key}"`;
    if (info === null) {
      this.#warn(`The head in ${where} is damaged: its run cannot be listed. It can be read by its id.`);
      return undefined;
    }
    try {
      const head = readHead(info, { runId: String((info as Partial<RunHead> | null)?.runId), where });
      if ((await nameInKey(head.runId)) === this.#keys.runOfHead(key)) return head;
      this.#warn(`The head of run "${head.runId}" stands under ${where}, which is that of another run.`);
    } catch (error) {
      this.#warn((error as Error).message);
    }
    return undefined;
  }
}

function isWanted({ status, dag, updatedAt }: RunHead, query: HeadQuery): boolean {
  if (query.status !== undefined && status !== query.status) return false;
  if (query.dag !== undefined && dag !== query.dag) return false;
  return updatedAt >= (query.updatedSince ?? Number.NEGATIVE_INFINITY);
}

function cursorIn(text: string | undefined): Cursor {
  if (text === undefined) return {};
  try {
    const { cursor, run } = JSON.parse(text) as Cursor;
    if (typeof cursor === "string" && (run === undefined || typeof run === "string"))
      return { cursor, ...(run ? { run } : {}) };
  } catch {
    // Said below.
  }
  throw new HeddleError(
    "INVALID_OPTION",
    `"${text}" is no cursor of a list of runs. Give back what the last page gave.`,
  );
}
