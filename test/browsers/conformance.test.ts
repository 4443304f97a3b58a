// The conformance cases in real Chromium, on the sources. `npm run test:matrix` runs them on the built package in all
// other runtimes too.

import { conformanceCases, executorCases } from "heddle/conformance";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Browser, launch } from "./launch.js";
import type { Page } from "./page.js";
import { type Site, site } from "./site.js";

let served: Site;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  served = await site(["cases.ts", "../../matrix/inside/serving.ts"]);
  browser = await launch("chromium");
  page = await browser.newPage(served.url("cases"));
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

describe("workers in Chromium", () => {
  test.each(executorCases.map(({ name }) => name))("%s", async (name) => {
    expect(await page.call("run", "workers", name)).toEqual({});
  });
});

describe.each(["memory", "indexeddb"])("%s in Chromium", (store) => {
  test.each(conformanceCases.map(({ name }) => name))("%s", async (name) => {
    expect(await page.call("run", store, name)).toEqual({});
  });
});
