// Removes runs and payloads, and counts what is there. What other runs refer to is found by reading their journals, once
// for all runs that go.

import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { RunUsage, Skeleton, StoreUsage } from "../../src/ports.js";
import { isOwned, prolong } from "./claims.js";
import { ifThere, isGone } from "./disk.js";
import { runNames } from "./layout.js";
import { folderName, runIdOf } from "./names.js";
import { References } from "./references.js";
import { RunFolder } from "./run-folder.js";
import type { RunWriter } from "./run-writer.js";
import { sideBySide } from "./side-by-side.js";
import { lost, reduceJournal } from "./skeleton.js";
import { discard } from "./trash.js";
import { usageOf } from "./usage.js";
import { type Looked, TIMES_APART_MS, type ValueFiles } from "./value-files.js";

/** A value may be stored this long before the batch that refers to it. */
const UNREFERRED_MS = 60_000;

/** What {@link Retention} works on. */
export interface RetentionSetup {
  readonly directory: string;
  /** Where the folders of runs are. */
  readonly runs: string;
  readonly values: ValueFiles;
  readonly warn: (message: string) => void;
}

/** A run to prune, and who holds it. */
export interface PruneTask {
  readonly skeleton: Skeleton;
  readonly writer: RunWriter | undefined;
}

/** A run that is held under an epoch that was claimed to prune it. */
interface Held extends Skeleton {
  readonly name: string;
  readonly folder: string;
  readonly owner: string;
}

/** What runs refer to, and when they were looked at. */
interface Surroundings extends Looked {
  readonly references: References;
}

/** Waits until what is stored from now on is younger than the time that it answers. */
async function start(): Promise<number> {
  const startedAt = Date.now();
  while (Date.now() < startedAt + TIMES_APART_MS) await setTimeout(1);
  return startedAt;
}

/** What is removed from a store. */
export class Retention {
  readonly #setup: RetentionSetup;

  constructor(setup: RetentionSetup) {
    this.#setup = setup;
  }

  /** Removes runs, damaged ones too. */
  async remove(runIds: readonly string[]): Promise<void> {
    const startedAt = await start();
    const all = new Set(await runNames(this.#setup.runs));
    const names = [...new Set(runIds.map(folderName))].filter((name) => all.delete(name));
    if (names.length === 0) return;
    const others = [...all];
    const around = await this.#lookAround(others, startedAt);
    const { references } = around;
    for (const name of names) {
      const refers = this.#reader(name).refers();
      references.set(name, await refers.catch(() => []));
    }
    // Runs use values of older ones, which mostly come first.
    for (const name of names.toReversed()) {
      references.set(name, []);
      await this.#removeOne(name, around);
    }
    await this.#setup.values.keepOnly(references, around);
  }

  /**
   * Drops values of runs.
   *
   * @throws HeddleError `FENCED` if a run was not held, or whatever else kept the first one from it, after all others.
   */
  async prune(tasks: readonly PruneTask[]): Promise<void> {
    // Before the first is taken: what an owner stores who takes one over is younger.
    const startedAt = await start();
    const held: Held[] = [];
    const failures: unknown[] = [];
    const fail = (error: unknown) => void failures.push(error);
    for (const task of tasks) await this.#take(task).then((one) => void held.push(one), fail);
    try {
      if (held.length > 0) await this.#pruneHeld(held, startedAt, fail);
    } finally {
      for (const { folder, epoch, owner } of held) await prolong(folder, epoch, owner, 0).catch(() => {});
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Counts the bytes of all runs and values. */
  async usage(): Promise<StoreUsage> {
    const { directory, runs, values } = this.#setup;
    const sizes = await values.sizes();
    let bytes = 0;
    for (const size of sizes.values()) bytes += size;
    const used: RunUsage[] = [];
    const count = (name: string) => usageOf(join(runs, name), runIdOf(name), sizes);
    for (const counted of await sideBySide(await runNames(runs), count)) {
      const { runId, journalBytes, valueBytes, payloadBytes } = counted;
      bytes += journalBytes;
      if (runId !== undefined) used.push({ runId, bytes: journalBytes + valueBytes, payloadBytes });
    }
    const disk = await ifThere("Counting free space", directory, () => statfs(directory));
    return { bytes, runs: used, ...(disk ? { availableBytes: disk.bavail * disk.bsize } : {}) };
  }

  async #removeOne(name: string, { references, untouchedSince }: Surroundings): Promise<void> {
    const { directory, runs, values } = this.#setup;
    const whole = await this.#reader(name).wholeValues(references);
    for (const [hash, value] of whole) await values.rescue(hash, value, untouchedSince - 1);
    await values.sync();
    await discard(join(runs, name), join(directory, "trash"));
  }

  /** Claims one more epoch. @throws HeddleError `FENCED` if the run is not held. */
  async #take({ skeleton, writer }: PruneTask): Promise<Held> {
    const { runId, epoch, keep } = skeleton;
    if (!writer || !(await writer.handOver())) throw lost(runId, `is not held under epoch ${epoch}`);
    const name = folderName(runId);
    return { runId, epoch: epoch + 1, keep, name, folder: join(this.#setup.runs, name), owner: writer.owner };
  }

  async #pruneHeld(held: readonly Held[], startedAt: number, fail: (error: unknown) => void): Promise<void> {
    const { runs, values } = this.#setup;
    const names = new Set(held.map(({ name }) => name));
    const others = (await runNames(runs)).filter((name) => !names.has(name));
    const around = await this.#lookAround(others, startedAt);
    const { references, untouchedSince } = around;
    for (const name of names) await this.#note(name, references);
    // Runs use values of older ones, which mostly come first.
    for (const { name, ...run } of held.toReversed()) {
      const before = references.of(name);
      const stay = [...before].filter((hash) => run.keep.has(hash));
      references.set(name, stay);
      try {
        await reduceJournal({ ...run, used: references, values, usedAt: untouchedSince - 1 });
      } catch (error) {
        references.set(name, before);
        fail(error);
      }
    }
    await values.keepOnly(references, around);
  }

  /** Finds what these runs refer to, each of which somebody may be executing. */
  async #lookAround(names: readonly string[], startedAt: number): Promise<Surroundings> {
    // Asked first: who ends while the journals are read may have stored values after its own was.
    const isWriting = await sideBySide(names, (name) => isOwned(join(this.#setup.runs, name)));
    const references = new References();
    await sideBySide(names, (name) => this.#note(name, references));
    const untouchedSince = isWriting.includes(true) ? startedAt - UNREFERRED_MS : startedAt;
    return { references, startedAt, untouchedSince };
  }

  /** Notes what a run refers to; if it cannot be read, all values must be kept. */
  async #note(name: string, references: References): Promise<void> {
    try {
      references.set(name, await this.#reader(name).refers());
    } catch (error) {
      if (isGone(error)) return;
      this.#setup.warn(`No value is removed, since a run cannot be read: ${(error as Error).message}`);
      references.giveUp();
    }
  }

  #reader(name: string): RunFolder {
    return new RunFolder(join(this.#setup.runs, name), runIdOf(name));
  }
}
