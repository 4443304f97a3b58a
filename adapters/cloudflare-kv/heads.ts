// The list of runs: their heads stand under keys that sort the newest first. A run has one for each status that it had
// when it was written; the first that is listed counts, that of its latest owner. The list lags behind more than anything
// else: it is a hint.

import { HeddleError } from "../../src/errors.js";
import type { HeadQuery, RunHead } from "../../src/ports.js";
import { readHead } from "../records.js";
import type { Client, Listed } from "./client.js";
import { type Keys, nameInKey, nameOfKey } from "./keys.js";
import { infoOf } from "./records.js";

/** Where a list of runs goes on: on the page that begins there, behind the place of the run that was looked at last. */
interface Cursor {
  readonly cursor?: string | undefined;
  readonly after?: string | undefined;
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
    let { cursor, after } = cursorIn(query.cursor);
    for (;;) {
      const page = await this.#client.page(this.#keys.heads(), cursor);
      for (const listed of page.listed) {
        const place = this.#keys.placeOfHead(listed.key);
        if (after !== undefined && place <= after) continue;
        if (heads.length >= query.limit) return { heads, cursor: JSON.stringify({ cursor, after }) };
        after = place;
        const head = await this.#read(listed);
        if (head && isWanted(head, query)) heads.push(head);
      }
      cursor = page.cursor;
      if (cursor === undefined) return { heads };
    }
  }

  /**
   * Removes a run from the list, as it stood up to an epoch. When it was started says where it stands; if that is not
   * known, nothing else is left of it, and all are looked through.
   */
  async remove(run: string, upTo: number, starts: readonly number[]): Promise<void> {
    const isKnown = starts.length > 0;
    const places = isKnown ? starts.map((startedAt) => this.#keys.headsOf(run, startedAt)) : [this.#keys.heads()];
    for (const place of places) {
      const listed = await this.#client.list(place);
      const gone = listed.filter(({ key }) => {
        const head = this.#keys.headParts(key);
        return head.run === run && (head.epoch <= upTo || !isKnown);
      });
      // The newest last: what stays of a removal that is stopped shows how the run ended.
      await this.#client.delete(gone.toReversed());
    }
  }

  async #read(listed: Listed): Promise<RunHead | undefined> {
    const { key } = listed;
    const info = await infoOf(this.#client, listed);
    // Its key was listed, and it is not seen yet, or gone.
    if (info === undefined) return undefined;
    const where = `key "${key}"`;
    if (info === null) {
      const run = nameOfKey(this.#keys.headParts(key).run) ?? "with a long name";
      const what = `The head in ${where} is damaged: run ${run} cannot be listed or pruned.`;
      this.#warn(`${what} It can be read, and removed with removeRun(), by its id.`);
      return undefined;
    }
    try {
      const head = readHead(info, { runId: String((info as Partial<RunHead> | null)?.runId), where });
      if ((await nameInKey(head.runId)) === this.#keys.headParts(key).run) return head;
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
    const { cursor, after } = JSON.parse(text) as Cursor;
    if ((cursor === undefined || typeof cursor === "string") && typeof after === "string") return { cursor, after };
  } catch {
    // Said below.
  }
  throw new HeddleError(
    "INVALID_OPTION",
    `"${text}" is no cursor of a list of runs. Give back what the last page gave.`,
  );
}
