// Values of every kind out of numbers, a printer that tells them apart, and a vandal.

/** Names of the types that random nodes return. */
export const TYPES = ["Text", "Count", "Bag", "Row"] as const;

/** Makes a value of a type out of a number, the same every time. */
export function make(typeNumber: number, n: number): unknown {
  if (TYPES[typeNumber] === "Text") return n % 3 === 0 ? `long ${n} `.repeat(40) : `text ${n}`;
  if (TYPES[typeNumber] === "Count") return n % 5 === 0 ? [Number.NaN, -0, Number.POSITIVE_INFINITY][n % 3] : n;
  if (TYPES[typeNumber] === "Bag") {
    const shared = { n, set: new Set([n, `${n}`]) };
    return new Map<unknown, unknown>([
      [`k${n % 7}`, new Date(n)],
      ["plain", { n }],
      ["shared", shared],
      [shared, [shared]],
    ]);
  }
  const bytes = Uint8Array.from({ length: n % 90 }, (_, i) => n + i);
  return { n, rows: [n, { deep: [n] }], at: new Date(n), bytes, big: BigInt(n), nothing: undefined };
}

/** Prints a value so that equal values, and only they, print alike. */
export function print(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : `${typeof value} ${value}`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${value.join()}`;
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  if (value instanceof Set) return `Set ${print([...value])}`;
  if (value instanceof Map) return `Map ${print([...value])}`;
  if (value instanceof Error) return `${value.name} ${value.message}`;
  return `{${Object.entries(value).map(([key, item]) => `${key}: ${print(item)}`)}}`;
}

/** Tries to change everything inside a value. */
export function vandalize(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const inside = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
  if (!(value instanceof Uint8Array)) for (const item of inside) vandalize(item);
  try {
    if (value instanceof Date) value.setTime(0);
    else if (value instanceof Uint8Array) value.fill(0);
    else if (value instanceof Map) value.clear();
    else if (value instanceof Set) value.clear();
    else if (Array.isArray(value)) value.push("vandal");
    else Object.assign(value, { n: "vandal" });
  } catch {
    // Frozen: as it should be.
  }
}

/** A 32-bit hash of a text. */
export function hash(text: string): number {
  let state = 7;
  for (let i = 0; i < text.length; i++) state = (Math.imul(state, 31) + text.charCodeAt(i)) >>> 0;
  return state;
}
