// Identity of values: a small value is its own reference, a larger one is named by the SHA-256 of its encoding.

import { bytesIn, lengthOf } from "../encoded.js";
import { HeddleError } from "../errors.js";
import type { Ref } from "../events.js";
import type { Encoded } from "../ports.js";

/** The longest text that is its own reference, in characters. A constant of the journal format. */
const INLINE_CHARACTERS = 256;

/** The reference of a small value; nothing for a larger one, or one with binary parts. */
export function inlineRef({ text, parts }: Encoded): Ref | undefined {
  return parts.length === 0 && text.length <= INLINE_CHARACTERS ? `=${text}` : undefined;
}

/** The encoding inside an inline reference; nothing if the reference is a hash. */
export function inlineEncoding(ref: Ref): Encoded | undefined {
  return ref.startsWith("=") ? { text: ref.slice(1), parts: [] } : undefined;
}

/** The reference to a hashed value. */
export function hashRef(hash: string): Ref {
  return `#${hash}`;
}

/** The hash inside a reference; nothing if it is inline. */
export function hashOf(ref: Ref | undefined): string | undefined {
  return ref?.startsWith("#") ? ref.slice(1) : undefined;
}

/** A value with its name, and the length of what was hashed. */
export interface Hashed {
  readonly encoded: Encoded;
  readonly hash: string;
  readonly bytes: number;
}

/** Names an encoding by its SHA-256 in hex: the lengths of its parts as a JSON line, its text in UTF-8, then the parts. */
export async function hashEncoded(encoded: Encoded): Promise<Hashed> {
  const { text, parts } = encoded;
  const lengths = JSON.stringify(parts.map(lengthOf));
  const head = new TextEncoder().encode(`${lengths}\n${text}`);
  const whole = parts.length === 0 ? head : join([head, ...(await Promise.all(parts.map(bytesIn)))]);
  const digest = await sha256(whole);
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { encoded, hash, bytes: whole.byteLength };
}

/** True for what has this name. Blobs are left on the disk: an encoding with one in it is believed. */
export async function hasHash(encoded: Encoded, hash: string): Promise<boolean> {
  const { text, parts } = encoded;
  if (typeof text !== "string" || !Array.isArray(parts)) return false;
  return parts.some(isBlob) || (await hashEncoded(encoded)).hash === hash;
}

function isBlob(part: Encoded["parts"][number]): boolean {
  return typeof Blob !== "undefined" && part instanceof Blob;
}

/** Insecure pages have no `crypto.subtle`. */
function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const { subtle } = crypto as { readonly subtle?: typeof crypto.subtle };
  if (subtle) return subtle.digest("SHA-256", bytes);
  const advice = "Serve the page from https or localhost.";
  throw new HeddleError("STORE_UNAVAILABLE", `Records need crypto.subtle, which is on secure pages only. ${advice}`);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
