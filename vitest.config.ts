import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What runs in browsers too, and needs nothing of Node: once more among the globals of happy-dom. */
const PORTABLE = [
  "test/verbs/**/*.test.ts",
  "test/composites/**/!(type-errors).test.ts",
  "test/{codec,codec-classes,codec-refuses,durability,isolation,robust,run,source-inputs,store}.test.ts",
  "test/{indexeddb-faults,indexeddb-retention,retention}.test.ts",
];
/** Needs more than Chromium: `npm run test:matrix`. */
const MATRIX = "test/matrix/**/*.test.ts";

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: "node", include: ["test/**/*.test.ts"], exclude: [...configDefaults.exclude, MATRIX] },
      },
      { extends: true, test: { name: "happy-dom", environment: "happy-dom", include: PORTABLE } },
      { extends: true, test: { name: "matrix", include: [MATRIX] } },
    ],
    maxWorkers: "100%",
    // Only what hangs may fail by time: the longest tests start processes or compile generated programs, on machines
    // with two cores that others use too.
    testTimeout: 240_000,
    hookTimeout: 120_000,
    // Each of those that run side by side starts processes of its own.
    maxConcurrency: 3,
    reporters: process.env.TEST_RESULTS ? ["default", "json"] : ["default"],
    ...(process.env.TEST_RESULTS ? { outputFile: { json: process.env.TEST_RESULTS } } : {}),
  },
  resolve: {
    alias: [
      { find: /^heddle$/, replacement: at("src/index.ts") },
      { find: /^heddle\/worker$/, replacement: at("adapters/worker.ts") },
      { find: /^heddle\/conformance$/, replacement: at("conformance/index.ts") },
      { find: /^heddle\/adapters\/(.*)$/, replacement: `${at("adapters")}/$1.ts` },
    ],
  },
});
