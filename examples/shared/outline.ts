// A dag as the command line speaks of it: its nodes, those inside maps by patterns, and which maps there are.

import type { Dag, Plan } from "heddle";

/** A map of a dag. */
export interface MapOutline {
  readonly path: string;
  /** The node whose output it goes over. */
  readonly from: string;
  /** When this is done, an element is: `chunks[*]/match`. */
  readonly last: string;
}

/** How many nodes a dag has, those inside maps not counted, and its maps. */
export interface Outline {
  readonly nodes: number;
  readonly maps: readonly MapOutline[];
}

/** Makes the outline of a dag. */
export function outlineOf({ plan: { steps } }: Dag): Outline {
  const maps = steps.flatMap(({ path, composite, feeds }): MapOutline[] => {
    const sub = composite?.kind === "map" ? composite.subs.get("") : undefined;
    if (!sub) return [];
    const from = steps[feeds[0]?.from as number]?.path ?? ""; // the first is the one that it goes over
    return [{ path, from, last: `${path}[*]${sub.separator}${sub.plan.steps[sub.sink]?.path}` }];
  });
  return { nodes: steps.length, maps };
}

/** The paths of all nodes, those inside maps as patterns: `chunks[*]/match`. */
export function namesIn(plan: Plan, prefix = ""): string[] {
  return plan.steps.flatMap(({ path, composite }) => {
    const inside = [...(composite?.subs ?? [])].flatMap(([key, sub]) => {
      const element = composite?.kind === "branch" ? `{${key}}` : "[*]";
      const steps = sub.plan.steps.filter(({ index }) => !sub.replaced.has(index));
      const start = `${prefix}${path}${composite?.kind === "call" ? "" : element}${sub.separator}`;
      return namesIn({ ...sub.plan, steps }, start);
    });
    return [prefix + path, ...inside];
  });
}

/** Tells whether a path or pattern can name a node or an element, whichever elements the maps of the dag may have. */
export function isName(wanted: string, { plan }: Dag): boolean {
  const parts = patternOf(wanted)
    .split("*")
    .map((text) => text.replace(/[$()+.?[\\\]^{|}]/g, "\\$&"));
  const pattern = new RegExp(`^${parts.join("[^/]*")}(/|$)`); // up to a slash it is an element
  return namesIn(plan).some((name) => pattern.test(patternOf(name)));
}

const ELEMENT = /\[[^\]]*\]|\{[^}]*\}/g;

/** A path with all elements of its maps taken together: `chunks[*]/match` of `chunks[3]/match`. */
export function patternOf(path: string): string {
  return path.replace(ELEMENT, "[*]");
}

/** Tells whether a path is that of a node of the dag itself, and not inside one. */
export function isOutermost(path: string): boolean {
  return !/[/[{]/.test(path);
}
