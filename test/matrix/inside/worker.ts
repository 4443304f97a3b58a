// Runs conformance cases in a Worker of Cloudflare: one per request, so that each gets the time and memory of one.

import { memoryStore } from "heddle/adapters/memory";
import { inside } from "./run-case.js";

const { list, run } = inside({ memory: () => ({ createStore: () => memoryStore() }) });

// biome-ignore lint/style/noDefaultExport: workerd looks for the handler there
export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === "GET") return Response.json(list());
    const { store, name } = (await request.json()) as { store: string; name: string };
    return Response.json(await run(store, name));
  },
};
