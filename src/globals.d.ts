// The web-common globals that the engine may use, and nothing more: `tsc -p src` knows no DOM and no Node.
// Each exists in browsers, workers, workerd, Node, Deno and Bun (WinterTC Minimum Common API).

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
  throwIfAborted(): void;
}

interface AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
declare const AbortController: { new (): AbortController };

declare class URL {
  constructor(url: string);
  readonly href: string;
}

declare class URLSearchParams {
  constructor(params: URLSearchParams);
}

declare class Blob {
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}

/** Not in Node 20. */
declare var navigator: { readonly userAgent?: string } | undefined;
declare const performance: { now(): number };
declare const console: { error(...data: unknown[]): void };

declare const crypto: {
  randomUUID(): string;
  readonly subtle: { digest(algorithm: "SHA-256", data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> };
};

declare function setTimeout(callback: () => void, delayMs: number): unknown;
declare function clearTimeout(timer: unknown): void;
