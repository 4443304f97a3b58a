// What a store needs of a binding to Workers KV, and what its operations cost: the slice that heddle uses, so that no
// types of Cloudflare get into those of a user.

/** What can be kept beside a value: JSON of at most 1,024 bytes. */
export type Metadata = Readonly<Record<string, unknown>>;

/** A page of keys. An empty one may have more behind it. */
export interface KeyPage {
  readonly keys: readonly { readonly name: string; readonly metadata?: unknown }[];
  readonly list_complete: boolean;
  readonly cursor?: string;
}

/** A namespace of Workers KV: a `KVNamespace` of Cloudflare's types fits. */
export interface KvNamespace {
  getWithMetadata(
    key: string,
    type: "arrayBuffer",
  ): Promise<{ readonly value: ArrayBuffer | null; readonly metadata: unknown }>;
  put(
    key: string,
    value: ArrayBuffer | string,
    options?: { readonly metadata?: Metadata; readonly expirationTtl?: number },
  ): Promise<void>;
  list(options: { readonly prefix: string; readonly limit?: number; readonly cursor?: string }): Promise<KeyPage>;
  delete(key: string): Promise<void>;
}

/** The limits of Workers KV (developers.cloudflare.com/kv/platform/limits). */
export const LIMITS = { valueBytes: 25 * 1024 * 1024, metadataBytes: 1024, leastTtlSeconds: 60 } as const;
