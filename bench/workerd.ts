// workerd with one of the Workers in workers/, and the package as it was built.

import { resolve } from "node:path";
import { bundle } from "../test/browsers/bundle.js";
import { startWorker } from "../test/edge/workerd.js";
import type { Call } from "./workers/serve.js";

/** A Worker whose functions can be called. */
export interface OpenWorker {
  /** Calls a function in an invocation of its own. */
  call<Result>(name: string, ...args: readonly unknown[]): Promise<Result>;
  close(): Promise<void>;
}

/** Starts `workers/<name>.ts`. */
export async function openWorker(name: string): Promise<OpenWorker> {
  const path = resolve(import.meta.dirname, "workers", `${name}.ts`);
  const scripts = await bundle([path], { built: true, esbuild: { splitting: false } });
  const miniflare = startWorker(scripts.get(`${name}.js`) ?? "");
  return {
    async call<Result>(called: string, ...args: readonly unknown[]) {
      const body = JSON.stringify({ name: called, args } satisfies Call);
      const response = await miniflare.dispatchFetch("http://localhost/", { method: "POST", body });
      if (!response.ok) throw new Error(`${called}(${args.join()}): ${await response.text()}`);
      const { result } = (await response.json()) as { result: Result };
      return result;
    },
    close: () => miniflare.dispose(),
  };
}
