// Walks the recorded tree of a run, frame by frame and upstreams first, and decides what a replay does with each path.

import { MAIN_INPUT, type Plan, type Step, subOfElement } from "../definition/plan.js";
import type { Reason, ReplayMode } from "../events.js";
import type { ReplayStep } from "./replay-plan.js";
import type { NodeRecord, RecordedOutput, RunState } from "./run-state.js";
import type { RunTree } from "./tree.js";

/** What a frame gets from around it. */
interface Surroundings {
  /** True if what its source is given may be out of date or new. */
  readonly isGivenStale: boolean;
  /** The same for a side input. */
  readonly isSideStale: (name: string) => boolean;
  /** Why all of it is executed. */
  readonly whole?: Reason;
  readonly replaced?: ReadonlyMap<number, string>;
}

/** What became of a frame: whether anything in it is executed, and whether because somebody asked for it. */
interface Verdict {
  readonly executes: boolean;
  readonly isAsked: boolean;
  /** Like `isAsked`, or because the dag changed: not only for want of a recorded output. */
  readonly isWanted: boolean;
}

/** What a planner works on. */
export interface PlannerSetup {
  readonly state: RunState;
  readonly tree: RunTree;
  /** The positions of elements that have keys, by path. */
  readonly ranks: ReadonlyMap<string, number>;
  readonly mode: ReplayMode;
  /** Why a path is executed, apart from where it stands. */
  readonly reasonOf: (path: string) => Reason | undefined;
  readonly isNamed: (path: string) => boolean;
  readonly isAvailable: (output: RecordedOutput) => boolean;
}

const MATCHED = "its collection is made again, and what is recorded is taken for elements of the same position or key";

/** Plans one replay: the steps are what it found. */
export class Planner {
  readonly steps: ReplayStep[] = [];
  readonly seen = new Set<string>();
  readonly #setup: PlannerSetup;

  constructor(setup: PlannerSetup) {
    this.#setup = setup;
  }

  /** Plans one frame, upstreams first. */
  frame(plan: Plan, prefix: string, around: Surroundings): Verdict {
    // Steps that are executed or out of date, and those that are executed because somebody asked for it.
    const touched = new Set<number>();
    const asked = new Set<number>();
    for (const [index, name] of around.replaced ?? []) if (around.isSideStale(name)) touched.add(index);
    const found = { executes: false, isAsked: false, isWanted: false };
    for (const index of plan.order) {
      const step = plan.steps[index] as Step;
      const isBelow = step.upstream.length === 0 ? around.isGivenStale : step.upstream.some((up) => touched.has(up));
      const isDownstream = this.#setup.mode === "downstream" && step.upstream.some((up) => asked.has(up));
      const path = prefix + step.path;
      const reason = around.whole ?? this.#reason(path, isDownstream);
      const isStaleAt = (input: string) => {
        const from = step.feeds.find((feed) => feed.input === input)?.from as number | undefined;
        return from === undefined ? around.isGivenStale : touched.has(from);
      };
      const verdict = step.composite
        ? this.#composite(step, path, reason, { isBelow, isStaleAt })
        : this.#leaf(step, path, reason, isBelow);
      if (verdict.isAsked) asked.add(index);
      if (verdict.executes || isBelow) touched.add(index);
      found.executes ||= verdict.executes;
      found.isAsked ||= verdict.isAsked;
      found.isWanted ||= verdict.isWanted;
    }
    return found;
  }

  #reason(path: string, isDownstream: boolean): Reason | undefined {
    const own = this.#setup.reasonOf(path);
    return isDownstream && !isAsked(own) ? "downstream of a named path" : own;
  }

  #leaf(step: Step, path: string, reason: Reason | undefined, isBelow: boolean): Verdict {
    if (reason) this.#rerun(step, path, reason);
    else this.#reuse(step, path, isBelow);
    return { executes: reason !== undefined, isAsked: isAsked(reason), isWanted: isWanted(reason) };
  }

  #composite(
    step: Step,
    path: string,
    reason: Reason | undefined,
    { isBelow, isStaleAt }: { readonly isBelow: boolean; readonly isStaleAt: (input: string) => boolean },
  ): Verdict {
    const at = this.steps.length;
    const whole = isAsked(reason) ? (reason as Reason) : undefined;
    const isSideStale = (name: string) => isStaleAt(name);
    const around = { isGivenStale: isStaleAt(MAIN_INPUT), isSideStale, ...(whole ? { whole } : {}) };
    const inner = this.#elements(step, path, around);
    const why = reason ?? (inner.executes ? "a child is executed" : undefined);
    const isNewCollection = !whole && this.#setup.tree.elements(path).size > 0 && isStaleAt(MAIN_INPUT);
    if (why) this.#rerun(step, path, why, isNewCollection ? `${why}; ${MATCHED}` : why);
    else this.#reuse(step, path, isBelow);
    // It was decided after its children, and stands before them.
    this.steps.splice(at, 0, this.steps.pop() as ReplayStep);
    return {
      executes: why !== undefined,
      isAsked: isAsked(reason) || inner.isAsked,
      isWanted: isWanted(reason) || inner.isWanted,
    };
  }

  #elements({ composite }: Step, path: string, around: Surroundings): Verdict {
    const found = { executes: false, isAsked: false, isWanted: false };
    const failed = new Set(this.#setup.state.nodes.get(path)?.output?.composed?.failed?.map(([, at]) => at));
    const isPart = this.#partsOf(path);
    for (const element of this.#setup.tree.elements(path).keys()) {
      if (!isPart(element)) continue;
      const [, sub] = composite ? subOfElement(composite, element.slice(path.length)) : [];
      if (!sub) continue;
      const isGivenStale = around.isGivenStale || sub.given.some((name) => around.isSideStale(name));
      const named = this.#setup.isNamed(element) ? { whole: "named in replay" as Reason } : {};
      const inside = { ...around, ...named, isGivenStale, replaced: sub.replaced };
      const at = this.steps.length;
      let verdict = this.frame(sub.plan, element + sub.separator, inside);
      if (failed.size > 0 && !verdict.isWanted && this.#keepFailure(at, failed))
        verdict = { ...verdict, executes: false };
      found.executes ||= verdict.executes;
      found.isAsked ||= verdict.isAsked;
      found.isWanted ||= verdict.isWanted;
    }
    return found;
  }

  /** What an earlier replay took over may have no place in the collection that was made then. */
  #partsOf(path: string): (element: string) => boolean {
    const { state, ranks } = this.#setup;
    const composed = state.nodes.get(path)?.output?.composed;
    if (!composed) return () => true;
    if (composed.kind === "one") return (element) => element === path + (composed.element ?? "");
    // A collection may have been a list once, and have keys now.
    if (composed.keys !== undefined) return (element) => (ranks.get(element) ?? Number.NaN) < composed.count;
    return (element) => Number(/\[(\d+)\]$/.exec(element)?.[1]) < composed.count;
  }

  /** A failure that was collected is a result: it is executed again only if somebody asks for it. */
  #keepFailure(at: number, failed: ReadonlySet<string>): boolean {
    let isKept = false;
    for (let i = at; i < this.steps.length && !isKept; i++) isKept = failed.has((this.steps[i] as ReplayStep).path);
    if (!isKept) return false;
    for (const step of this.steps.splice(at)) {
      if (step.action !== "rerun") this.steps.push(step);
      else if (failed.has(step.path)) {
        const why = "recorded: a failure that its map collected";
        this.steps.push({ path: step.path, action: "reuse", why, stale: false, effect: step.effect });
      }
    }
    return true;
  }

  #rerun(step: Step, path: string, reason: Reason, why: string = reason): void {
    this.seen.add(path);
    this.steps.push({ path, effect: isEffect(step), action: "rerun", why, reason, stale: false });
  }

  #reuse(step: Step, path: string, stale: boolean): void {
    this.seen.add(path);
    const effect = isEffect(step);
    const { output } = this.#setup.state.nodes.get(path) as NodeRecord;
    if (output && !this.#setup.isAvailable(output)) {
      this.steps.push({
        path,
        effect,
        action: "blocked",
        why: "its recorded output is gone; name it in `rerun` too",
        stale: false,
      });
    } else {
      const why = stale ? "recorded; but an ancestor is executed again" : "recorded";
      this.steps.push({ path, effect, action: "reuse", why, stale });
    }
  }
}

function isEffect({ node }: Step): boolean {
  return node.effect !== undefined && node.effect !== false;
}

/** True for what somebody asked for, and what follows from it. */
function isAsked(reason: Reason | undefined): boolean {
  return reason === "named in replay" || reason === "new input" || reason === "downstream of a named path";
}

function isWanted(reason: Reason | undefined): boolean {
  return isAsked(reason) || reason === "dag changed";
}
