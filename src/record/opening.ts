// Opens runs for writing: new ones, ones to continue, and replays of recorded ones. Everything that can be refused is
// refused here, before anything is recorded.

import { faultsError, HeddleError, toError } from "../errors.js";
import { JOURNAL_FORMAT, type JournalEvent, type NodeReused, type Ref, type RunStarted } from "../events.js";
import type { Clock, Lease, RunHead, Store } from "../ports.js";
import type {
  BeginRequest,
  GivenInputs,
  Opened,
  Recorder,
  RecorderSetting,
  ReplayRequest,
  RestartRequest,
} from "../run/recording.js";
import { prunedMeanwhile, replayBlocked, restartBlocked } from "./blocked.js";
import { type Durability, JournalWriter } from "./journal.js";
import { type PlannedRestart, type RestartWish, RunPlanning, sourcesOf } from "./planning.js";
import { priorOfReplay, priorOfRestart, recordEffects, reusedEvents } from "./prior.js";
import { notFound, RunReader } from "./reader.js";
import type { ReplayPlan } from "./replay-plan.js";
import { type Answer, refuseCompleted } from "./restart.js";
import type { RestartPlan } from "./restart-plan.js";
import type { RunState } from "./run-state.js";

/** How runs are written. */
export interface WriteSettings {
  readonly durability: Durability;
  readonly leaseMs: number;
}

/** What a replay takes from another run. */
interface ReplayOrigin {
  readonly origin: RunStarted["replay"];
  readonly reused: readonly NodeReused[];
  readonly carried: RunStarted["inputs"];
}

/** A replay that refers to values of another run. */
interface Held {
  readonly runId: string;
  readonly replayOf: string;
  readonly reused: readonly NodeReused[];
}

/** Opens runs in one store. */
export class RunOpener {
  readonly #store: Store;
  readonly #reader: RunReader;
  readonly #planning: RunPlanning;
  readonly #settings: WriteSettings;

  constructor(store: Store, settings: WriteSettings) {
    this.#store = store;
    this.#reader = new RunReader(store);
    this.#planning = new RunPlanning(this.#reader);
    this.#settings = settings;
  }

  /** Opens a new run. */
  begin(request: BeginRequest): Promise<JournalWriter> {
    return this.#begin(request, undefined);
  }

  /** Takes over a recorded run. */
  async restart(request: RestartRequest): Promise<Opened> {
    const { runId, plan, clock } = request;
    // What cannot be continued is refused before anything is claimed.
    const seen = await this.#reader.loadWhole(runId);
    refuseCompleted(seen, request.rerun);
    const foreseen = await this.#planned(request, seen);
    const { writer, lease, owner } = await this.#takeOver(request);
    try {
      // What was seen still holds if nobody else had the run in between.
      const isSame = seen.events === lease.events && (seen.resumed ?? seen.started).epoch === lease.epoch - 1;
      const state = isSame ? seen : await this.#reader.loadWhole(runId);
      refuseCompleted(state, request.rerun);
      const { decisions, invalidated } = isSame ? foreseen : await this.#planned(request, state);
      const prior = await priorOfRestart({ plan, state, reader: this.#reader }, decisions, invalidated);
      const sources = sourcesOf(plan).filter(({ path }) => !prior.isDone(path));
      const inputs = await this.#reader.inputs(state, sources);
      const { fingerprint, code, texts } = await this.#planning.describe(plan);
      const at = clock.now();
      const answers = keepAnswers(writer, decisions.answers);
      writer.keepHashed(texts);
      const { epoch } = lease;
      const event = { type: "run-resumed" as const, at, epoch, owner, fingerprint, code, answers };
      writer.add({ ...event, invalidated: [...invalidated.keys()], ...coarseness(clock) });
      recordEffects(plan, decisions, writer, at);
      return { inputs, recorder: writer, prior };
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** Opens a new run that reuses what another one recorded. */
  async replay(request: ReplayRequest, runId: string, setting: RecorderSetting): Promise<Opened> {
    const { plan, replayOf, rerun } = request;
    const state = await this.#reader.loadWhole(replayOf);
    const { plan: replay, lost } = await this.#planning.replay(request, state);
    if (replay.blocked.length > 0) throw replayBlocked(replay, state.prunedAt);
    const kept = sourcesOf(plan).filter(({ path }) => !request.inputs.has(path) && !lost.has(path));
    const inputs = new Map([...(await this.#reader.inputs(state, kept)), ...request.inputs]);
    const reused = reusedEvents(state, replay, setting.clock.now());
    const origin = { of: replayOf, rerun, mode: replay.mode };
    // Of inputs that are gone the references stay: who reuses what was made of them does not need more.
    const carried = Object.fromEntries([...lost].map((path) => [path, state.started.inputs[path] ?? {}]));
    const recorder = await this.#begin({ runId, plan, inputs, ...setting }, { origin, reused, carried });
    await this.#hold(recorder, { runId, replayOf, reused });
    return { inputs, recorder, prior: priorOfReplay({ state, reader: this.#reader }, replay) };
  }

  /** Tells what a replay would do. */
  async planReplay(request: ReplayRequest): Promise<ReplayPlan> {
    return (await this.#planning.replay(request, await this.#reader.loadWhole(request.replayOf))).plan;
  }

  /** Tells what a restart would do. */
  async planRestart({ runId, ...wish }: RestartWish & Pick<RestartRequest, "runId">): Promise<RestartPlan> {
    const state = await this.#reader.loadWhole(runId);
    refuseCompleted(state, wish.rerun);
    return (await this.#planning.restart(wish, state)).plan;
  }

  /** Plans a restart. @throws HeddleError `RESTART_BLOCKED`. */
  async #planned(request: RestartRequest, state: RunState): Promise<PlannedRestart> {
    const planned = await this.#planning.restart(request, state);
    const { blocked } = planned.plan;
    if (blocked.length > 0) throw restartBlocked(state.runId, blocked, state.prunedAt);
    return planned;
  }

  /**
   * From its first batch on, what a replay refers to stays. Until then somebody may have pruned it: then the replay is
   * taken back. (In `exit` mode there is no batch before the end.)
   */
  async #hold(recorder: JournalWriter, { runId, replayOf, reused }: Held): Promise<void> {
    if (this.#settings.durability === "exit" || reused.length === 0) return;
    try {
      await recorder.stored();
      const values = reused.map(({ output, composed, from }) => ({
        ref: output,
        origin: from,
        ...(composed ? { composed } : {}),
      }));
      if ((await this.#reader.gone(values)).size === 0) return;
    } catch (error) {
      await recorder.close();
      throw error;
    }
    await recorder.close();
    await this.#store.remove([runId]);
    throw prunedMeanwhile(replayOf);
  }

  async #begin(
    { runId, plan, inputs, ...setting }: BeginRequest,
    replay: ReplayOrigin | undefined,
  ): Promise<JournalWriter> {
    if (await this.#store.head(runId)) throw exists(runId);
    const at = setting.clock.now();
    const owner = this.#store.newId(at);
    const lease = await this.#store.acquire(runId, owner, at, this.#settings.leaseMs);
    if ("heldBy" in lease) throw exists(runId);
    const head: RunHead = { runId, dag: plan.dag, status: "running", startedAt: at, updatedAt: at, events: 0 };
    const writer = this.#writer(replay?.origin ? { ...head, replayOf: replay.origin.of } : head, owner, lease, setting);
    try {
      if (lease.events > 0) throw exists(runId);
      const { fingerprint, code, texts } = await this.#planning.describe(plan);
      const { durability } = this.#settings;
      const event: JournalEvent = {
        type: "run-started",
        at,
        format: JOURNAL_FORMAT,
        dag: plan.dag,
        durability,
        epoch: lease.epoch,
        owner,
        fingerprint,
        code,
        inputs: { ...keepInputs(writer, inputs), ...replay?.carried },
        ...(replay?.origin ? { replay: replay.origin } : {}),
        ...coarseness(setting.clock),
      };
      writer.keepHashed(texts);
      writer.add(event);
      // In one batch with the start: a replay that is there at all has all that it reuses.
      for (const one of replay?.reused ?? []) writer.add(one);
      return writer;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  async #takeOver({ runId, ...setting }: RestartRequest) {
    const head = await this.#store.head(runId);
    if (!head) throw notFound(runId);
    const now = setting.clock.now();
    const owner = this.#store.newId(now);
    const lease = await this.#store.acquire(runId, owner, now, this.#settings.leaseMs);
    if ("heldBy" in lease) {
      const seconds = Math.ceil((lease.untilMs - now) / 1000);
      throw new HeddleError(
        "RUN_OWNED",
        `Run "${runId}" is being executed by owner ${lease.heldBy}. If that is dead, its lease is over in ${seconds} s; restart it then.`,
      );
    }
    return {
      lease,
      owner,
      writer: this.#writer({ ...head, status: "running", events: lease.events }, owner, lease, setting),
    };
  }

  #writer(head: RunHead, owner: string, { epoch }: Lease, { clock, observe }: RecorderSetting): JournalWriter {
    return new JournalWriter({
      ...this.#settings,
      store: this.#store,
      clock,
      observe,
      owner,
      epoch,
      head,
    });
  }
}

function coarseness({ isCoarse }: Clock): { coarse?: true } {
  return isCoarse ? { coarse: true } : {};
}

function keepAnswers(recorder: Recorder, answers: readonly Answer[]) {
  return answers.map(({ path, reason, value }) => {
    const kept = { path, reason, answer: "" };
    recorder.keep(value, (ref) => {
      kept.answer = ref;
    });
    return kept;
  });
}

function keepInputs(recorder: Recorder, inputs: GivenInputs): Record<string, Record<string, Ref>> {
  const faults: string[] = [];
  const kept: Record<string, Record<string, Ref>> = {};
  for (const [path, values] of inputs) {
    const refs: Record<string, Ref> = {};
    kept[path] = refs;
    for (const [input, value] of Object.entries(values)) {
      try {
        recorder.keep(value, (ref) => {
          refs[input] = ref;
        });
      } catch (error) {
        faults.push(`Input "${input}" of source "${path}" cannot be kept: ${toError(error).message}`);
      }
    }
  }
  if (faults.length > 0) throw faultsError("INVALID_INPUT", "The inputs of the run cannot be recorded", faults);
  return kept;
}

function exists(runId: string): HeddleError {
  return new HeddleError(
    "RUN_EXISTS",
    `Run "${runId}" exists already. Choose another runId, or continue that one with restart("${runId}").`,
  );
}
