// What a restart would do, per path: keep what is recorded, execute what is not, or fail for want of a value that is
// gone. Pure; nothing is run here.

import { type Plan, type Step, type SubPlan, subOfElement } from "../definition/plan.js";
import { type RecordedValue, type RunState, recordedAnswers, recordedInputs } from "./run-state.js";
import type { RunTree } from "./tree.js";

/** What happens to one path in a restart, and why. */
export interface RestartStep {
  readonly path: string;
  readonly action: "execute" | "keep" | "blocked";
  /** The same in words. */
  readonly why: string;
  /** The node acts on the outside world. */
  readonly effect: boolean;
}

/** What a restart would do. */
export interface RestartPlan {
  readonly runId: string;
  /** In the order of execution; what is inside a composite comes after it. */
  readonly steps: readonly RestartStep[];
  /** Paths that would have to be executed, or whose output is a result, and for which a value is gone. */
  readonly blocked: readonly string[];
}

/** The frame around a step. */
interface Around {
  readonly plan: Plan;
  readonly prefix: string;
  readonly isRoot: boolean;
}

/** What a restart is planned from. */
export interface RestartSetup {
  readonly state: RunState;
  readonly tree: RunTree;
  /** True if the path is not executed. */
  readonly isDone: (path: string) => boolean;
  /** Why it is executed. */
  readonly reason: (path: string) => string;
}

/** Something that is executed, or given as a result, and the recorded values that it takes. */
interface Need {
  readonly path: string;
  readonly values: readonly RecordedValue[];
}

/** Walks the frames of a run, and finds what each path needs. */
export class RestartPlanner {
  readonly needs: Need[] = [];
  readonly #steps: Omit<RestartStep, "action">[] = [];
  readonly #kept = new Set<string>();
  readonly #setup: RestartSetup;

  constructor(plan: Plan, setup: RestartSetup) {
    this.#setup = setup;
    this.#frame(plan, "", undefined);
    for (const index of plan.sinks) this.#needResult((plan.steps[index] as Step).path);
  }

  /** The plan, once it is known which paths need what is gone. */
  plan(blocked: ReadonlySet<string>): RestartPlan {
    const steps = this.#steps.map((step): RestartStep => {
      if (blocked.has(step.path)) return { ...step, action: "blocked", why: "a recorded value that it needs is gone" };
      return { ...step, action: this.#kept.has(step.path) ? "keep" : "execute" };
    });
    return { runId: this.#setup.state.runId, steps, blocked: [...blocked] };
  }

  #frame(plan: Plan, prefix: string, sub: SubPlan | undefined): void {
    for (const index of plan.order) {
      if (sub?.replaced.has(index)) continue;
      const step = plan.steps[index] as Step;
      const path = prefix + step.path;
      const isDone = this.#setup.isDone(path);
      const why = isDone ? "recorded" : this.#setup.reason(path);
      this.#steps.push({ path, why, effect: step.node.effect !== undefined && step.node.effect !== false });
      if (isDone) this.#kept.add(path);
      else this.#execute(step, path, { plan, prefix, isRoot: sub === undefined });
    }
  }

  #execute(step: Step, path: string, { plan, prefix, isRoot }: Around): void {
    const upstream = step.feeds.flatMap(({ from }) => from).map((index) => prefix + plan.steps[index]?.path);
    const given = isRoot && step.upstream.length === 0 ? recordedInputs(this.#setup.state, path) : [];
    const taken = upstream.flatMap((from) => (this.#setup.isDone(from) ? this.#outputsOf(from) : []));
    this.needs.push({ path, values: [...given, ...taken, ...recordedAnswers(this.#setup.state, path)] });
    if (step.composite) this.#elements(step, path);
  }

  /** A composite goes on with the elements that it had begun: what they gave is put together again. */
  #elements({ composite }: Step, path: string): void {
    for (const element of this.#setup.tree.elements(path).keys()) {
      const [, sub] = composite ? subOfElement(composite, element.slice(path.length)) : [];
      if (!sub) continue;
      const prefix = element + sub.separator;
      this.#frame(sub.plan, prefix, sub);
      this.#needResult(prefix + sub.plan.steps[sub.sink]?.path);
    }
  }

  #needResult(path: string): void {
    if (this.#setup.isDone(path)) this.needs.push({ path, values: this.#outputsOf(path) });
  }

  /** What the output of a path is made of. */
  #outputsOf(path: string): RecordedValue[] {
    const { state, tree } = this.#setup;
    const output = state.nodes.get(path)?.output;
    if (!output?.composed) return output ? [output] : [];
    const { sink, failed, element: only } = output.composed;
    const gone = new Set(failed?.map(([, at]) => at));
    const elements = only === undefined ? [...tree.elements(path).keys()] : [path + only];
    const children = elements.map((element) => element + sink).filter((child) => !gone.has(child));
    return [output, ...children.flatMap((child) => this.#outputsOf(child))];
  }
}
