import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    "adapters/memory": "adapters/memory.ts",
    "adapters/async-local-storage": "adapters/async-local-storage.ts",
    "adapters/file-system": "adapters/file-system.ts",
    "adapters/indexeddb": "adapters/indexeddb.ts",
    "adapters/cloudflare-kv": "adapters/cloudflare-kv.ts",
    "adapters/codec": "adapters/codec.ts",
    "adapters/web-workers": "adapters/web-workers.ts",
    "adapters/node-workers": "adapters/node-workers.ts",
    worker: "adapters/worker.ts",
    conformance: "conformance/index.ts",
  },
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: [/^node:/],
  dts: true,
  // Shared chunks keep `instanceof HeddleError` true across entries.
  splitting: true,
  clean: true,
});
