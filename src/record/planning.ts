// What a restart or replay of a recorded run would do, found out before anything is claimed or written.

import type { Plan, Step } from "../definition/plan.js";
import type { Reason } from "../events.js";
import type { ReplayRequest, RestartRequest } from "../run/recording.js";
import { changesOf, invalidatedPaths } from "./on-change.js";
import { reopenFailed } from "./prior.js";
import type { RunReader } from "./reader.js";
import { planReplay } from "./replay.js";
import type { ReplayPlan } from "./replay-plan.js";
import { decideRestart, type RestartDecisions, reasonAfter } from "./restart.js";
import { type RestartPlan, RestartPlanner } from "./restart-plan.js";
import { type RunState, recordedInputs } from "./run-state.js";
import { codeOf, type Shape, shapeOf } from "./shape.js";
import { RunTree } from "./tree.js";
import { type Hashed, hashEncoded } from "./values.js";

/** A dag as data, with the hashes and encodings that records refer to. */
export interface Description {
  readonly shape: Shape;
  readonly fingerprint: string;
  readonly code: string;
  readonly texts: readonly Hashed[];
}

/** What a restart is asked for. */
export type RestartWish = Pick<RestartRequest, "plan" | "resume" | "rerun" | "onChange">;

/** A restart that was planned. */
export interface PlannedRestart {
  readonly plan: RestartPlan;
  readonly decisions: RestartDecisions;
  readonly invalidated: ReadonlyMap<string, Reason>;
}

/** A replay that was planned, and the sources whose recorded inputs are gone. */
export interface PlannedReplay {
  readonly plan: ReplayPlan;
  readonly lost: ReadonlySet<string>;
}

/** Plans restarts and replays of runs in one store. */
export class RunPlanning {
  readonly #reader: RunReader;
  readonly #descriptions = new WeakMap<Plan, Description>();

  constructor(reader: RunReader) {
    this.#reader = reader;
  }

  /** @throws HeddleError `DAG_CHANGED`, `UNKNOWN_PATH`, `NOT_PAUSED`, `INVALID_ANSWER`. */
  async restart(wish: RestartWish, state: RunState): Promise<PlannedRestart> {
    const { plan, resume } = wish;
    const invalidated = await this.#invalidated(wish, state);
    const decisions = decideRestart(plan, state, resume, invalidated);
    const supplied = new Set(decisions.supplied.map(({ path }) => path));
    const planner = new RestartPlanner(plan, {
      state,
      tree: new RunTree(state.nodes.keys()),
      isDone: (path) => supplied.has(path) || (state.nodes.get(path)?.output !== undefined && !invalidated.has(path)),
      reason: (path) => invalidated.get(path) ?? reasonAfter(state.nodes.get(path)?.attempts.at(-1)),
    });
    const gone = await this.#reader.gone(planner.needs.flatMap(({ values }) => values));
    const blocked = planner.needs.filter(({ values }) => values.some((value) => gone.has(value)));
    return { plan: planner.plan(new Set(blocked.map(({ path }) => path))), decisions, invalidated };
  }

  /** @throws HeddleError `DAG_CHANGED`, `UNKNOWN_PATH`. */
  async replay(request: ReplayRequest, state: RunState): Promise<PlannedReplay> {
    const { plan, rerun, mode, inputs } = request;
    const invalidated = await this.#invalidated({ ...request, rerun: [] }, state);
    const outputs = [...state.nodes.values()].flatMap(({ output }) => output ?? []);
    const [gone, ranks, lost] = await Promise.all([
      this.#reader.gone(outputs),
      this.#reader.ranks(state),
      this.#lostInputs(request, state),
    ]);
    const wish = { rerun, mode, newInputs: [...inputs.keys()], lostInputs: lost, ranks, invalidated };
    return { plan: planReplay(plan, state, wish, (output) => !gone.has(output)), lost };
  }

  /** The sources that get no new inputs, and of whose recorded ones some are gone. */
  async #lostInputs({ plan, inputs }: Pick<ReplayRequest, "plan" | "inputs">, state: RunState): Promise<Set<string>> {
    const sources = sourcesOf(plan).filter(({ path }) => !inputs.has(path));
    const given = sources.map(({ path }) => ({ path, values: recordedInputs(state, path) }));
    const gone = await this.#reader.gone(given.flatMap(({ values }) => values));
    return new Set(given.flatMap(({ path, values }) => (values.some((value) => gone.has(value)) ? [path] : [])));
  }

  /** Shape and code are stored like values, as JSON. The fingerprint is the hash of the shape. */
  async describe(plan: Plan): Promise<Description> {
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

  /** What counts no longer because the dag changed, or because failed elements are to be executed again. */
  async #invalidated({ plan, onChange, rerun }: Pick<RestartWish, "plan" | "onChange" | "rerun">, state: RunState) {
    const { shape, fingerprint } = await this.describe(plan);
    const isSame = onChange === "ignore" || fingerprint === (state.resumed ?? state.started).fingerprint;
    const changes = isSame ? undefined : changesOf(state.runId, await this.#reader.shape(state), shape, onChange);
    const { reopened, failed } = reopenFailed(state, rerun);
    if (!changes && reopened.size === 0) return new Map<string, Reason>();
    const invalidated = invalidatedPaths(plan, new RunTree(state.nodes.keys()), { changes, reopened });
    for (const path of failed) if (!invalidated.has(path)) invalidated.set(path, "restarted after failure");
    return invalidated;
  }
}

/** The steps that the inputs of a run go to. */
export function sourcesOf({ sources, steps }: Plan): Step[] {
  return sources.map((index) => steps[index] as Step);
}
