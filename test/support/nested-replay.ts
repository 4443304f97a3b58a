// What a replay of a nested run must execute, from the recorded tree alone.

import type { ReplayMode } from "heddle";
import { type CompositeDesign, type DagDesign, type MemberDesign, type SubDesign, upsOf } from "./nested-design.js";
import type { ExpectedTree } from "./nested-reference.js";
import { escaped } from "./nested-values.js";

type Test = (path: string) => boolean;

/** A test of which paths a name or pattern names: `*` stands for any text within one label or key. */
export function matcherOf(pattern: string): Test {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return (path) => path === pattern;
  return (path) => path.startsWith(first) && matches(path.slice(first.length), rest);
}

/** True if a text is any text within one key, then the first part, and so on. */
function matches(text: string, [part, ...rest]: readonly string[]): boolean {
  if (part === undefined) return text === "";
  for (let i = 0; i <= text.length; i++) {
    const after = text.slice(i);
    const isEnd =
      rest.length === 0 ? after === part : after.startsWith(part) && matches(after.slice(part.length), rest);
    if (isEnd) return true;
    if ("/[]{}".includes(text.charAt(i))) return false;
  }
  return false;
}

/** The recorded paths that a replay executes, composites that are put together again included. */
export function executedPaths(
  design: DagDesign,
  tree: ExpectedTree,
  tests: readonly Test[],
  mode: ReplayMode,
): ReadonlySet<string> {
  const planning = new Planning(tree, (path) => tests.some((test) => test(path)), mode);
  planning.dag(design, "", false);
  return planning.executed;
}

/** Whether something in a part is executed because somebody asked for it. */
type IsAsked = boolean;

class Planning {
  readonly executed = new Set<string>();
  readonly #tree: ExpectedTree;
  readonly #isNamed: Test;
  readonly #mode: ReplayMode;

  constructor(tree: ExpectedTree, isNamed: Test, mode: ReplayMode) {
    this.#tree = tree;
    this.#isNamed = isNamed;
    this.#mode = mode;
  }

  dag({ members }: DagDesign, prefix: string, isWhole: boolean): IsAsked {
    const asked = new Set<number>();
    for (const [i, member] of members.entries()) {
      const path = prefix + escaped(member.label);
      const isBelow = this.#mode === "downstream" && upsOf(member).some((up) => asked.has(up));
      if (this.#what(member.what, path, isWhole || isBelow)) asked.add(i);
    }
    return asked.size > 0;
  }

  #what(what: MemberDesign["what"], path: string, isWhole: boolean): IsAsked {
    if (what.is === "place" || !this.#tree.has(path)) return false;
    const isOwn = isWhole || this.#isNamed(path);
    const isAsked = what.is === "composite" ? this.#composite(what, path, isOwn) : isOwn;
    if (isAsked) this.executed.add(path);
    return isAsked;
  }

  #composite(design: CompositeDesign, path: string, isWhole: boolean): IsAsked {
    let isAsked = isWhole;
    for (const element of this.#tree.get(path)?.elements ?? []) {
      const isElement = isWhole || this.#isNamed(element);
      const sub = subAt(design, path, element);
      const isInside = sub.is === "dag" ? this.dag(sub, `${element}/`, isElement) : this.#what(sub, element, isElement);
      isAsked ||= isInside;
    }
    return isAsked;
  }
}

function subAt({ kind, subs }: CompositeDesign, path: string, element: string): SubDesign {
  if (kind !== "branch") return subs[""] as SubDesign;
  const found = Object.entries(subs).find(([key]) => element === `${path}{${escaped(key).replace(/^=/, "%3D")}}`);
  return found?.[1] as SubDesign;
}
