// The way from a worker to who started it, the same in Node and in a browser.

import type { MessagePort as NodePort } from "node:worker_threads";
import type { Wire } from "./pool.js";

interface Threads {
  readonly parentPort?: NodePort;
}

/** The port, where this is a thread of Node. Asked for in this way, it is nothing to a bundler. */
export function parentPort(): NodePort | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): Threads } };
  return process?.getBuiltinModule?.("node:worker_threads").parentPort;
}

export function parent(): Wire {
  const port = parentPort();
  if (port) {
    return {
      post: (message, moved) => port.postMessage(message, moved as ArrayBuffer[]),
      hear: (listener) => void port.on("message", listener),
    };
  }
  return {
    post: (message, moved = []) => postMessage(message, { transfer: moved }),
    hear: (listener) => addEventListener("message", ({ data }) => listener(data)),
  };
}
