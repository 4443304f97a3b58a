// workerd, the runtime of Cloudflare's edge, with one Worker and a namespace of KV.

import { Miniflare } from "miniflare";

/** Starts a Worker without Node compatibility; what it keeps is gone when it is disposed of. */
export function startWorker(script: string, bindings: Readonly<Record<string, string>> = {}): Miniflare {
  return new Miniflare({
    modules: true,
    script,
    compatibilityDate: "2026-04-01",
    kvNamespaces: ["RUNS"],
    bindings: { ...bindings },
    // What a request tells of its place, otherwise asked of Cloudflare.
    cf: false,
  });
}
