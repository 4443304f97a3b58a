// Runs one conformance case inside whatever runtime this is bundled for.

import type { Executor, Store } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { conformanceCases, executorCases } from "heddle/conformance";

/** What came of a case; data, since it crosses the border of the runtime. */
export interface Outcome {
  /** What the case threw, or undefined if it passed. */
  readonly error?: string;
}

/** Where one case keeps its stores: nobody else does. */
export interface Scene {
  createStore(place?: string): Store;
  /** Removes what the stores left, after they were closed. */
  remove?(): unknown;
}

/** What a kind of platform has. */
export interface Platform {
  /** Each makes a new scene. */
  readonly stores: Readonly<Record<string, () => Scene>>;
  /** Executors with workers, besides the one that every platform has. */
  readonly executors?: Readonly<Record<string, Executor>>;
}

/** A store or an executor, with the cases that there are for it. */
export interface Subject {
  readonly name: string;
  readonly cases: readonly string[];
}

/** What a program inside a runtime answers. */
export interface Inside {
  /** What there is to run. */
  list(): readonly Subject[];
  /** Runs one case on a new scene. */
  run(subject: string, name: string): Promise<Outcome>;
}

/** Makes what a program answers from what its platform has. */
export function inside({ stores, executors = {} }: Platform): Inside {
  const subjects: Record<string, readonly { readonly name: string; run(): Promise<void> }[]> = {};
  for (const [name, makeScene] of Object.entries(stores)) {
    subjects[name] = conformanceCases.map((one) => ({ name: one.name, run: () => runOn(makeScene(), one) }));
  }
  for (const [name, executor] of Object.entries({ inline: undefined, ...executors })) {
    const scene = { executor, hasWorkers: executor !== undefined, createStore: memoryStore };
    subjects[name] = executorCases.map((one) => ({ name: one.name, run: () => one.run(scene) }));
  }
  return {
    list: () => Object.entries(subjects).map(([name, cases]) => ({ name, cases: cases.map((one) => one.name) })),
    async run(subject, name) {
      const found = subjects[subject]?.find((one) => one.name === name);
      if (!found) throw new Error(`There is no "${subject}" or no case "${name}".`);
      try {
        await found.run();
        return {};
      } catch (error) {
        return { error: textOf(error) };
      }
    },
  };
}

async function runOn({ createStore, remove }: Scene, { run }: (typeof conformanceCases)[number]): Promise<void> {
  const opened: Store[] = [];
  const open = (place?: string) => {
    const store = createStore(place);
    opened.push(store);
    return store;
  };
  try {
    await run(open);
  } finally {
    for (const store of opened) await store.close();
    await remove?.();
  }
}

/** Name, message and stack: the stacks of some engines tell only the places. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stack = "" } = error;
  const said = String(error);
  return stack.includes(error.message) ? stack : `${said}\n${stack}`;
}
