// What a replay would do, per path: execute it, reuse its recorded output, or neither. Pure; nothing is run here.

import { descendants, type Plan } from "../definition/plan.js";
import { HeddleError, quoted } from "../errors.js";
import type { Reason, ReplayMode } from "../events.js";
import type { NodeRecord, RecordedOutput, RunState } from "./fold.js";

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
  /** In the order of execution. */
  readonly steps: readonly ReplayStep[];
  readonly stale: readonly string[];
  readonly blocked: readonly string[];
}

/** What a caller wants replayed. */
export interface ReplayWish {
  readonly rerun: readonly string[];
  readonly mode: ReplayMode;
  /** Paths of sources that get new inputs. */
  readonly newInputs: readonly string[];
  /** Paths whose nodes differ from those recorded. */
  readonly invalidated: ReadonlySet<string>;
}

/** Plans a replay. `isAvailable` tells whether a recorded output can still be read. @throws HeddleError `UNKNOWN_PATH`. */
export function planReplay(
  plan: Plan,
  state: RunState,
  wish: ReplayWish,
  isAvailable: (output: RecordedOutput) => boolean,
): ReplayPlan {
  const reasons = rerunReasons(plan, state, wish);
  const stale = descendants(plan, indexes(plan, reasons.keys()));
  const steps = plan.order.map((index): ReplayStep => {
    const { path, node } = plan.steps[index] as Plan["steps"][number];
    const base = { path, effect: node.effect !== undefined && node.effect !== false };
    const reason = reasons.get(path);
    if (reason) return { ...base, action: "rerun", why: reason, reason, stale: false };
    const output = (state.nodes.get(path) as NodeRecord).output as RecordedOutput;
    if (!isAvailable(output))
      return { ...base, action: "blocked", why: "its recorded output is gone from the store", stale: false };
    const isStale = stale.has(index);
    return {
      ...base,
      action: "reuse",
      why: isStale ? "recorded; but an ancestor is executed again" : "recorded",
      stale: isStale,
    };
  });
  const paths = (test: (step: ReplayStep) => boolean) => steps.filter(test).map(({ path }) => path);
  return {
    replayOf: state.runId,
    mode: wish.mode,
    steps,
    stale: paths((step) => step.stale),
    blocked: paths((step) => step.action === "blocked"),
  };
}

/** Why each path that a replay executes is executed. */
function rerunReasons(plan: Plan, state: RunState, wish: ReplayWish): Map<string, Reason> {
  checkPaths(plan, wish.rerun);
  const reasons = new Map<string, Reason>();
  const add = (paths: Iterable<string>, reason: Reason) => {
    for (const path of paths) if (!reasons.has(path)) reasons.set(path, reason);
  };
  add(wish.rerun, "named in replay");
  add(wish.newInputs, "new input");
  if (wish.mode === "downstream") {
    const below = descendants(plan, indexes(plan, reasons.keys()));
    add(
      [...below].map((index) => plan.steps[index]?.path as string),
      "downstream of a named path",
    );
  }
  add(
    plan.steps.map(({ path }) => path).filter((path) => wish.invalidated.has(path)),
    "dag changed",
  );
  add(
    plan.steps.map(({ path }) => path).filter((path) => !state.nodes.get(path)?.output),
    "no recorded output",
  );
  return reasons;
}

function checkPaths(plan: Plan, paths: readonly string[]): void {
  const unknown = paths.filter((path) => !plan.byPath.has(path));
  if (unknown.length === 0) return;
  throw new HeddleError(
    "UNKNOWN_PATH",
    `Dag "${plan.dag}" has no path ${quoted(unknown)} to replay. Its paths are ${quoted(plan.byPath.keys())}.`,
  );
}

function indexes(plan: Plan, paths: Iterable<string>): number[] {
  return [...paths].map((path) => plan.byPath.get(path)?.index as number);
}
