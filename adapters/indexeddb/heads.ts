// The summaries of runs, as they are listed.

import { HeddleError } from "../../src/errors.js";
import type { RunHead } from "../../src/ports.js";
import { readHead } from "../records.js";
import type { Database } from "./database.js";
import type { Keys } from "./keys.js";

/** The heads of one namespace of a database. */
export class Heads {
  readonly #db: Database;
  readonly #keys: Keys;
  readonly #warn: (message: string) => void;

  constructor(db: Database, keys: Keys, warn: (message: string) => void) {
    this.#db = db;
    this.#keys = keys;
    this.#warn = warn;
  }

  /** @throws HeddleError `STORE_DAMAGED`. */
  async get(runId: string): Promise<RunHead | undefined> {
    const run = await this.#db.read(["runs"], (tx) => tx.objectStore("runs").get(this.#keys.run(runId)));
    return this.#headOf(runId, run);
  }

  /** All heads that can be read; of the others a warning tells. */
  async all(): Promise<readonly RunHead[]> {
    const [keys, runs] = await this.#db.read(["runs"], (tx) => {
      const store = tx.objectStore("runs");
      return Promise.all([store.getAllKeys(this.#keys.runs()), store.getAll(this.#keys.runs())]);
    });
    return runs.flatMap((run, i) => this.#headOrWarning(keys[i]?.[1] as string, run) ?? []);
  }

  #headOrWarning(runId: string, run: unknown): RunHead | undefined {
    try {
      return this.#headOf(runId, run);
    } catch (error) {
      if (!(error instanceof HeddleError)) throw error;
      this.#warn(`Not listed: ${error.message}`);
      return undefined;
    }
  }

  /** Runs that were claimed and never written, or removed, have none. */
  #headOf(runId: string, run: unknown): RunHead | undefined {
    if (run === undefined) return undefined;
    const { head = undefined } = (run ?? {}) as { readonly head?: unknown };
    return head === undefined ? undefined : readHead(head, { runId, where: `database "${this.#db.name}"` });
  }
}
