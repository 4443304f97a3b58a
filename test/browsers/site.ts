// A web site of its own for a test: pages with scripts, served on this machine only.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, extname, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { type BundleOptions, bundle } from "./bundle.js";

const PAGES = resolve(import.meta.dirname, "pages");

/** Isolated from other sites, so that pages may share memory with their workers. */
const HEADERS = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** A site that runs. */
export interface Site {
  /** The address of the page with this script: `url("cases")` for `cases.ts`. */
  url(script: string): string;
  /** What pages told it, in order: the bodies of what they posted to `/tell`. */
  readonly told: readonly string[];
  close(): Promise<void>;
}

/**
 * Serves one page per script, by paths from `pages/`. A script puts the functions that tests call on `globalThis.page`.
 * It can also be loaded as a worker, from `/<name>.js`.
 */
export async function site(scripts: readonly string[], options?: BundleOptions): Promise<Site> {
  const files = await bundle(
    ["answer-call.ts", ...scripts].map((script) => resolve(PAGES, script)),
    options,
  );
  const pages = new Map(scripts.map((script) => [nameOf(script), htmlOf(nameOf(script))]));
  const told: string[] = [];
  const server = createServer(async (request, response) => {
    if (request.method === "POST") return void response.end(await hear(request, told));
    const path = new URL(request.url ?? "/", "http://localhost").pathname.slice(1);
    const script = files.get(path);
    const body = script ?? pages.get(path.replace(/\.html$/, ""));
    const type = script === undefined ? "text/html" : "text/javascript";
    response.writeHead(body === undefined ? 404 : 200, { ...HEADERS, "content-type": type });
    response.end(body);
  });
  const port = await listen(server);
  return {
    told,
    url: (script) => `http://127.0.0.1:${port}/${script}.html`,
    close: () => close(server),
  };
}

/** Of a page that dies in the middle of a message nothing is heard. */
async function hear(request: IncomingMessage, told: string[]): Promise<void> {
  const message = await text(request).catch(() => undefined);
  if (message !== undefined) told.push(message);
}

const nameOf = (script: string) => basename(script, extname(script));

function htmlOf(name: string): string {
  const scripts = ["answer-call", name].map((script) => `<script type="module" src="/${script}.js"></script>`);
  return `<!doctype html><meta charset="utf-8"><title>${name}</title>${scripts.join("")}`;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  server.close();
  // Browsers keep connections open for later.
  server.closeAllConnections();
  await once(server, "close");
}
