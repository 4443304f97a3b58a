import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^heddle$/, replacement: at("src/index.ts") },
      { find: /^heddle\/adapters\/(.*)$/, replacement: `${at("adapters")}/$1.ts` },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // The longest tests start processes or compile generated programs on a machine with two cores.
    testTimeout: 60_000,
    reporters: process.env.TEST_RESULTS ? ["default", "json"] : ["default"],
    ...(process.env.TEST_RESULTS ? { outputFile: { json: process.env.TEST_RESULTS } } : {}),
  },
});
