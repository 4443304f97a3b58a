// The runs that a directory has on record, found the way people name them: the newest one, or a part of its id.

import { DagProvenance, type RunHead, type RunInspection, type RunStatus } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import type { Job } from "./shared/job.js";
import { type Outline, patternOf } from "./shared/outline.js";
import { complain, UsageError } from "./shared/terminal.js";

const NAMED_AT_MOST = 3;

/** The records in one directory. */
export class Records {
  readonly directory: string;
  readonly provenance: DagProvenance;
  readonly #close: () => Promise<void>;

  constructor(directory: string) {
    const told = new Set<string>();
    const onWarning = (message: string) => {
      if (told.size < told.add(message).size) complain(`Warning: ${message}`); // each listing finds the same again
    };
    const store = fileSystemStore(directory, { onWarning });
    this.directory = directory;
    this.provenance = new DagProvenance(store);
    this.#close = () => store.close();
  }

  /** The newest run of a job, of any status or of this one. */
  async newest(job: Job, status?: RunStatus): Promise<RunHead | undefined> {
    const { runs } = await this.provenance.listRuns({ dag: job.name, limit: 1, ...(status ? { status } : {}) });
    return runs[0];
  }

  /** All runs, newest first; only those of `job` if it is given. */
  async list(job?: Job): Promise<readonly RunHead[]> {
    const all: RunHead[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.provenance.listRuns({ ...(job ? { dag: job.name } : {}), ...(cursor ? { cursor } : {}) });
      all.push(...page.runs);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return all;
  }

  /**
   * The run with this id, or the only one whose id begins or ends like this. With `job`, it must be one of that job.
   *
   * @throws UsageError
   */
  async find(part: string, job?: Job): Promise<RunHead> {
    const runs = await this.list();
    const found = runs.filter(({ runId }) => runId.startsWith(part) || runId.endsWith(part));
    const run = runs.find(({ runId }) => runId === part) ?? found[0];
    if (!run) throw await this.#unknown(part, runs);
    if (run.runId !== part && found.length > 1) throw new UsageError(`"${part}" fits ${name(found)}. Give more of it.`);
    if (!job || run.dag === job.name) return run;
    throw new UsageError(`Run ${run.runId} is one of ${run.dag}, not of ${job.name}.`);
  }

  close(): Promise<void> {
    return this.#close();
  }

  async #unknown(part: string, runs: readonly RunHead[]): Promise<UsageError> {
    await this.provenance.getRun(part); // a run that cannot be listed says here what is wrong with it
    const there = runs.length === 0 ? "There are none yet." : `The newest: ${name(runs)}.`;
    return new UsageError(`There is no run "${part}" in ${this.directory}. ${there}`);
  }
}

/** The paths that a run need not execute again. */
export function doneIn({ executions }: RunInspection): string[] {
  return executions.filter(({ status }) => status === "completed" || status === "reused").map(({ path }) => path);
}

/** How many elements the maps of a run have, as far as that is on record: what feeds a map says it as its progress. */
export function sizesIn({ executions }: RunInspection, { maps }: Outline): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { path, from, last } of maps) {
    const said = executions.find((execution) => execution.path === from)?.attempts.at(-1)?.progress?.total;
    const size = said ?? executions.filter((execution) => patternOf(execution.path) === last).length;
    if (size > 0) sizes.set(path, size);
  }
  return sizes;
}

function name(runs: readonly RunHead[]): string {
  const named = runs.slice(0, NAMED_AT_MOST).map(({ runId }) => runId);
  return `${named.join(", ")}${runs.length > named.length ? ` and ${runs.length - named.length} more` : ""}`;
}
