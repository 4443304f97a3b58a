// The record keeper over a store: opens, takes over and reads runs, and answers questions about them.

import { faultsError, HeddleError, toError } from "./errors.js";
import type { JournalEvent, Ref, RunStarted, RunStatus } from "./events.js";
import { fold, type RecordedOutput, type RunState, startFold } from "./fold.js";
import { type InspectOptions, inspectRun, type RunInspection, type RunRecord, runRecord } from "./inspect.js";
import { type Durability, JournalWriter, loadOutput } from "./journal.js";
import type { Clock, Encoded, Lease, RunHead, Store } from "./ports.js";
import type { Answer, Described, Provenance, Recorder, Resumable, RunStart } from "./recording.js";
import type { Shape } from "./shape.js";
import { hashEncoded, hashOf } from "./values.js";

/** How runs are kept. */
export interface ProvenanceOptions {
  /** When events are stored. Default `async`. */
  readonly durability?: Durability;
  /** Milliseconds after which the run of a dead owner may be restarted. A live owner renews in time. Default 30,000. */
  readonly leaseMs?: number;
}

/** Which runs to list. */
export interface ListOptions {
  readonly status?: RunStatus;
  /** Only runs of the dag of this name. */
  readonly dag?: string;
  /** Only runs in which something happened at or after this time, in milliseconds since the epoch. */
  readonly updatedSince?: number;
  /** Default 50. */
  readonly limit?: number;
  /** Where the last page ended. */
  readonly cursor?: string;
}

interface Description {
  readonly text: Encoded;
  readonly hash: string;
}

const READ_EVENTS = 5_000;
const DURABILITIES: readonly string[] = ["sync", "async", "exit"];

/** Keeps the record of runs in a store, and answers questions about it. */
export class DagProvenance implements Provenance {
  readonly #store: Store;
  readonly #durability: Durability;
  readonly #leaseMs: number;
  readonly #described = new WeakMap<object, Description>();

  constructor(store: Store, { durability = "async", leaseMs = 30_000 }: ProvenanceOptions = {}) {
    if (!DURABILITIES.includes(durability)) {
      throw new HeddleError(
        "INVALID_OPTION",
        `Expected \`durability\` to be one of ${DURABILITIES.join(", ")}, got \`${durability}\`.`,
      );
    }
    this.#store = store;
    this.#durability = durability;
    this.#leaseMs = leaseMs;
  }

  // ---- questions

  /** The record of a run, or nothing if there is none. */
  async getRun(runId: string): Promise<RunRecord | undefined> {
    const state = await this.#fold(runId);
    return state && runRecord(state);
  }

  /** Lists runs, newest first. `cursor` is set while there are more. */
  async listRuns({ limit = 50, ...query }: ListOptions = {}): Promise<{ runs: readonly RunHead[]; cursor?: string }> {
    const { heads, cursor } = await this.#store.heads({ ...query, limit });
    return { runs: heads, ...(cursor === undefined ? {} : { cursor }) };
  }

  /**
   * The executions and edges of a run, without payloads. With `since`, only what changed at or after that time.
   *
   * @throws HeddleError `RUN_NOT_FOUND`.
   */
  async inspect(runId: string, options: InspectOptions = {}): Promise<RunInspection> {
    const state = await this.load(runId);
    return inspectRun(state, await this.#loadShape(state), options);
  }

  /** Reads the latest output of a path. @throws HeddleError `UNKNOWN_PATH` if none is recorded, `VALUE_MISSING`. */
  async loadOutput(runId: string, path: string): Promise<unknown> {
    const output = (await this.load(runId)).nodes.get(path)?.output;
    if (output) return this.loadValue(output);
    throw new HeddleError("UNKNOWN_PATH", `Run "${runId}" has no recorded output of path "${path}".`);
  }

  /**
   * Reads what an attempt of a path consumed (the latest, unless `attempt` names one): per input the value, or the
   * list of values that were collected.
   *
   * @throws HeddleError `UNKNOWN_PATH` if there is no such attempt.
   */
  async loadInputs(runId: string, path: string, attempt?: number): Promise<Record<string, unknown>> {
    const state = await this.load(runId);
    const { executions } = inspectRun(state, await this.#loadShape(state), {});
    const execution = executions.find((candidate) => candidate.path === path);
    const found = attempt === undefined ? execution : execution?.attempts.find((one) => one.attempt === attempt);
    if (!found?.inputs) {
      throw new HeddleError(
        "UNKNOWN_PATH",
        `Run "${runId}" has no ${attempt === undefined ? "execution" : `attempt ${attempt}`} of path "${path}".`,
      );
    }
    const load = (ref: Ref | undefined) =>
      this.loadValue({ ref, bytes: 0, origin: { runId, seq: state.events, attempt: 0 } });
    const entries = Object.entries(found.inputs).map(async ([input, taken]) => {
      const values = await Promise.all(taken.from.map(({ value }) => load(value)));
      return [input, taken.collected ? values : values[0]] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  /** Removes a run and the values that no other run refers to. */
  async removeRun(runId: string): Promise<void> {
    await this.#store.remove(runId);
  }

  // ---- for the runner

  newRunId(now: number): string {
    return this.#store.newId(now);
  }

  async begin(start: RunStart, clock: Clock): Promise<Recorder> {
    const { runId } = start;
    if (await this.#store.head(runId)) throw exists(runId);
    const owner = this.#store.newId(clock.now());
    const lease = await this.#store.acquire(runId, owner, clock.now(), this.#leaseMs);
    if ("heldBy" in lease) throw exists(runId);
    const startedAt = clock.now();
    const { shape } = start;
    const replayOf = start.replay ? { replayOf: start.replay.of } : {};
    const head: RunHead = {
      runId,
      dag: shape.dag,
      status: "running",
      startedAt,
      updatedAt: startedAt,
      events: 0,
      ...replayOf,
    };
    const writer = this.#writer(head, owner, lease, clock);
    try {
      if (lease.events > 0) throw exists(runId);
      await this.#writeStart(writer, start, owner, startedAt);
    } catch (error) {
      await writer.close();
      throw error;
    }
    return writer;
  }

  async takeOver(runId: string, described: Described, clock: Clock): Promise<Resumable> {
    const head = await this.#store.head(runId);
    if (!head) throw notFound(runId);
    const owner = this.#store.newId(clock.now());
    const lease = await this.#store.acquire(runId, owner, clock.now(), this.#leaseMs);
    if ("heldBy" in lease) {
      const seconds = Math.ceil((lease.untilMs - clock.now()) / 1000);
      throw new HeddleError(
        "RUN_OWNED",
        `Run "${runId}" is being executed by owner ${lease.heldBy}. If that is dead, its lease is over in ${seconds} s; restart it then.`,
      );
    }
    const writer = this.#writer({ ...head, status: "running", events: lease.events }, owner, lease, clock);
    try {
      const state = await this.load(runId);
      const [shape, code] = await Promise.all([this.#describe(described.shape), this.#describe(described.code)]);
      const resume = (answers: readonly Answer[], invalidated: readonly string[]) => {
        const refs = answers.map(({ path, reason, value }) => {
          const answer = { path, reason, answer: "" };
          writer.keep(value, (ref) => {
            answer.answer = ref;
          });
          return answer;
        });
        keepDescriptions(writer, [shape, code]);
        writer.add({
          type: "run-resumed",
          at: clock.now(),
          epoch: lease.epoch,
          owner,
          fingerprint: shape.hash,
          code: code.hash,
          answers: refs,
          invalidated,
        });
      };
      return { recorder: writer, state, resume };
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  async load(runId: string): Promise<RunState> {
    const state = await this.#fold(runId);
    if (!state) throw notFound(runId);
    return state;
  }

  async otherShape(state: RunState, shape: Shape): Promise<Shape | undefined> {
    const { hash } = await this.#describe(shape);
    return hash === (state.resumed ?? state.started).fingerprint ? undefined : this.#loadShape(state);
  }

  async available(outputs: readonly RecordedOutput[]): Promise<readonly boolean[]> {
    const hashed = outputs.flatMap(({ ref, origin }) => {
      const hash = hashOf(ref);
      return hash === undefined ? [] : [{ hash, runId: origin.runId, seq: origin.seq }];
    });
    const found = await this.#store.hasValues(hashed);
    let next = 0;
    return outputs.map(({ ref }) => hashOf(ref) === undefined || found[next++] === true);
  }

  async loadValue(output: RecordedOutput): Promise<unknown> {
    return loadOutput(this.#store, output);
  }

  // ---- inside

  #writer(head: RunHead, owner: string, { epoch }: Lease, clock: Clock): JournalWriter {
    return new JournalWriter({
      store: this.#store,
      clock,
      durability: this.#durability,
      owner,
      epoch,
      leaseMs: this.#leaseMs,
      head,
    });
  }

  async #writeStart(writer: JournalWriter, start: RunStart, owner: string, at: number): Promise<void> {
    const [shape, code] = await Promise.all([this.#describe(start.shape), this.#describe(start.code)]);
    const inputs = keepInputs(writer, start.inputs);
    keepDescriptions(writer, [shape, code]);
    const event: RunStarted = {
      type: "run-started",
      at,
      format: 1,
      dag: start.shape.dag,
      durability: this.#durability,
      epoch: writer.epoch,
      owner,
      fingerprint: shape.hash,
      code: code.hash,
      inputs,
      ...(start.replay ? { replay: start.replay } : {}),
    };
    writer.add(event);
  }

  /** Shape and code are stored like values, as JSON; a runner hands over the same objects for all its runs. */
  async #describe(described: object): Promise<Description> {
    const known = this.#described.get(described);
    if (known) return known;
    const text = { text: JSON.stringify(described), parts: [] };
    const description = { text, hash: await hashEncoded(text) };
    this.#described.set(described, description);
    return description;
  }

  async #loadShape({ runId, started, resumed, shapeSeq }: RunState): Promise<Shape> {
    const hash = (resumed ?? started).fingerprint;
    const encoded = await this.#store.getValue({ hash, runId, seq: shapeSeq });
    if (encoded) return JSON.parse(encoded.text) as Shape;
    throw new HeddleError("VALUE_MISSING", `The description of the dag of run "${runId}" is gone from the store.`);
  }

  async #fold(runId: string): Promise<RunState | undefined> {
    let state: RunState | undefined;
    let events: readonly JournalEvent[];
    do {
      events = await this.#store.read(runId, state?.events ?? 0, READ_EVENTS);
      for (const event of events) {
        if (state) fold(state, event);
        else state = startFold(runId, event);
      }
    } while (events.length === READ_EVENTS);
    return state;
  }
}

function keepInputs(writer: JournalWriter, inputs: RunStart["inputs"]): Record<string, Record<string, Ref>> {
  const faults: string[] = [];
  const kept: Record<string, Record<string, Ref>> = {};
  for (const [path, values] of inputs) {
    const refs: Record<string, Ref> = {};
    for (const [input, value] of Object.entries(values)) {
      try {
        writer.keep(value, (ref) => {
          refs[input] = ref;
        });
      } catch (error) {
        faults.push(`Input "${input}" of source "${path}" cannot be kept: ${toError(error).message}`);
      }
    }
    kept[path] = refs;
  }
  if (faults.length > 0) throw faultsError("INVALID_INPUT", "The inputs of the run cannot be recorded", faults);
  return kept;
}

function keepDescriptions(writer: JournalWriter, descriptions: readonly Description[]): void {
  for (const { text } of descriptions) writer.keepEncoded(text, () => {}, true);
}

function exists(runId: string): HeddleError {
  return new HeddleError(
    "RUN_EXISTS",
    `Run "${runId}" exists already. Choose another runId, or continue that one with restart("${runId}").`,
  );
}

function notFound(runId: string): HeddleError {
  return new HeddleError(
    "RUN_NOT_FOUND",
    `There is no run "${runId}" in this store. listRuns() shows those there are.`,
  );
}
