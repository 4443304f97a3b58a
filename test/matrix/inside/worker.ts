// Runs conformance cases in a Worker of Cloudflare: one per request, so that each gets the time and memory of one.

import { cloudflareKvStore, type KvNamespace } from "heddle/adapters/cloudflare-kv";
import { memoryStore } from "heddle/adapters/memory";
import { inside } from "./run-case.js";

interface Env {
  readonly RUNS: KvNamespace;
}

/** What a binding gives belongs to the request that it came with. */
function cases({ RUNS }: Env) {
  return inside({
    stores: {
      memory: () => ({ createStore: () => memoryStore() }),
      kv() {
        const scene = crypto.randomUUID();
        return {
          createStore: (place = "main") =>
            cloudflareKvStore(RUNS, { namespace: `${scene} ${place}`, onWarning: () => {} }),
        };
      },
    },
  });
}

// biome-ignore lint/style/noDefaultExport: workerd looks for the handler there
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { list, run } = cases(env);
    if (request.method === "GET") return Response.json(list());
    const { subject, name } = (await request.json()) as { subject: string; name: string };
    return Response.json(await run(subject, name));
  },
};
