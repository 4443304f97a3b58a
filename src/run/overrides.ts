// Other nodes in the place of those of a dag, chosen when a runner is made; the dag itself stays as it is.

import type { AnyNode } from "../definition/node.js";
import { elementText } from "../definition/path.js";
import type { CompositePlan, Plan, Step, SubPlan } from "../definition/plan.js";
import { isSameType } from "../definition/schema.js";
import { HeddleError, quoted } from "../errors.js";

type Overrides = Readonly<Record<string, AnyNode>>;

/**
 * The plan with some nodes replaced by others of the same types: by label, or inside composites by the pattern of their
 * paths (`chunks[*]/parse`).
 *
 * @throws HeddleError `INVALID_OPTION`.
 */
export function overridePlan(plan: Plan, overrides: Overrides | undefined): Plan {
  if (!overrides) return plan;
  const labels = new Set(plan.steps.map(({ label }) => label));
  const isOwn = (name: string) => labels.has(name);
  const own = new Map(Object.entries(overrides).filter(([name]) => isOwn(name)));
  let overridden = withSteps(plan, (step) => {
    const node = own.get(step.label);
    return node ? override(step, step.label, node) : step;
  });
  for (const [pattern, node] of Object.entries(overrides)) {
    if (!isOwn(pattern)) overridden = overrideInside(overridden, pattern, pattern, node) ?? unknown(plan, pattern);
  }
  return overridden;
}

function unknown({ dag, steps }: Plan, name: string): never {
  throw new HeddleError(
    "INVALID_OPTION",
    `Dag "${dag}" has no node "${name}" to override. Its labels are ${quoted(steps.map(({ label }) => label))}; nodes inside composites are named for all elements at once: "chunks[*]/parse", "stats/parse", "route{text}".`,
  );
}

const PATTERN = /^([^[{/]*)((?:\[\*\]|\{[^}]*\})*)(?:\/(.*))?$/s;

/** Replaces the node at a path inside a composite; nothing if there is none. */
function overrideInside(plan: Plan, path: string, pattern: string, node: AnyNode): Plan | undefined {
  const [, label = "", elements = "", rest] = PATTERN.exec(path) ?? [];
  const step = plan.byPath.get(label);
  if (!step) return undefined;
  const changed = overrideElement(step, elements.match(/\[\*\]|\{[^}]*\}/g) ?? [], rest, pattern, node);
  return changed && withSteps(plan, (one) => (one === step ? changed : one));
}

function overrideElement(
  step: Step,
  [element, ...inner]: readonly string[],
  rest: string | undefined,
  pattern: string,
  node: AnyNode,
): Step | undefined {
  const { composite } = step;
  if (element === undefined && rest === undefined) return composite ? undefined : override(step, pattern, node);
  if (!composite || (element === undefined) !== (composite.kind === "call")) return undefined;
  let changed: Step | undefined;
  for (const key of keysOf(composite, element)) {
    const sub = composite.subs.get(key);
    const plan = sub && overrideSub(sub, inner, rest, pattern, node);
    if (!plan) return undefined;
    changed = withSub(changed ?? step, key, { ...sub, plan });
  }
  return changed;
}

function overrideSub(
  { plan, separator, replaced }: SubPlan,
  inner: readonly string[],
  rest: string | undefined,
  pattern: string,
  node: AnyNode,
): Plan | undefined {
  if (separator === "/") {
    const isReplaced = [...replaced.keys()].some((index) => plan.steps[index]?.path === rest);
    const isInside = inner.length === 0 && rest !== undefined && !isReplaced;
    return isInside ? overrideInside(plan, rest, pattern, node) : undefined;
  }
  const changed = overrideElement(plan.steps[0] as Step, inner, rest, pattern, node);
  return changed && withSteps(plan, () => changed);
}

/** An override stands for all elements of a map; of a branch, for one case or all. */
function keysOf({ kind, subs }: CompositePlan, element: string | undefined): string[] {
  if (kind === "call") return [""];
  const isAll = element === "[*]" || element === "{*}";
  if (kind !== "branch") return isAll ? [""] : [];
  return [...subs.keys()].filter((key) => isAll || elementText({ key }) === element);
}

function withSub(step: Step, key: string, sub: SubPlan): Step {
  const composite = step.composite as CompositePlan;
  return { ...step, composite: { ...composite, subs: new Map([...composite.subs, [key, sub]]) } };
}

function withSteps(plan: Plan, change: (step: Step) => Step): Plan {
  const steps = plan.steps.map(change);
  return { ...plan, steps, byPath: new Map(steps.map((step) => [step.path, step])) };
}

function override(step: Step, name: string, node: AnyNode): Step {
  if (node?.kind !== "node")
    throw new HeddleError(
      "INVALID_OPTION",
      `The override of "${name}" is no node. Make it with node({ input, output, run }).`,
    );
  if (step.composite) {
    const { kind, subs } = step.composite;
    const inside = { call: "/…", map: "[*]", flatMap: "[*]", branch: `{${subs.keys().next().value}}` }[kind];
    throw new HeddleError(
      "INVALID_OPTION",
      `Node "${name}" is a ${kind} and cannot be overridden. Override what it runs: "${name}${inside}".`,
    );
  }
  const names = new Set([...Object.keys(step.node.input), ...Object.keys(node.input)]);
  const differing = [...names].filter((input) => !isSameType(step.node.input[input], node.input[input]));
  const faults = differing.map((input) => `input "${input}"`);
  if (!isSameType(step.node.output, node.output)) faults.push("the output");
  if (faults.length === 0) return { ...step, node, overridden: true };
  throw new HeddleError(
    "INVALID_OPTION",
    `The override of node "${name}" has other types: ${faults.join(", ")}. Use the same schema objects as the node it stands for.`,
  );
}
