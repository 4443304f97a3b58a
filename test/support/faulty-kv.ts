// Workers KV as its documentation describes it, with what the local one does not show: locations that lag behind, misses
// that are remembered, one write a second to a key, short and empty pages. Time passes with every operation.

import type { KvNamespace, Metadata } from "heddle/adapters/cloudflare-kv";

/** What happened to one key: a write, or a deletion. */
interface Version {
  readonly value: ArrayBuffer | null;
  readonly metadata: unknown;
  readonly at: number;
  readonly from: string;
}

/** What is wrong with it. */
export interface Faults {
  /** After so many operations a location sees what was written in others; in lists after twice as many. Default 0. */
  readonly lag?: (location: string) => number;
  /** For so many operations a location goes on not seeing what it once missed. Default 0. */
  readonly missesFor?: number;
  /** So many operations are a second. Default: no limit to writes. */
  readonly second?: number;
  /** The most keys on a page. Default 1,000. */
  readonly pageKeys?: number;
  /** Every second page is empty, with a cursor. Default false. */
  readonly emptyPages?: boolean;
}

/** Counts of operations. */
export type Operations = Record<"get" | "put" | "list" | "delete", number>;

/** All locations of one namespace. */
export class FaultyKv {
  readonly operations: Operations = { get: 0, put: 0, list: 0, delete: 0 };
  /** Writes that were refused, since one to the same key was less than a second ago. */
  refused = 0;
  readonly ttls = new Set<number | undefined>();
  readonly #versions = new Map<string, Version[]>();
  readonly #faults: Faults;
  #now = 0;
  #pages = 0;
  #granted = Number.POSITIVE_INFINITY;

  constructor(faults: Faults = {}) {
    this.#faults = faults;
  }

  /** The namespace as it is seen in one location. */
  at(location: string): KvNamespace {
    const misses = new Map<string, number>();
    return {
      getWithMetadata: async (key) => {
        this.#count("get");
        const { missesFor = 0 } = this.#faults;
        const version = (misses.get(key) ?? 0) > this.#now ? undefined : this.#seen(key, location, 1);
        if (version?.value) return { value: version.value.slice(0), metadata: version.metadata };
        if (missesFor > 0 && !misses.has(key)) misses.set(key, this.#now + missesFor);
        return { value: null, metadata: null };
      },
      put: async (key, value, options) => {
        this.#count("put");
        check(key, value, options?.metadata, options?.expirationTtl);
        this.ttls.add(options?.expirationTtl);
        const bytes = typeof value === "string" ? new TextEncoder().encode(value).buffer : value.slice(0);
        this.#write(key, { value: bytes, metadata: structuredClone(options?.metadata), from: location });
      },
      delete: async (key) => {
        this.#count("delete");
        this.#write(key, { value: null, metadata: undefined, from: location });
      },
      list: async ({ prefix, limit = 1_000, cursor = "" }) => {
        this.#count("list");
        const { pageKeys = 1_000, emptyPages = false } = this.#faults;
        if (emptyPages && this.#pages++ % 2 === 0) return { keys: [], list_complete: false, cursor: cursor || " " };
        const names = [...this.#versions.keys()].filter((key) => key.startsWith(prefix) && key > cursor.trim()).sort();
        const there = names.flatMap((name) => {
          const version = this.#seen(name, location, 2);
          return version?.value ? [{ name, metadata: version.metadata }] : [];
        });
        const keys = there.slice(0, Math.min(limit, pageKeys));
        const isLast = keys.length === there.length;
        return { keys, list_complete: isLast, ...(isLast ? {} : { cursor: keys.at(-1)?.name ?? " " }) };
      },
    };
  }

  /** Lets so many operations pass. */
  wait(operations: number): void {
    this.#now += operations;
  }

  /** Loses a key, or damages what stands under it. */
  change(key: string, to: { readonly value?: ArrayBuffer | null; readonly metadata?: unknown }): void {
    const last = this.#versions.get(key)?.at(-1);
    if (!last) throw new Error(`There is no key "${key}".`);
    this.#versions.set(key, [{ ...last, ...to } as Version]);
  }

  /** The keys that are there, wherever they are seen. */
  keys(): readonly string[] {
    return [...this.#versions].flatMap(([key, versions]) => (versions.at(-1)?.value ? [key] : []));
  }

  value(key: string): ArrayBuffer {
    return this.#versions.get(key)?.at(-1)?.value as ArrayBuffer;
  }

  metadata(key: string): unknown {
    return this.#versions.get(key)?.at(-1)?.metadata;
  }

  /** The number of all operations. */
  get total(): number {
    return Object.values(this.operations).reduce((sum, one) => sum + one, 0);
  }

  /** From now on so many operations, as one request to a Worker is granted. */
  grant(operations: number): void {
    this.#granted = operations;
  }

  #count(operation: keyof Operations): void {
    if (this.#granted-- <= 0) throw new Error("Too many API requests by single worker invocation.");
    this.operations[operation]++;
    this.#now++;
  }

  #write(key: string, version: Omit<Version, "at">): void {
    const versions = this.#versions.get(key) ?? [];
    const last = versions.at(-1);
    if (last && this.#now - last.at < (this.#faults.second ?? 0)) {
      this.refused++;
      throw new Error("KV PUT failed: 429 Too Many Requests");
    }
    this.#versions.set(key, [...versions, { ...version, at: this.#now }]);
  }

  /** The newest version that a location sees: its own at once, those of others later. */
  #seen(key: string, location: string, lags: number): Version | undefined {
    const lag = (this.#faults.lag?.(location) ?? 0) * lags;
    return this.#versions.get(key)?.findLast(({ at, from }) => from === location || at + lag <= this.#now);
  }
}

function check(
  key: string,
  value: ArrayBuffer | string,
  metadata: Metadata | undefined,
  ttl: number | undefined,
): void {
  const bytes = (text: string) => new TextEncoder().encode(text).byteLength;
  if (key === "" || key === "." || key === ".." || bytes(key) > 512)
    throw new Error("KV PUT failed: 414 UTF-8 encoded length of the key exceeds 512");
  if (metadata && bytes(JSON.stringify(metadata)) > 1_024)
    throw new Error("KV PUT failed: 413 Metadata length exceeds 1024");
  const length = typeof value === "string" ? bytes(value) : value.byteLength;
  if (length > 25 * 1024 * 1024) throw new Error("KV PUT failed: 413 Value length exceeds 26214400");
  if (ttl !== undefined && ttl < 60) throw new Error("KV PUT failed: 400 Invalid expiration_ttl: must be at least 60");
}
