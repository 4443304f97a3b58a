// workerd, the runtime of Cloudflare's edge, without its compatibility with Node.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { bundle } from "../../browsers/bundle.js";
import { startWorker } from "../../edge/workerd.js";
import type { Inside, Outcome } from "../inside/run-case.js";
import type { Runtime, Session } from "../runtime.js";

const PROGRAM = resolve(import.meta.dirname, "../inside/worker.ts");
const ADDRESS = "http://localhost/";

export const workerd: Runtime = { name: "workerd", open: () => openWorkerd({ built: true }) };

/** Starts workerd with a KV namespace, and the package as it is built or the sources. */
export async function openWorkerd({ built }: { readonly built: boolean }): Promise<Session> {
  const scripts = await bundle([PROGRAM], { built, esbuild: { splitting: false } });
  const miniflare = startWorker(scripts.get("worker.js") ?? "");
  const response = await miniflare.dispatchFetch(ADDRESS);
  return {
    version: version(),
    subjects: (await response.json()) as ReturnType<Inside["list"]>,
    async run(subject, name) {
      const body = JSON.stringify({ subject, name });
      const response = await miniflare.dispatchFetch(ADDRESS, { method: "POST", body });
      return (await response.json()) as Outcome;
    },
    close: () => miniflare.dispose(),
  };
}

/** The version of the workerd that miniflare brings. */
function version(): string {
  const manifest = createRequire(import.meta.resolve("miniflare")).resolve("workerd/package.json");
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}
