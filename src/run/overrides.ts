// Other nodes in the place of those of a dag, chosen when a runner is made; the dag itself stays as it is.

import type { AnyNode } from "../definition/node.js";
import { type CompositePlan, type Plan, type Step, type SubPlan, subOfElement } from "../definition/plan.js";
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
    `Dag "${dag}" has no node "${name}" to override. Its labels are ${quoted(steps.map(({ label }) => label))}; nodes inside composites are named like "chunks[*]/parse".`,
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
  const [key, sub] = subOfElement(composite, element ?? "");
  if (!sub) return undefined;
  if (sub.separator === "/") {
    const plan = inner.length === 0 && rest !== undefined ? overrideInside(sub.plan, rest, pattern, node) : undefined;
    return plan && withSub(step, composite, key, { ...sub, plan });
  }
  const [first] = sub.plan.steps as [Step];
  const changed = overrideElement(first, inner, rest, pattern, node);
  return changed && withSub(step, composite, key, { ...sub, plan: withSteps(sub.plan, () => changed) });
}

function withSub(step: Step, composite: CompositePlan, key: string, sub: SubPlan): Step {
  return { ...step, composite: { ...composite, subs: new Map([...composite.subs, [key, sub]]) } };
}

function withSteps(plan: Plan, change: (step: Step) => Step): Plan {
  const steps = plan.steps.map(change);
  return { ...plan, steps, byPath: new Map(steps.map((step) => [step.path, step])) };
}

function override(step: Step, name: string, node: AnyNode): Step {
  if (step.composite) {
    throw new HeddleError(
      "INVALID_OPTION",
      `Node "${name}" is a ${step.composite.kind} and cannot be overridden. Override what it runs: "${name}[*]" or "${name}[*]/…".`,
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
