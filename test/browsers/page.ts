// What all engines have in common: a page in which functions are called by name.

/** What can be sent to a page and back. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An open page of a {@link site}. */
export interface Page {
  /**
   * Calls a function that the script of the page put on `globalThis.page`, and waits for its promise as long as it
   * takes. Rejects with what it threw, with `name` and `code`, or if the page or its browser is gone.
   */
  call<T = void>(name: string, ...args: readonly Json[]): Promise<T>;
  close(): Promise<void>;
}

/** What an engine can do with a page: the value of an expression must be a promise of text. */
export interface Tab {
  evaluate(expression: string): Promise<string>;
  close(): Promise<void>;
}

/** Calls functions in a tab; their arguments and results cross as JSON, which every protocol carries. */
export function pageIn(tab: Tab): Page {
  return {
    async call<T>(name: string, ...args: readonly Json[]): Promise<T> {
      const json = JSON.stringify(args);
      const answer = JSON.parse(await tab.evaluate(`answerCall(${JSON.stringify(name)}, ${JSON.stringify(json)})`));
      if (answer.error) throw errorOf(name, answer.error);
      return answer.value;
    },
    close: () => tab.close(),
  };
}

function errorOf(call: string, { message, stack, ...properties }: Readonly<Record<string, string>>): Error {
  const error = new Error(message);
  error.stack += `\nin the page, where "${call}" was called:\n${stack}`;
  return Object.assign(error, properties);
}
