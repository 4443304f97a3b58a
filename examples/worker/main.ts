// Serves the Worker on this machine: in workerd, with its KV in `.heddle/kv`, and the data over HTTP as from elsewhere.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, resolve } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { dataFile } from "../shared/data-file.js";

const PORT = 8787;

const data = createServer(({ url = "" }, response) => {
  const file = createReadStream(dataFile(basename(url)));
  file.once("error", () => response.writeHead(404).end());
  file.pipe(response);
});
await new Promise<void>((listening) => data.listen(0, "127.0.0.1", listening));

const { outputFiles } = await build({
  entryPoints: [resolve(import.meta.dirname, "worker.ts")],
  bundle: true,
  format: "esm",
  write: false,
});
const worker = new Miniflare({
  modules: true,
  script: outputFiles[0]?.text ?? "",
  compatibilityDate: "2026-04-01",
  kvNamespaces: ["RUNS"],
  kvPersist: resolve(".heddle/kv"),
  bindings: { DATA_URL: `http://127.0.0.1:${(data.address() as AddressInfo).port}/` },
  host: "127.0.0.1",
  port: PORT,
  cf: false,
});
const address = await worker.ready;
console.log(`The Worker runs at ${address}. Ctrl-C stops it.

  curl -X POST ${address}runs
  curl ${address}runs`);
