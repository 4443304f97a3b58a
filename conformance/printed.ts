// Values in the messages of failed cases: short, and telling apart what JSON does not.

const LONGEST = 80;

/** A value in a few words. */
export function printed(value: unknown): string {
  if (typeof value === "string") return shortened(JSON.stringify(value));
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return shortened(`${value.name}: ${value.message}`);
  const kind = kindOf(value);
  return kind === "Object" || kind === "Array" ? shortened(asJson(value) ?? kind) : kind;
}

/** The name of the built-in type or class of an object. */
export function kindOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag !== "Object") return tag;
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  return prototype === null ? "Object without prototype" : (prototype.constructor?.name ?? tag);
}

function asJson(value: object): string | undefined {
  try {
    // Binary by its length: 50 MB of it as text would take minutes.
    return JSON.stringify(value, (_, inner) =>
      ArrayBuffer.isView(inner) ? `${kindOf(inner)}(${inner.byteLength})` : inner,
    );
  } catch {
    return undefined; // a cycle, or a BigInt
  }
}

function shortened(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length} characters)`;
}
