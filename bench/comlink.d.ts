// What comlink has for Node comes without types that an ES module finds.

declare module "comlink/dist/esm/node-adapter.mjs" {
  import type { MessagePort, Worker } from "node:worker_threads";
  import type { Endpoint } from "comlink";

  // biome-ignore lint/style/noDefaultExport: it is what comlink has.
  export default function nodeEndpoint(port: MessagePort | Worker): Endpoint;
}
