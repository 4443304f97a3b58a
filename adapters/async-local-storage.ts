// Carries the context of a node into the code it calls, where the platform has AsyncLocalStorage: Node, Deno, Bun, and
// workerd with the flag `nodejs_als`.

import { AsyncLocalStorage } from "node:async_hooks";
import type { BaseContext } from "../src/definition/context.js";
import type { Executor } from "../src/ports.js";

/** An executor that remembers whose code is running. */
export interface ContextExecutor extends Executor {
  /** The context of the node on whose behalf the calling code runs; nothing outside of nodes. */
  current(): BaseContext | undefined;
}

/** Makes an executor for one or more runners: inline, with the context at hand in all nested code. */
export function asyncLocalStorage(): ContextExecutor {
  const storage = new AsyncLocalStorage<BaseContext>();
  return {
    name: "inline",
    current: () => storage.getStore(),
    execute: ({ node, input, context }) => storage.run(context, () => node.run(input, context)),
  };
}
