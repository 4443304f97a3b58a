// Opens runs for writing: new ones, ones to continue, and replays of recorded ones. Everything that can be refused is
// refused here, before anything is recorded.

import type { Plan, Step } from "../definition/plan.js";
import { faultsError, HeddleError, quoted, toError } from "../errors.js";
import {
  JOURNAL_FORMAT,
  type JournalEvent,
  type NodeReused,
  type Reason,
  type Ref,
  type RunStarted,
} from "../events.js";
import type { Lease, RunHead, Store } from "../ports.js";
import type {
  BeginRequest,
  GivenInputs,
  Opened,
  Recorder,
  RecorderSetting,
  ReplayRequest,
  RestartRequest,
} from "../run/recording.js";
import { type Durability, JournalWriter } from "./journal.js";
import { changesOf, invalidatedPaths } from "./on-change.js";
import { priorOfReplay, priorOfRestart, recordEffects, reopenFailed, reusedEvents } from "./prior.js";
import { notFound, RunReader } from "./reader.js";
import { planReplay } from "./replay.js";
import type { ReplayPlan } from "./replay-plan.js";
import { type Answer, planRestart, refuseCompleted } from "./restart.js";
import type { RunState } from "./run-state.js";
import { codeOf, type Shape, shapeOf } from "./shape.js";
import { RunTree } from "./tree.js";
import { type Hashed, hashEncoded } from "./values.js";

/** How runs are written. */
export interface WriteSettings {
  readonly durability: Durability;
  readonly leaseMs: number;
}

/** A dag as data, with the hashes and encodings that records refer to. */
interface Description {
  readonly shape: Shape;
  readonly fingerprint: string;
  readonly code: string;
  readonly texts: readonly Hashed[];
}

/** Opens runs in one store. */
export class RunOpener {
  readonly #store: Store;
  readonly #reader: RunReader;
  readonly #settings: WriteSettings;
  readonly #descriptions = new WeakMap<Plan, Description>();

  constructor(store: Store, settings: WriteSettings) {
    this.#store = store;
    this.#reader = new RunReader(store);
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
    const { writer, lease, owner } = await this.#takeOver(request);
    try {
      // What was seen still holds if nobody else had the run in between.
      const isSame = seen.events === lease.events && (seen.resumed ?? seen.started).epoch === lease.epoch - 1;
      const state = isSame ? seen : await this.#reader.loadWhole(runId);
      refuseCompleted(state, request.rerun);
      const invalidated = await this.#invalidated(request, state);
      const restart = planRestart(plan, state, request.resume, invalidated);
      const prior = await priorOfRestart({ plan, state, reader: this.#reader }, restart, invalidated);
      const sources = sourcesOf(plan).filter(({ path }) => !prior.isDone(path));
      const inputs = await this.#reader.inputs(state, sources);
      const { fingerprint, code, texts } = await this.#describe(plan);
      const at = clock.now();
      const answers = keepAnswers(writer, restart.answers);
      writer.keepHashed(texts);
      const { epoch } = lease;
      const event = { type: "run-resumed" as const, at, epoch, owner, fingerprint, code, answers };
      writer.add({ ...event, invalidated: [...invalidated.keys()] });
      recordEffects(plan, restart, writer, at);
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
    const replay = await this.#planReplay(request, state);
    if (replay.blocked.length > 0) throw blocked(replay);
    const kept = sourcesOf(plan).filter(({ path }) => !request.inputs.has(path));
    const inputs = new Map([...(await this.#reader.inputs(state, kept)), ...request.inputs]);
    const reused = reusedEvents(state, replay, setting.clock.now());
    const origin = { of: replayOf, rerun, mode: replay.mode };
    const recorder = await this.#begin({ runId, plan, inputs, ...setting }, { origin, reused });
    return { inputs, recorder, prior: priorOfReplay({ state, reader: this.#reader }, replay) };
  }

  /** Tells what a replay would do. */
  async planReplay(request: ReplayRequest): Promise<ReplayPlan> {
    return this.#planReplay(request, await this.#reader.loadWhole(request.replayOf));
  }

  async #begin(
    { runId, plan, inputs, ...setting }: BeginRequest,
    replay: { readonly origin: RunStarted["replay"]; readonly reused: readonly NodeReused[] } | undefined,
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
      const { fingerprint, code, texts } = await this.#describe(plan);
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
        inputs: keepInputs(writer, inputs),
        ...(replay?.origin ? { replay: replay.origin } : {}),
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

  async #planReplay(request: ReplayRequest, state: RunState): Promise<ReplayPlan> {
    const { plan, rerun, mode, inputs } = request;
    const invalidated = await this.#invalidated({ ...request, rerun: [] }, state);
    const gone = await this.#reader.gone([...state.nodes.values()].flatMap(({ output }) => output ?? []));
    const ranks = await this.#reader.ranks(state);
    const wish = { rerun, mode, newInputs: [...inputs.keys()], ranks, invalidated };
    return planReplay(plan, state, wish, (output) => !gone.has(output));
  }

  /** What counts no longer because the dag changed, or because failed elements are to be executed again. */
  async #invalidated({ plan, onChange, rerun }: Pick<RestartRequest, "plan" | "onChange" | "rerun">, state: RunState) {
    const { shape, fingerprint } = await this.#describe(plan);
    const isSame = onChange === "ignore" || fingerprint === (state.resumed ?? state.started).fingerprint;
    const changes = isSame ? undefined : changesOf(state.runId, await this.#reader.shape(state), shape, onChange);
    const { reopened, failed } = reopenFailed(state, rerun);
    if (!changes && reopened.size === 0) return new Map<string, Reason>();
    const invalidated = invalidatedPaths(plan, new RunTree(state.nodes.keys()), { changes, reopened });
    for (const path of failed) if (!invalidated.has(path)) invalidated.set(path, "restarted after failure");
    return invalidated;
  }

  /** Shape and code are stored like values, as JSON. The fingerprint is the hash of the shape. */
  async #describe(plan: Plan): Promise<Description> {
    const known = this.#descriptions.get(plan);
    if (known) return known;
    const shape = shapeOf(plan);
    const [shapeText, codeText] = await Promise.all(
      [shape, codeOf(plan)].map((part) => hashEncoded({ text: JSON.stringify(part), parts: [] })) as [
        Promise<Hashed>,
        Promise<Hashed>,
      ],
    );
    const description = { shape, fingerprint: shapeText.hash, code: codeText.hash, texts: [shapeText, codeText] };
    this.#descriptions.set(plan, description);
    return description;
  }
}

function sourcesOf({ sources, steps }: Plan): Step[] {
  return sources.map((index) => steps[index] as Step);
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

function blocked({ replayOf, blocked: paths }: ReplayPlan): HeddleError {
  return new HeddleError(
    "REPLAY_BLOCKED",
    `Run "${replayOf}" cannot be replayed: the recorded outputs of ${quoted(paths)} are gone. Name these paths in \`rerun\` too.`,
  );
}
