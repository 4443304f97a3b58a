// A dag as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), for READMEs and issues.

import type { Dag } from "./members.js";

/** Draws a dag as Mermaid text: sources as stadiums, sinks as doubled boxes, named inputs on their edges. */
export function toMermaid(dag: Dag): string {
  const number = new Map(dag.plan.steps.map(({ label, index }) => [label, index]));
  const boxes = dag.plan.steps.map(({ label, index, upstream, downstream }) => {
    const text = `"${entities(label)}"`;
    if (upstream.length === 0) return `  n${index}([${text}])`;
    return downstream.length === 0 ? `  n${index}[[${text}]]` : `  n${index}[${text}]`;
  });
  const arrows = dag.edges.map(([up, down, input]) => {
    const arrow = input === undefined ? "-->" : `-->|"${entities(input)}"|`;
    return `  n${number.get(up)} ${arrow} n${number.get(down)}`;
  });
  return ["flowchart TD", ...boxes, ...arrows, ""].join("\n");
}

function entities(text: string): string {
  return text.replace(/[#"<>&]/g, (sign) => `#${sign.charCodeAt(0)};`).replace(/\s+/g, " ");
}
