// How a composite is wired: its one upstream against what its sub takes, its side inputs, and the type that it gives.

import { HeddleError, quoted } from "../errors.js";
import type { AnyComposite, AnyDag, Member } from "./members.js";
import { type AnyNode, node } from "./node.js";
import { type CompositePlan, type Feed, MAIN_INPUT, type Step } from "./plan.js";
import {
  type AnySchema,
  collectionType,
  elementOf,
  isKeyed,
  isSameType,
  list,
  settled,
  type,
  typeName,
} from "./schema.js";
import { type ComposedSub, enterSub, type Giver, type Place, type Side, single } from "./sub-plan.js";
import type { Arrival } from "./wiring.js";

/** A composite in its place. */
export interface WiredComposite {
  readonly composite: CompositePlan;
  readonly feeds: readonly Feed[];
  /** The stand-in that the step carries. */
  readonly node: AnyNode;
  readonly faults: readonly string[];
}

/** Wires a composite. */
export function wireComposite(
  { dag, label }: Pick<Place, "dag" | "label">,
  member: AnyDag | AnyComposite,
  arrivals: readonly Arrival[],
  sides: readonly Side[],
): WiredComposite {
  const place: Place = { dag, label, faults: [] };
  const [main] = arrivals;
  for (const { label: up, input } of arrivals) {
    if (input === undefined || input === MAIN_INPUT) continue;
    place.faults.push(
      `The edge ["${up}", "${label}", "${input}"] names an input of a composite. It takes one value from one upstream: write ["${up}", "${label}"].`,
    );
  }
  if (arrivals.length !== 1) place.faults.push(oneUpstream(place.label, member.kind, arrivals));
  const giver = main && arrivals.length === 1 ? { phrase: `"${main.label}"`, output: main.output } : undefined;
  const { composite, output } = compose(place, member, giver, sides);
  const feeds = sides.map(({ name, up }) => ({ input: name, from: up }));
  if (main) feeds.unshift({ input: MAIN_INPUT, from: main.up });
  return { composite, feeds, node: standIn(sides, output), faults: place.faults };
}

interface Composed {
  readonly composite: CompositePlan;
  readonly output: AnySchema | undefined;
}

/** Finds out what a composite does with what `main` gives it. */
function compose(
  place: Place,
  member: AnyDag | AnyComposite,
  main: Giver | undefined,
  sides: readonly Side[],
): Composed {
  if (member.kind === "dag") {
    const sub = subPlan(place, "", member, main, sides);
    const plan = {
      kind: "call",
      concurrency: 1,
      collects: false,
      by: undefined,
      subs: new Map([["", sub.plan]]),
    } as const;
    return { composite: plan, output: sub.output };
  }
  const { kind, concurrency, by } = member;
  const collects = member.onError === "collect";
  const inner = kind === "branch" ? branchGivers(place, member, main) : elementGiver(place, member, main);
  const subs = Object.entries(member.subs as Readonly<Record<string, Member>>).map(
    ([key, sub]) => [key, subPlan(place, key, sub, inner(key), sides)] as const,
  );
  const composite = { kind, concurrency, collects, by, subs: new Map(subs.map(([key, { plan }]) => [key, plan])) };
  const outputs = subs.map(([, { output }]) => output);
  return { composite, output: outputType(place, member, main?.output, outputs) };
}

/** For each key, what gives the sub its element; nothing where that is not known. */
type InnerGiver = (key: string) => Giver | undefined;

function elementGiver({ label, faults }: Place, { kind }: AnyComposite, main: Giver | undefined): InnerGiver {
  if (!main) return () => undefined;
  const found = main.output && collectionType(main.output);
  if (!found) {
    const name = main.output ? `${typeName(main.output) ?? "a type"} whose elements are not known` : "nothing";
    faults.push(
      `Node "${label}" is a ${kind} over what ${main.phrase} returns, which is ${name}. Declare that output as list(…), record(…), mapOf(…), or a schema with \`.element\` or \`.valueType\`.`,
    );
    return () => undefined;
  }
  return () => ({ phrase: `an element of ${main.phrase}`, output: found.element });
}

function branchGivers(place: Place, member: AnyComposite, main: Giver | undefined): InnerGiver {
  if (!main?.output) {
    if (main) place.faults.push(`Node "${place.label}" is a branch after ${main.phrase}, which returns nothing.`);
    return () => undefined;
  }
  if (member.by !== undefined) return () => ({ ...main, isSorted: typeof member.by === "string" });
  if (!isKeyed(main.output)) {
    place.faults.push(
      `Node "${place.label}" is a branch without \`by\`, so ${main.phrase} must return pairs: declare its output as keyed({ ${Object.keys(member.subs).join(", ")} }), or write branch(by, { … }).`,
    );
    return () => undefined;
  }
  const { cases } = main.output;
  const given = Object.keys(member.subs);
  const missing = Object.keys(cases).filter((key) => !given.includes(key));
  const extra = given.filter((key) => !Object.hasOwn(cases, key));
  if (missing.length > 0) place.faults.push(`Branch "${place.label}" has no case for ${quoted(missing)}. Add it.`);
  if (extra.length > 0)
    place.faults.push(
      `Branch "${place.label}" has a case ${quoted(extra)} that ${main.phrase} never gives. Remove it.`,
    );
  return (key) =>
    Object.hasOwn(cases, key) ? { phrase: `case "${key}" of ${main.phrase}`, output: cases[key] } : undefined;
}

function outputType(
  { label, faults }: Place,
  { kind, onError }: AnyComposite,
  main: AnySchema | undefined,
  outputs: readonly (AnySchema | undefined)[],
): AnySchema | undefined {
  const [first] = outputs;
  if (kind === "flatMap" && !(first && elementOf(first))) {
    faults.push(
      `flatMap "${label}" joins lists, but its sub does not return one. Declare its output as list(…), or use map.`,
    );
    return undefined;
  }
  if (!first || outputs.includes(undefined)) return undefined;
  if (kind === "branch") {
    if (outputs.every((output) => isSameType(output, first))) return first;
    faults.push(`The cases of branch "${label}" return different types. Use the same schema object in all of them.`);
    return undefined;
  }
  if (kind === "flatMap") return list(elementOf(first) as AnySchema);
  const wrap = (main && collectionType(main)?.wrap) ?? list;
  return wrap(onError === "collect" ? settled(first) : first);
}

// ---- subs

function subPlan(
  place: Place,
  key: string,
  sub: Member,
  giver: Giver | undefined,
  sides: readonly Side[],
): ComposedSub {
  const what = key === "" ? `The sub of node "${place.label}"` : `Case "${key}" of node "${place.label}"`;
  if (sub.kind === "node") return enterSub(place, what, single(place, sub), "", giver, sides);
  if (sub.kind === "dag") return enterSub(place, what, sub.plan, "/", giver, sides);
  if (sides.length > 0)
    place.faults.push(
      `${what} is a ${sub.kind}, which has no place for side inputs. Put it into a dag, and \`with\` on it.`,
    );
  if (Object.keys(sub.with).length > 0)
    place.faults.push(
      `${what} is a ${sub.kind} with side inputs of its own. Put it into a dag, and give that dag the side inputs.`,
    );
  const { composite, output } = compose(place, sub, giver, []);
  const step = { ...single(place, standIn([], output)).steps[0], composite } as Step;
  const plan = { ...single(place, standIn([], output)), steps: [step], byPath: new Map([["", step]]) };
  return {
    plan: { plan, separator: "", source: 0, sink: 0, input: MAIN_INPUT, given: [], replaced: new Map() },
    output,
  };
}

/** What stands in a step for a composite: its inputs and output, for wiring and records. */
function standIn(sides: readonly Side[], output: AnySchema | undefined): AnyNode {
  const input = Object.fromEntries([[MAIN_INPUT, ANYTHING], ...sides.map(({ name }) => [name, ANYTHING])]);
  return node({
    input,
    output,
    run: () => {
      throw new HeddleError("INVALID_OPTION", "A composite has no function of its own.");
    },
  });
}

const ANYTHING: AnySchema = type("anything");

// ---- faults

function oneUpstream(label: string, kind: (AnyDag | AnyComposite)["kind"], arrivals: readonly Arrival[]): string {
  const has = arrivals.length === 0 ? "none" : quoted(arrivals.map((arrival) => arrival.label));
  const others =
    kind === "map" || kind === "flatMap" ? "give it the others with `with`" : "join the others to it in a node before";
  const remedy =
    arrivals.length === 0
      ? "Add an edge to it; for an input of the run, from a node that returns that."
      : `Keep the one it works on, and ${others}.`;
  return `Composite node "${label}" needs exactly one upstream, but has ${has}. ${remedy}`;
}
