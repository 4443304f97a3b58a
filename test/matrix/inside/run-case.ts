// Runs one conformance case inside whatever runtime this is bundled for.

import type { Store } from "heddle";
import { conformanceCases } from "heddle/conformance";

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

/** The stores of a kind of platform: each makes a new scene. */
export type Stores = Readonly<Record<string, () => Scene>>;

/** What a program inside a runtime answers. */
export interface Inside {
  /** What there is to run. */
  list(): { readonly stores: readonly string[]; readonly cases: readonly string[] };
  /** Runs one case on a new scene. */
  run(store: string, name: string): Promise<Outcome>;
}

/** Makes what a program answers from the stores that its platform has. */
export function inside(stores: Stores): Inside {
  return {
    list: () => ({ stores: Object.keys(stores), cases: conformanceCases.map(({ name }) => name) }),
    async run(store, name) {
      const makeScene = stores[store];
      const found = conformanceCases.find((one) => one.name === name);
      if (!makeScene || !found) throw new Error(`There is no store "${store}" or no case "${name}".`);
      try {
        await runOn(makeScene(), found);
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
