// What a replay would do, per path: execute it, reuse its recorded output, or neither. Pure; nothing is run here.

import { pathPattern, withoutElement } from "../definition/path.js";
import { MAIN_INPUT, type Plan, type Step, stepAt, subOfElement } from "../definition/plan.js";
import { HeddleError, quoted } from "../errors.js";
import type { Reason, ReplayMode } from "../events.js";
import type { NodeRecord, RecordedOutput, RunState } from "./fold.js";
import { RunTree } from "./tree.js";

/** What happens to one path in a replay, and why. */
export interface ReplayStep {
  readonly path: string;
  readonly action: "rerun" | "reuse" | "blocked";
  /** The same in words. */
  readonly why: string;
  /** Why it is executed. */
  readonly reason?: Reason;
  /** Reused although something it is made of is executed again. */
  readonly stale: boolean;
  /** The node acts on the outside world; if it is rerun, it acts again, under a new key. */
  readonly effect: boolean;
}

/** What a replay would do. */
export interface ReplayPlan {
  readonly replayOf: string;
  readonly mode: ReplayMode;
  /** In the order of execution; what is inside a composite comes after it. */
  readonly steps: readonly ReplayStep[];
  readonly stale: readonly string[];
  readonly blocked: readonly string[];
  /** Recorded paths that have no place in the dag any more, and why: they are left out. */
  readonly unmatched: readonly { readonly path: string; readonly why: string }[];
}

/** What a caller wants replayed. */
export interface ReplayWish {
  /** Paths and patterns. */
  readonly rerun: readonly string[];
  readonly mode: ReplayMode;
  /** Paths of sources that get new inputs. */
  readonly newInputs: readonly string[];
  /** The positions of elements that have keys, by path. */
  readonly ranks: ReadonlyMap<string, number>;
  /** Paths whose nodes differ from those recorded. */
  readonly invalidated: ReadonlyMap<string, Reason>;
}

/** Plans a replay. `isAvailable` tells whether a recorded output can still be read. @throws HeddleError `UNKNOWN_PATH`. */
export function planReplay(
  plan: Plan,
  state: RunState,
  wish: ReplayWish,
  isAvailable: (output: RecordedOutput) => boolean,
): ReplayPlan {
  const tree = new RunTree(state.nodes.keys());
  const isNamed = namesOf(plan, tree, state, wish.rerun);
  const newInputs = new Set(wish.newInputs);
  const reasonOf = (path: string): Reason | undefined => {
    if (isNamed(path)) return "named in replay";
    if (newInputs.has(path)) return "new input";
    if (wish.invalidated.has(path)) return "dag changed";
    return state.nodes.get(path)?.output ? undefined : "no recorded output";
  };
  const { ranks, mode } = wish;
  const planner = new Planner({ state, tree, ranks, mode, reasonOf, isNamed, isAvailable });
  planner.frame(plan, "", { isGivenStale: false, isSideStale: () => false });
  const { steps, seen } = planner;
  const paths = (test: (step: ReplayStep) => boolean) => steps.filter(test).map(({ path }) => path);
  return {
    replayOf: state.runId,
    mode: wish.mode,
    steps,
    stale: paths((step) => step.stale),
    blocked: paths((step) => step.action === "blocked"),
    unmatched: [...state.nodes.keys()]
      .filter((path) => !seen.has(path))
      .map((path) => ({ path, why: whyUnmatched(plan, path) })),
  };
}

function whyUnmatched(plan: Plan, path: string): string {
  return stepAt(plan, path)
    ? "the composite around it has no such element"
    : "the dag has no node at this path any more";
}

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

/** The paths whose outputs were reused although a run has executed, or executes, something they are made of. */
export function stalePaths(
  plan: Plan,
  state: RunState,
  ranks: ReadonlyMap<string, number>,
  isReused: (path: string) => boolean,
): string[] {
  const tree = new RunTree(state.nodes.keys());
  const reasonOf = (path: string) => (isReused(path) ? undefined : "no recorded output");
  const planner = new Planner({
    state,
    tree,
    ranks,
    mode: "pinned",
    reasonOf,
    isNamed: () => false,
    isAvailable: () => true,
  });
  planner.frame(plan, "", { isGivenStale: false, isSideStale: () => false });
  return planner.steps.filter(({ stale }) => stale).map(({ path }) => path);
}

interface PlannerSetup {
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

class Planner {
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
    return (element) => {
      const index = /\[(\d+)\]$/.exec(element)?.[1];
      return (index === undefined ? (ranks.get(element) ?? Number.NaN) : Number(index)) < composed.count;
    };
  }

  /** A failure that was collected is a result: it is executed again only if somebody asks for it. */
  #keepFailure(at: number, failed: ReadonlySet<string>): boolean {
    const planned = this.steps.splice(at);
    const isKept = planned.some(({ path }) => failed.has(path));
    if (!isKept) this.steps.push(...planned);
    for (const step of isKept ? planned : []) {
      if (step.action !== "rerun") this.steps.push(step);
      else if (failed.has(step.path)) {
        const why = "recorded: a failure that its map collected";
        this.steps.push({ path: step.path, action: "reuse", why, stale: false, effect: step.effect });
      }
    }
    return isKept;
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
        why: "its recorded output is gone from the store",
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

/** Makes a test of which paths are named. @throws HeddleError `UNKNOWN_PATH` for names of nothing. */
function namesOf(plan: Plan, tree: RunTree, state: RunState, rerun: readonly string[]): (path: string) => boolean {
  const exact = new Set(rerun.filter((name) => !name.includes("*")));
  const patterns = rerun.filter((name) => name.includes("*"));
  const tests = patterns.map(pathPattern);
  // A pattern means what there is: not what never ran because its element failed before.
  const test = (path: string) =>
    exact.has(path) || (tests.some((matches) => matches(path)) && (state.nodes.has(path) || isElement(path)));
  const isElement = (name: string) => tree.elements(withoutElement(name)).has(name);
  const isKnown = (name: string) =>
    plan.byPath.has(name) || (stepAt(plan, name) && state.nodes.has(name)) || isElement(name);
  const unknown = [...exact].filter((name) => !isKnown(name));
  const elements = patterns.length === 0 ? [] : allElements(tree, state);
  unknown.push(...patterns.filter((_, i) => ![...state.nodes.keys(), ...elements].some((path) => tests[i]?.(path))));
  if (unknown.length === 0) return test;
  throw new HeddleError(
    "UNKNOWN_PATH",
    `Run "${state.runId}" of dag "${plan.dag}" has no path ${quoted(unknown)} to replay. The paths of its nodes are ${quoted(plan.byPath.keys())}, and those of what ran inside composites for instance "chunks[3]/parse"; inspect() lists them.`,
  );
}

function allElements(tree: RunTree, state: RunState): string[] {
  return [...state.nodes.keys()].flatMap((path) => [...tree.elements(path).keys()]);
}
