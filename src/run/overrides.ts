// Other nodes in the place of those of a dag, chosen when a runner is made; the dag itself stays as it is.

import type { AnyNode } from "../definition/node.js";
import type { Plan, Step } from "../definition/plan.js";
import { type AnySchema, isList, isOptional } from "../definition/schema.js";
import { HeddleError, quoted } from "../errors.js";

/** The plan with some nodes replaced by others of the same types. @throws HeddleError `INVALID_OPTION`. */
export function overridePlan(plan: Plan, overrides: Readonly<Record<string, AnyNode>> | undefined): Plan {
  if (!overrides) return plan;
  const labels = new Set(plan.steps.map(({ label }) => label));
  const unknown = Object.keys(overrides).filter((label) => !labels.has(label));
  if (unknown.length > 0) {
    throw new HeddleError(
      "INVALID_OPTION",
      `Dag "${plan.dag}" has no node ${quoted(unknown)} to override. Its labels are ${quoted(labels)}.`,
    );
  }
  const steps = plan.steps.map((step) => {
    const node = Object.hasOwn(overrides, step.label) ? overrides[step.label] : undefined;
    return node ? override(step, node) : step;
  });
  return { ...plan, steps, byPath: new Map(steps.map((step) => [step.path, step])) };
}

function override(step: Step, node: AnyNode): Step {
  const names = new Set([...Object.keys(step.node.input), ...Object.keys(node.input)]);
  const differing = [...names].filter((name) => !isSameType(step.node.input[name], node.input[name]));
  const faults = differing.map((name) => `input "${name}"`);
  if (!isSameType(step.node.output, node.output)) faults.push("the output");
  if (faults.length === 0) return { ...step, node, overridden: true };
  throw new HeddleError(
    "INVALID_OPTION",
    `The override of node "${step.label}" has other types: ${faults.join(", ")}. Use the same schema objects as the node it stands for.`,
  );
}

function isSameType(a: AnySchema | undefined, b: AnySchema | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  if (isList(a) && isList(b)) return isSameType(a.element, b.element);
  return isOptional(a) && isOptional(b) && isSameType(a.inner, b.inner);
}
