// The few words of WebDriver BiDi (w3.org/TR/webdriver-bidi) that tests need.

import { once } from "node:events";
import { WebSocket } from "undici";

/** A connection to a browser. */
export interface BiDi {
  /** Sends a command; rejects with what the browser says against it, or if the browser ends. */
  // biome-ignore lint/suspicious/noExplicitAny: every command has results of its own
  send(method: string, params?: object): Promise<any>;
  /** The text that an expression promises. */
  evaluate(context: string, expression: string): Promise<string>;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Connects to a browser that listens. */
export async function connectBiDi(url: string): Promise<BiDi> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, Waiting>();
  let commands = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, type, result, error, message } = JSON.parse(data);
    if (type === "success") waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(`${error}: ${message}`));
    waiting.delete(id);
  });
  socket.addEventListener("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("The browser has ended."));
  });
  await once(socket, "open");

  function send(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (socket.readyState !== WebSocket.OPEN) return reject(new Error("The browser has ended."));
      const id = commands++;
      waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ id, method, params }));
    });
  }
  return {
    send,
    async evaluate(context, expression) {
      const answer = await send("script.evaluate", { expression, target: { context }, awaitPromise: true });
      return textIn(answer as Evaluated);
    },
  };
}

/** The part of an answer to `script.evaluate` that is used here. */
interface Evaluated {
  readonly result?: { readonly value: string };
  readonly exceptionDetails?: { readonly text: string };
}

function textIn({ result, exceptionDetails }: Evaluated): string {
  if (!result) throw new Error(exceptionDetails?.text ?? "The page did not answer.");
  return result.value;
}
