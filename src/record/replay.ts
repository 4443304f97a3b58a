// What a replay would do, per path: execute it, reuse its recorded output, or neither. Pure; nothing is run here.

import { pathPattern, whereabouts, withoutElement } from "../definition/path.js";
import { type Plan, stepAt } from "../definition/plan.js";
import { HeddleError, quoted } from "../errors.js";
import type { Reason, ReplayMode } from "../events.js";

import type { ReplayPlan, ReplayStep } from "./replay-plan.js";
import { Planner } from "./replay-planner.js";
import type { RecordedOutput, RunState } from "./run-state.js";
import { RunTree } from "./tree.js";

/** What a caller wants replayed. */
export interface ReplayWish {
  /** Paths and patterns. */
  readonly rerun: readonly string[];
  readonly mode: ReplayMode;
  /** Paths of sources that get new inputs. */
  readonly newInputs: readonly string[];
  /** Paths of sources whose recorded inputs are gone. */
  readonly lostInputs: ReadonlySet<string>;
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
  const { seen } = planner;
  const steps = planner.steps.map((step) => (wish.lostInputs.has(step.path) ? withoutInputs(step) : step));
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

/** A source whose recorded inputs are gone can be reused, but not executed. */
function withoutInputs(step: ReplayStep): ReplayStep {
  const { path, effect, action } = step;
  if (action !== "rerun") return step;
  return { path, effect, action: "blocked", why: "a recorded input is gone; give it in `inputs`", stale: false };
}

function whyUnmatched(plan: Plan, path: string): string {
  return stepAt(plan, path)
    ? "the composite around it has no such element"
    : "the dag has no node at this path any more";
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
  const [first] = unknown as [string];
  throw new HeddleError(
    "UNKNOWN_PATH",
    `Run "${state.runId}" of dag "${plan.dag}" has no path ${quoted(unknown)} to replay. ${whatThereIs(first, plan, tree, state)}`,
  );
}

/** What there is where a path goes astray. */
function whatThereIs(name: string, plan: Plan, tree: RunTree, state: RunState): string {
  const labels = `The nodes of the dag are ${quoted(plan.byPath.keys())}.`;
  const place = whereabouts(name);
  if (!place || name.includes("*")) return `${labels} What ran inside composites is named like "chunks[3]/parse".`;
  const elements = tree.elements(place.composite);
  const inside = elements.get(place.element);
  if (inside) return `In "${place.element}" ran ${quoted(inside)}.`;
  if (elements.size > 0) return `The elements of "${place.composite}" are ${quoted(elements.keys())}.`;
  if (state.nodes.has(place.composite)) return `"${place.composite}" has no elements on record.`;
  return whatThereIs(place.composite, plan, tree, state);
}

function allElements(tree: RunTree, state: RunState): string[] {
  return [...state.nodes.keys()].flatMap((path) => [...tree.elements(path).keys()]);
}
