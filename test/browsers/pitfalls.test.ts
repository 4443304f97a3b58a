// What goes wrong with IndexedDB in real tabs, provoked in real tabs of Chromium. What no browser does on demand is
// injected: test/indexeddb-faults.test.ts.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ChromiumPage } from "./chromium.js";
import { type Browser, launch } from "./launch.js";
import { type Site, site } from "./site.js";

let served: Site;
let browser: Browser<ChromiumPage>;

beforeAll(async () => {
  served = await site(["tabs.ts"]);
  browser = await launch("chromium");
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

/** A tab that is closed at the end of the test. */
async function tab(from = served): Promise<ChromiumPage> {
  const page = await browser.newPage(from.url("tabs"));
  onTestFinished(() => page.close());
  return page;
}

let databases = 0;
const fresh = () => `tabs ${databases++}`;
const UNAVAILABLE = { code: "STORE_UNAVAILABLE", message: expect.stringContaining("close or reload the other tabs") };

describe("pitfall 2: upgrades across open tabs", () => {
  test("the second and the third opener are told, and neither hangs, while a tab holds an older layout", async () => {
    const [old, second, third] = [await tab(), await tab(), await tab()];
    const database = fresh();
    await old.call("hold", database, 1);
    const refused = await Promise.allSettled([second, third].map((page) => page.call("use", database)));
    expect(refused).toMatchObject([{ reason: UNAVAILABLE }, { reason: UNAVAILABLE }]);
    await old.call("release", database);
    expect(await third.call("run", database, 100_000)).toBe("completed");
    expect(await second.call("use", database)).toEqual(["run completed"]);
  });

  test("a frozen tab that holds an older layout keeps nobody waiting for ever", async () => {
    const [old, other] = [await tab(), await tab()];
    const database = fresh();
    await old.call("hold", database, 1);
    const cdp = await old.cdp();
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    await expect(other.call("use", database)).rejects.toMatchObject(UNAVAILABLE);
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    await old.call("release", database);
    expect(await other.call("run", database, 1_000)).toBe("completed");
  });

  test("a store gives way to a newer layout, which finds everything, and says so from then on", async () => {
    const [ours, newer] = [await tab(), await tab()];
    const database = fresh();
    expect(await ours.call("run", database, 100_000)).toBe("completed");
    expect(await newer.call("hold", database, 9)).toContain("batches");
    await expect(ours.call("use", database)).rejects.toMatchObject({ code: "STORE_VERSION" });
    await expect(ours.call("run", database, 10, "other")).rejects.toMatchObject({ code: "STORE_VERSION" });
  });
});

describe("pitfall 3: waiting for something else inside a transaction", () => {
  test("Chromium hides it; in Firefox it ends the transaction: test/matrix/firefox.test.ts", async () => {
    expect(await (await tab()).call("foreignAwait", fresh())).toBe("it goes on");
  });
});

describe("pitfall 4: no space left, and space taken away", () => {
  test("a run ends with STORE_QUOTA and goes on when there is space again", async () => {
    // A site that has stored nothing: for a while Chromium goes on granting what it found free before.
    const own = await site(["tabs.ts"]);
    onTestFinished(() => own.close());
    const [page, database] = [await tab(own), fresh()];
    const origin = new URL(own.url("tabs")).origin;
    const cdp = await page.cdp();
    await cdp.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 500_000 });
    expect(await page.call("run", database, 10, "small")).toBe("completed");
    await expect(page.call("run", database, 5_000_000)).rejects.toMatchObject({
      code: "STORE_QUOTA",
      message: expect.stringContaining("prune("),
    });
    expect(await page.call("prune", database)).toBe(1);
    await cdp.send("Storage.overrideQuotaForOrigin", { origin });
    expect((await page.call<{ availableBytes: number }>("usage", database)).availableBytes).toBeGreaterThan(500_000);
    const events = await page.call<string[]>("events", database);
    const verb = events.length === 0 ? "run" : "restart";
    expect(await page.call(verb, database, 5_000_000)).toBe("completed");
  });

  test("a run whose site is cleared is told so, and the store goes on with a new connection", async () => {
    const page = await tab();
    const database = fresh();
    expect(await page.call("run", database, 10)).toBe("completed");
    const cdp = await page.cdp();
    const origin = new URL(served.url("tabs")).origin;
    await cdp.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await expect(page.call("restart", database, 10)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    expect(await page.call("run", database, 10)).toBe("completed");
  });

  test("persist() asks the browser not to take it away", async () => {
    const { granted, isPersisted } = await (await tab()).call<Record<string, boolean>>("persist", fresh());
    expect(isPersisted).toBe(granted);
  });
});

test("pitfall 5: what cannot be cloned leaves nothing of its batch behind", async () => {
  const page = await tab();
  const database = fresh();
  await expect(page.call("runFaulty", database)).rejects.toMatchObject({ code: "NOT_KEEPABLE" });
  expect(await page.call("events", database)).not.toContain("node-completed");
  expect(await page.call("run", database, 10, "other")).toBe("completed");
});

test("Blobs and Files are stored as they are, and come back", async () => {
  expect(await (await tab()).call("files", fresh())).toEqual({
    stored: ["[object Blob]", "[object File]"],
    blob: ["Blob", "image/x-test", 100_000, 7],
    file: ["File", "text/plain", "notes.txt", 86_400_000, "some text"],
  });
});

test("two tabs that want one run at the same moment: one has it", async () => {
  const tabs = [await tab(), await tab()];
  const database = fresh();
  const results = await Promise.allSettled(tabs.map((one) => one.call("run", database, 200_000)));
  expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  const refused = results.find((result) => result.status === "rejected");
  expect(refused?.reason).toMatchObject({ code: "RUN_EXISTS" });
  expect((await tabs[0]?.call<string[]>("events", database))?.at(-1)).toBe("run-completed");
});
