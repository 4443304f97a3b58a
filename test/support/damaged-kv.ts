// A namespace of KV of which any key can be damaged: its bytes, what stands beside it, or the key itself.

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { KvNamespace } from "heddle/adapters/cloudflare-kv";
import { type Draws, mutatedValue } from "./mutate-records.js";

/** What stands under a key. */
export interface Entry {
  readonly value: Uint8Array<ArrayBuffer>;
  readonly metadata: unknown;
}

export type Entries = Map<string, Entry>;

/** A namespace that holds just this. */
export function kvOf(entries: Entries): KvNamespace {
  return {
    getWithMetadata: async (key) => {
      const entry = entries.get(key);
      return { value: entry ? entry.value.slice().buffer : null, metadata: entry?.metadata ?? null };
    },
    put: async (key, value, options) => {
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array(value.slice(0));
      entries.set(key, { value: bytes, metadata: structuredClone(options?.metadata ?? null) });
    },
    list: async ({ prefix, limit = 1_000, cursor = "" }) => {
      const names = [...entries.keys()].filter((key) => key.startsWith(prefix) && key > cursor).sort();
      const keys = names.slice(0, limit).map((name) => ({ name, metadata: entries.get(name)?.metadata }));
      const isLast = keys.length === names.length;
      return { keys, list_complete: isLast, ...(isLast ? {} : { cursor: keys.at(-1)?.name as string }) };
    },
    delete: async (key) => void entries.delete(key),
  };
}

/** What was done to a namespace. */
export interface Damage {
  readonly kind: string;
  readonly key: string;
  /** True if somebody made the checksum anew, so that nothing tells the damage from what heddle writes. */
  readonly isSealed: boolean;
}

type Injury = (entries: Entries, key: string, draws: Draws) => boolean;

const INJURIES: Readonly<Record<string, Injury>> = {
  "bytes are changed"(entries, key, draws) {
    return replace(entries, key, (bytes) => injured(bytes, entries, draws));
  },
  "bytes are changed under a new checksum"(entries, key, draws) {
    return replace(entries, key, (bytes) => injured(bytes, entries, draws)) || seal(entries, key);
  },
  "the line is changed under a new checksum"(entries, key, draws) {
    return replace(entries, key, (bytes) => withOtherLine(bytes, draws)) || seal(entries, key);
  },
  "what stands beside it is changed"(entries, key, draws) {
    const entry = entries.get(key) as Entry;
    entries.set(key, { ...entry, metadata: mutatedValue(entry.metadata, draws) });
    return false;
  },
  "what stands beside it is changed under a new checksum"(entries, key, draws) {
    const entry = entries.get(key) as Entry;
    entries.set(key, { ...entry, metadata: withCheck(key, mutatedValue(entry.metadata, draws)) });
    return true;
  },
  "what stands beside it is gone"(entries, key) {
    entries.set(key, { ...(entries.get(key) as Entry), metadata: null });
    return false;
  },
  "it is gone": (entries, key) => !entries.delete(key),
  "it is moved": (entries, key, draws) => copyTo(otherKey(entries, key, draws), entries, key) && !entries.delete(key),
  "it is copied": (entries, key, draws) => copyTo(otherKey(entries, key, draws), entries, key),
  "it has changed places"(entries, key, draws) {
    const other = draws.one([...entries.keys()]);
    const [mine, its] = [entries.get(key) as Entry, entries.get(other) as Entry];
    entries.set(key, its).set(other, mine);
    return false;
  },
};

/** Damages one key. */
export function damage(entries: Entries, draws: Draws): Damage {
  const kind = draws.one(Object.keys(INJURIES));
  const keys = [...entries.keys()];
  // Values that stand apart are few.
  const apart = keys.filter((one) => /\/k\/|\/3[0-9a-f]{64}$/.test(one));
  const key = draws.one(apart.length > 0 && draws.below(5) === 0 ? apart : keys);
  const isSealed = (INJURIES[kind] as Injury)(entries, key, draws);
  return { kind, key, isSealed };
}

function replace(entries: Entries, key: string, change: (bytes: Uint8Array) => Uint8Array): boolean {
  const entry = entries.get(key) as Entry;
  entries.set(key, { ...entry, value: Uint8Array.from(change(entry.value)) });
  return false;
}

/** Makes the checksum beside a batch fit its bytes. */
function seal(entries: Entries, key: string): boolean {
  const { value, metadata } = entries.get(key) as Entry;
  if (typeof (metadata as { sum?: unknown } | null)?.sum !== "string") return false;
  const sum = createHash("sha256").update(value).digest("hex").slice(0, 16);
  entries.set(key, { value, metadata: withCheck(key, { ...(metadata as object), sum }) });
  return true;
}

/** Metadata with the checksum that fits them. */
function withCheck(key: string, metadata: unknown): unknown {
  if (typeof metadata !== "object" || metadata === null || !("check" in metadata)) return metadata;
  const { check: _, ...info } = metadata;
  return { ...info, check: fnv1a(`${key.slice("heddle/".length)} ${JSON.stringify(info)}`) };
}

function fnv1a(text: string): number {
  return (
    [...Array(text.length).keys()].reduce(
      (hash, i) => Math.imul(hash ^ text.charCodeAt(i), 16_777_619),
      -2_128_831_035,
    ) >>> 0
  );
}

/** A flipped bit, a piece that is gone, doubled or of another key; or the end is cut off. */
function injured(bytes: Uint8Array, entries: Entries, draws: Draws): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(draws.below(256));
  const at = draws.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + draws.below(30));
  const { value: other } = draws.one([...entries.values()]);
  const from = draws.below(other.length + 1);
  switch (draws.below(5)) {
    case 0:
      return Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ (1 << draws.below(8)) : byte));
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + 30), bytes.subarray(end)]);
  }
}

/** The bytes with something else in their line of JSON. */
function withOtherLine(bytes: Uint8Array, draws: Draws): Uint8Array {
  const whole = bytes[0] === 0x1f ? gunzipSync(bytes) : Buffer.from(bytes);
  const end = whole.indexOf("\n");
  if (end < 0) return bytes;
  const line = mutatedValue(JSON.parse(whole.subarray(0, end).toString()), draws);
  return Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), whole.subarray(end + 1)]);
}

function copyTo(to: string, entries: Entries, key: string): boolean {
  entries.set(to, entries.get(key) as Entry);
  return false;
}

/** A key that is there, or one with another digit, letter or part in it. */
function otherKey(entries: Entries, key: string, draws: Draws): string {
  const other = draws.one([...entries.keys()]);
  if (draws.below(3) === 0) return other;
  const base = key.split("/").slice(0, 3).join("/");
  const parts = key.split("/").slice(3);
  const at = draws.below(parts.length);
  const part = parts[at] as string;
  const digit = draws.below(part.length + 1);
  const changes = [
    other.split("/")[3 + at] ?? "",
    part.slice(0, digit) + draws.below(10) + part.slice(digit + 1),
    part.slice(digit),
    draws.one(["%", "%E0%A4%A", "#", "é", "__proto__", ""]),
  ];
  parts[at] = draws.one(changes);
  return [base, ...parts].join("/");
}
