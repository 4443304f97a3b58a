// Random nested dags: composites four deep over values of every kind, drawn from a seed so that they are valid.

import {
  type CompositeDesign,
  type DagDesign,
  type LeafDesign,
  type MemberDesign,
  type NestedBehaviour,
  type NestedInput,
  type SubDesign,
  upsOf,
} from "./nested-design.js";
import { CASE_KEYS, isSameKind, type Kind } from "./nested-values.js";
import { hash, TYPES } from "./random-values.js";

/** What may be drawn. */
export interface NestedOptions {
  readonly behaviours?: readonly NestedBehaviour[];
  /** The forms of values depend on the design alone, not on what nodes are given. */
  readonly isSteady?: boolean;
  /** How deep composites may stand inside each other. */
  readonly depth?: number;
  /** Nodes may return an input as it is. */
  readonly hasPasses?: boolean;
  /** Side inputs may take the place of sources. */
  readonly hasPlaces?: boolean;
}

/** Draws the design of a seed. */
export function nestedOfSeed(seed: number, options: NestedOptions = {}): DagDesign {
  return new Drawing(seed, options).root();
}

// ---- drawing

const TAILS = ["", "", "", "/x", "[0]", "{y}", " %", "é*"];

/** What a composite gives its sub, and wants of it. */
interface Task {
  readonly takes: Kind;
  readonly wants: Kind | undefined;
  readonly sides: readonly { readonly name: string; readonly kind: Kind; readonly isPlace: boolean }[];
  readonly depth: number;
  /** Inside a map that collects failures: nothing may be broken, or what fails first would be chance. */
  readonly isCollected: boolean;
  /** Its source may fail for ever. */
  readonly isPicky: boolean;
  /** What it is given must not be changed: it may come from a side input. */
  readonly isTame: boolean;
}

type Growth = Pick<Task, "depth" | "isCollected" | "isTame" | "isPicky">;

class Drawing {
  #state: number;
  #ids = 0;
  readonly #options: Required<NestedOptions>;
  readonly #made: { readonly task: Task; readonly sub: SubDesign }[] = [];

  constructor(seed: number, options: NestedOptions) {
    this.#state = hash(`nested ${seed}`);
    const behaviours = ["ok"] as const;
    this.#options = {
      behaviours,
      isSteady: false,
      depth: 4,
      hasPasses: true,
      hasPlaces: true,
      ...options,
    };
  }

  root(): DagDesign {
    const members: MemberDesign[] = [];
    const sources = 1 + this.#below(3);
    for (let i = 0; i < sources; i++) members.push(this.#member(i, this.#rootSource()));
    const task = { depth: 0, isCollected: false, isTame: false, isPicky: false };
    this.#grow(members, 2 + this.#below(4), task);
    return { is: "dag", id: this.#ids++, members, output: members[0]?.what.output as Kind };
  }

  /** A number from 0 up to but not including `end` (xorshift32). */
  #below(end: number): number {
    let x = this.#state || 1;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % end;
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T;
  }

  #chance(percent: number): boolean {
    return this.#below(100) < percent;
  }

  #kind(deep = 2): Kind {
    const n = this.#below(100);
    if (deep > 0 && n < 50)
      return { is: this.#pick(["list", "list", "record", "map"] as const), of: this.#kind(deep - 1) };
    if (n < 62) return { is: "tagged" };
    if (n < 75 && deep > 0) return { is: "keyed", cases: this.#cases(() => this.#kind(deep - 1)) };
    return { is: "plain", type: this.#below(TYPES.length) };
  }

  #cases<T>(make: (key: string) => T): Record<string, T> {
    const first = this.#below(CASE_KEYS.length);
    const keys = Array.from(
      { length: 1 + this.#below(3) },
      (_, i) => CASE_KEYS[(first + i) % CASE_KEYS.length] as string,
    );
    return Object.fromEntries(keys.map((key) => [key, make(key)]));
  }

  #member(i: number, what: MemberDesign["what"], main?: number, sides: MemberDesign["sides"] = []): MemberDesign {
    return { label: `n${i}${this.#pick(TAILS)}`, what, main, sides };
  }

  // ---- nodes

  #leaf(inputs: readonly NestedInput[], { wants, isCollected, isPicky, isTame }: Partial<Task>): LeafDesign {
    const output = wants ?? this.#kind();
    const tired = isPicky && this.#chance(50) ? "picky" : this.#pick(this.#options.behaviours);
    const drawn = this.#chance(isPicky ? 20 : 50) ? "ok" : tired;
    const isBarred = isPicky ? drawn === "broken" : drawn === "picky" || (drawn === "broken" && isCollected);
    const passing = inputs.filter(({ from, kind, isOptional }) => {
      return from && !("ups" in from) && !("given" in from) && !isOptional && isSameKind(kind, output);
    });
    const passes =
      this.#options.hasPasses && passing.length > 0 && this.#chance(50) ? this.#pick(passing).name : undefined;
    return {
      is: "node",
      id: this.#ids++,
      inputs,
      output,
      passes,
      behaviour: isBarred ? "ok" : drawn,
      turns: this.#below(4),
      effect: this.#pick([false, false, false, true, "ask"] as const),
      isVandal: this.#chance(40) && !isTame && !passes,
      isSteady: this.#options.isSteady,
    };
  }

  #rootSource(): LeafDesign {
    const inputs = Array.from({ length: this.#below(3) }, (_, i): NestedInput => {
      const isGiven = this.#chance(70);
      const from = isGiven ? { given: this.#below(999) } : undefined;
      return { name: `in${i}`, kind: this.#kind(), isOptional: !isGiven || this.#chance(30), from };
    });
    return this.#leaf(inputs, { isPicky: false });
  }

  /** A node that takes these members, and perhaps others of the same kind with one of them. */
  #consumer(members: readonly MemberDesign[], ups: readonly number[], task: Partial<Task>): LeafDesign {
    const inputs = ups.map((up, i): NestedInput => {
      const kind = members[up]?.what.output as Kind;
      const alike = members.flatMap(({ what }, j) => (isSameKind(what.output, kind) && this.#chance(60) ? [j] : []));
      const from = this.#chance(30) ? { ups: [...new Set([up, ...alike])] } : { up };
      return { name: `in${i}`, kind, isOptional: this.#chance(20), from };
    });
    if (this.#chance(20)) inputs.push({ name: "unfed", kind: this.#kind(), isOptional: true, from: undefined });
    return this.#leaf(inputs, task);
  }

  // ---- dags

  /** Adds members that take those before them. */
  #grow(members: MemberDesign[], count: number, task: Growth): void {
    for (let k = 0; k < count; k++) {
      // Where the source may fail, everything waits for it: what else ran before that would be chance.
      const isBarred = (i: number) => task.isPicky && members[i]?.what.is === "place";
      const drawn = this.#below(members.length);
      const up = isBarred(drawn) ? 0 : drawn;
      if (task.depth < this.#options.depth && this.#chance(60)) {
        members.push(this.#composed(members, up, task));
        continue;
      }
      const ups = [...new Set(Array.from({ length: 1 + this.#below(3) }, () => this.#below(members.length)))];
      if (ups.every(isBarred)) ups.push(0);
      members.push(this.#member(members.length, this.#consumer(members, ups, { ...task, isPicky: false })));
    }
  }

  #composed(members: readonly MemberDesign[], up: number, { depth, isCollected, isTame }: Growth): MemberDesign {
    const { output } = (members[up] as MemberDesign).what;
    const isCollection = output.is === "list" || output.is === "record" || output.is === "map";
    const count = isCollection && this.#chance(30) ? 1 + this.#below(2) : 0;
    const sides = Array.from({ length: count }, (_, i) => {
      const from = this.#below(members.length);
      const isPlace = this.#options.hasPlaces && this.#chance(50);
      return { name: `side${i}`, up: from, kind: (members[from] as MemberDesign).what.output, isPlace };
    });
    const composite = this.#composite(output, sides, { depth: depth + 1, isCollected, isTame });
    return this.#member(
      members.length,
      composite,
      up,
      sides.map(({ name, up }) => ({ name, up })),
    );
  }

  #dag(given: Task): DagDesign {
    const task = { ...given, isTame: given.isTame || !this.#mayChange(given) };
    const inputs = this.#sourceInputs(task);
    const isAlone = this.#chance(20) && task.sides.every(({ isPlace }) => !isPlace);
    const source = this.#leaf(inputs, isAlone ? task : { ...task, wants: undefined });
    const members = [this.#member(0, source)];
    for (const { name, kind, isPlace } of task.sides) {
      if (isPlace) members.push({ label: name, what: { is: "place", output: kind }, main: undefined, sides: [] });
    }
    if (!isAlone) {
      this.#grow(members, this.#below(3), task);
      this.#end(members, task);
    }
    return { is: "dag", id: this.#ids++, members, output: members.at(-1)?.what.output as Kind };
  }

  /** Joins all that nobody has taken yet into the sink. */
  #end(members: MemberDesign[], task: Task): void {
    const taken = new Set(members.flatMap(upsOf));
    const open = members.flatMap((_, i) => (taken.has(i) ? [] : [i]));
    const { is, output } = (members.at(-1) as MemberDesign).what;
    const fits = !task.wants || isSameKind(task.wants, output);
    if (open.length === 1 && is !== "place" && fits && this.#chance(60)) return;
    members.push(this.#member(members.length, this.#consumer(members, open, { ...task, isPicky: false })));
  }

  /** Side inputs are never copied per element, so nodes must leave them alone. */
  #mayChange({ sides }: Task): boolean {
    return sides.length === 0;
  }

  #sourceInputs({ takes, sides }: Task): NestedInput[] {
    const element: NestedInput = { name: "element", kind: takes, isOptional: false, from: { element: true } };
    const given = sides.filter(({ isPlace }) => !isPlace);
    const others = given.map(({ name, kind }) => ({ name, kind, isOptional: this.#chance(30), from: { side: name } }));
    return [element, ...others];
  }

  // ---- composites

  #composite(
    takes: Kind,
    sides: Task["sides"],
    { depth, isCollected, isTame }: Pick<Task, "depth" | "isCollected" | "isTame">,
    isDirect = false,
  ): CompositeDesign {
    const base = { is: "composite", id: this.#ids++, isSteady: this.#options.isSteady, collects: false } as const;
    const task = { sides, depth, isCollected, isTame, isPicky: false };
    const isCollection = takes.is === "list" || takes.is === "record" || takes.is === "map";
    if (isCollection && (sides.length > 0 || isDirect || this.#chance(85)))
      return this.#mapping(base, takes.is, { ...task, takes: takes.of, wants: undefined });
    const concurrency = undefined;
    if (!isDirect && this.#chance(takes.is === "plain" ? 60 : 20)) {
      const sub = this.#dag({ ...task, takes, wants: undefined });
      return { ...base, kind: "call", by: undefined, concurrency, subs: { "": sub }, output: sub.output };
    }
    const wants = this.#kind(1);
    const by = takes.is === "keyed" ? "pair" : takes.is === "tagged" ? "property" : "function";
    const keys = takes.is === "keyed" ? Object.keys(takes.cases) : takes.is === "tagged" ? CASE_KEYS : undefined;
    const take = (key: string) => (takes.is === "keyed" ? (takes.cases[key] as Kind) : takes);
    const sub = (key: string) => this.#sub({ ...task, takes: take(key), wants });
    const subs = keys ? Object.fromEntries(keys.map((key) => [key, sub(key)])) : this.#cases(sub);
    return { ...base, kind: "branch", by, concurrency, subs, output: wants };
  }

  #mapping(
    base: Pick<CompositeDesign, "is" | "id" | "isSteady">,
    collection: "list" | "record" | "map",
    task: Task,
  ): CompositeDesign {
    const concurrency = this.#pick([undefined, undefined, 1, 2]);
    const common = { ...base, by: undefined, concurrency };
    if (this.#chance(25)) {
      const wants = { is: "list", of: this.#kind(1) } as const;
      const subs = { "": this.#sub({ ...task, wants }) };
      return { ...common, kind: "flatMap", collects: false, subs, output: wants };
    }
    const collects = this.#chance(40);
    const isPicky = collects && this.#options.behaviours.includes("picky");
    const sub = this.#sub({ ...task, isPicky, isCollected: task.isCollected || collects });
    const output: Kind = { is: collection, of: collects ? { is: "settled", of: sub.output } : sub.output };
    return { ...common, kind: "map", collects, subs: { "": sub }, output };
  }

  #sub(task: Task): SubDesign {
    const known = this.#made.filter((one) => fits(one, task));
    if (known.length > 0 && this.#chance(60)) return this.#pick(known).sub;
    const sub = this.#newSub(task);
    this.#made.push({ task, sub });
    return sub;
  }

  #newSub(task: Task): SubDesign {
    const { takes, wants, sides, depth } = task;
    const isFree = !wants && sides.length === 0 && takes.is !== "plain" && depth < this.#options.depth;
    if (isFree && this.#chance(35)) {
      return this.#composite(takes, [], { ...task, depth: depth + 1 }, true);
    }
    const needsDag = sides.some(({ isPlace }) => isPlace);
    if (needsDag || (depth < this.#options.depth && this.#chance(65))) return this.#dag(task);
    return this.#leaf(this.#sourceInputs(task), { ...task, isTame: task.isTame || !this.#mayChange(task) });
  }
}

/** True if a sub made for one task does for another. */
function fits({ task, sub }: { readonly task: Task; readonly sub: SubDesign }, wanted: Task): boolean {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const { takes, sides, depth, isCollected, isPicky, isTame } = wanted;
  const isSame = same([task.takes, task.sides.map(bare), task.isPicky], [takes, sides.map(bare), isPicky]);
  if (!isSame || task.depth < depth || (isCollected && !task.isCollected) || (isTame && !task.isTame)) return false;
  return !wanted.wants || isSameKind(wanted.wants, sub.output);
}

function bare({ name, kind, isPlace }: Task["sides"][number]) {
  return { name, kind, isPlace };
}
