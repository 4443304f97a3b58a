// What a changed dag means for a recorded run.

import { type Plan, type Step, subOfElement } from "../definition/plan.js";
import { HeddleError } from "../errors.js";
import type { Reason } from "../events.js";
import { type Changes, changes, type Shape, sentences } from "./shape.js";
import type { RunTree } from "./tree.js";

/**
 * What to do when the dag is not the one that was recorded: refuse; execute what changed and its descendants again; or
 * go on as if nothing had changed.
 */
export type OnChange = "refuse" | "invalidate" | "ignore";

const MOST_CHANGES = 20;

/**
 * How the dag changed since the run was recorded.
 *
 * @throws HeddleError `DAG_CHANGED` with a readable difference, if changes are refused.
 */
export function changesOf(runId: string, before: Shape, now: Shape, onChange: Exclude<OnChange, "ignore">): Changes {
  const found = changes(before, now);
  if (onChange === "refuse") throw refused(runId, now, sentences(found));
  return found;
}

/** What makes recorded outputs count no longer. */
export interface Cause {
  /** How the dag changed. */
  readonly changes?: Changes | undefined;
  /** Composites of which some elements are executed again. */
  readonly reopened?: ReadonlySet<string>;
}

/** The recorded paths that count no longer, and why: what has changed, its descendants, and the composites around it. */
export function invalidatedPaths(
  plan: Plan,
  tree: RunTree,
  { changes, reopened = new Set() }: Cause,
): Map<string, Reason> {
  const invalid = new Map<string, Reason>();
  if (changes || reopened.size > 0) new Invalidation(tree, reopened, invalid).frame(plan, "", changes);
  return invalid;
}

class Invalidation {
  readonly #tree: RunTree;
  readonly #reopened: ReadonlySet<string>;
  readonly #invalid: Map<string, Reason>;

  constructor(tree: RunTree, reopened: ReadonlySet<string>, invalid: Map<string, Reason>) {
    this.#tree = tree;
    this.#reopened = reopened;
    this.#invalid = invalid;
  }

  /** Walks one frame, upstreams first. Returns why something in it is invalid. */
  frame(plan: Plan, prefix: string, found: Changes | undefined): Reason | undefined {
    const here = new Map<number, Reason>();
    for (const index of plan.order) {
      const step = plan.steps[index] as Step;
      const path = prefix + step.path;
      const whole = found?.found.has(step.path) ? "dag changed" : this.#below(step, here);
      if (whole) for (const inside of this.#tree.inside(path)) this.#invalid.set(inside, whole);
      const inner = whole ? undefined : this.#elements(step, path, found);
      const reason = whole ?? inner ?? (this.#reopened.has(path) ? "a child is executed" : undefined);
      if (!reason) continue;
      this.#invalid.set(path, reason);
      here.set(index, reason);
    }
    return here.values().next().value;
  }

  #below({ upstream }: Step, here: ReadonlyMap<number, Reason>): Reason | undefined {
    const first = upstream.find((up) => here.has(up));
    if (first === undefined) return undefined;
    return here.get(first) === "dag changed" ? "dag changed" : "downstream of a named path";
  }

  #elements({ composite, path: own }: Step, path: string, found: Changes | undefined): Reason | undefined {
    const inner = found?.inner.get(own);
    if (!composite || (!inner && this.#reopened.size === 0)) return undefined;
    let reason: Reason | undefined;
    for (const element of this.#tree.elements(path).keys()) {
      const [key, sub] = subOfElement(composite, element.slice(path.length));
      const inside = sub && this.frame(sub.plan, element + sub.separator, inner?.get(key));
      if (inside) reason = inside === "dag changed" ? inside : "a child is executed";
    }
    return reason;
  }
}

function refused(runId: string, now: Shape, found: readonly string[]): HeddleError {
  const list = found.slice(0, MOST_CHANGES).map((change) => `- ${change}`);
  if (found.length > MOST_CHANGES) list.push(`- and ${found.length - MOST_CHANGES} more`);
  return new HeddleError(
    "DAG_CHANGED",
    `Dag "${now.dag}" is not the one that run "${runId}" was recorded with:\n${list.join("\n")}\nExecute what changed and all below it again with onChange: "invalidate", or go on as it is with onChange: "ignore".`,
    { faults: found },
  );
}
