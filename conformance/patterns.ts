// Bytes that show when a part of them was lost, moved or taken twice.

/** Makes bytes that differ from place to place. */
export function patternOf(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) + (i >> 16)) & 255;
  return bytes;
}
