// A dag as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), for READMEs and issues.

import type { AnyDag, Dag } from "./members.js";
import type { CompositePlan, Plan, Step, SubPlan } from "./plan.js";

/**
 * Draws a dag as Mermaid text: sources as stadiums, sinks as doubled boxes, named inputs on their edges. A composite is
 * a frame around what it runs; side inputs are dotted arrows.
 */
export function toMermaid(dag: Dag): string {
  return ["flowchart TD", ...drawPlan(dag.plan, "n", "  ", dag.edges), ""].join("\n");
}

function drawPlan(plan: Plan, id: string, indent: string, edges: AnyDag["edges"]): string[] {
  const boxes =
    plan.order.length === plan.steps.length ? plan.steps : plan.order.map((index) => plan.steps[index] as Step);
  return [
    ...boxes.flatMap((step) => drawStep(step, `${id}${step.index}`, indent)),
    ...arrows(plan, id, edges).map((arrow) => indent + arrow),
  ];
}

function drawStep(step: Step, id: string, indent: string): string[] {
  const { label, upstream, downstream, composite } = step;
  if (composite) return drawComposite(composite, label, id, indent);
  const text = `"${entities(label)}"`;
  if (upstream.length === 0) return [`${indent}${id}([${text}])`];
  return [downstream.length === 0 ? `${indent}${id}[[${text}]]` : `${indent}${id}[${text}]`];
}

function drawComposite({ kind, subs }: CompositePlan, label: string, id: string, indent: string): string[] {
  const inside = [...subs].flatMap(([key, sub], i) => drawSub(key, sub, `${id}_${i}_`, `${indent}  `));
  return [`${indent}subgraph ${id} ["${entities(`${label} (${kind})`)}"]`, ...inside, `${indent}end`];
}

function drawSub(key: string, { plan, separator }: SubPlan, id: string, indent: string): string[] {
  const [first] = plan.steps as [Step];
  if (separator === "" && first.composite) return drawComposite(first.composite, key || first.label, id, indent);
  if (separator === "") return [`${indent}${id}["${entities(key || first.label)}"]`];
  const drawn = drawPlan(plan, id, key === "" ? indent : `${indent}  `, []);
  return key === "" ? drawn : [`${indent}subgraph ${id} ["${entities(key)}"]`, ...drawn, `${indent}end`];
}

/** Edges as declared where they are known, otherwise as wired. */
function arrows({ steps, order }: Plan, id: string, edges: AnyDag["edges"]): string[] {
  const number = new Map(steps.map(({ label, index }) => [label, index]));
  const isHere = new Set(order);
  const declared = (edges as Dag["edges"]).map(([up, down, input]) => {
    const arrow = input === undefined ? "-->" : `-->|"${entities(input)}"|`;
    return `${id}${number.get(up)} ${arrow} ${id}${number.get(down)}`;
  });
  const isDeclared = new Set((edges as Dag["edges"]).map(([up, down]) => `${number.get(up)} ${number.get(down)}`));
  const wired = order.flatMap((index) => {
    const step = steps[index] as Step;
    return step.upstream.flatMap((up) => {
      if (!isHere.has(up) || isDeclared.has(`${up} ${index}`)) return [];
      const side = step.composite && step.feeds.find(({ from, input }) => from === up && input !== "input");
      return [`${id}${up} ${side ? `-.->|"${entities(side.input)}"|` : "-->"} ${id}${index}`];
    });
  });
  return [...declared, ...wired];
}

function entities(text: string): string {
  return text.replace(/[#"<>&]/g, (sign) => `#${sign.charCodeAt(0)};`).replace(/\s+/g, " ");
}
