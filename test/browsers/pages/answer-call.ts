// Goes into every page before its own script: through this the tests call its functions.

type Functions = Readonly<Record<string, (...args: never[]) => unknown>>;

Object.assign(globalThis, {
  async answerCall(name: string, json: string): Promise<string> {
    try {
      const called = await functionOf(name);
      if (!called) throw new Error(`The script of this page put no function "${name}" on globalThis.page.`);
      const args = JSON.parse(json) as never[];
      return JSON.stringify({ value: await called(...args) });
    } catch (error) {
      return JSON.stringify({ error: asData(error) });
    }
  },
});

const loaded = new Promise<void>((resolve) => addEventListener("load", () => resolve()));

/** Where a machine is busy, WebKitGTK says that a page is there before its second script has run. */
async function functionOf(name: string) {
  if (document.readyState !== "complete") await loaded;
  return (globalThis as { page?: Functions }).page?.[name];
}

function asData(error: unknown) {
  if (!(error instanceof Error || error instanceof DOMException)) return { message: String(error) };
  const { name, message, stack } = error;
  return { name, message, stack, code: (error as { code?: unknown }).code };
}
