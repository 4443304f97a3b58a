// Goes into every page before its own script: through this the tests call its functions.

type Functions = Readonly<Record<string, (...args: never[]) => unknown>>;

Object.assign(globalThis, {
  async answerCall(name: string, json: string): Promise<string> {
    try {
      const called = (globalThis as { page?: Functions }).page?.[name];
      if (!called) throw new Error(`The script of this page put no function "${name}" on globalThis.page.`);
      const args = JSON.parse(json) as never[];
      return JSON.stringify({ value: await called(...args) });
    } catch (error) {
      return JSON.stringify({ error: asData(error) });
    }
  },
});

function asData(error: unknown) {
  if (!(error instanceof Error || error instanceof DOMException)) return { message: String(error) };
  const { name, message, stack } = error;
  return { name, message, stack, code: (error as { code?: unknown }).code };
}
