// What can be moved over the border of a worker instead of being copied.

/** Their names, since not every runtime has them all. */
const NAMES = "MessagePort ImageBitmap OffscreenCanvas ReadableStream WritableStream TransformStream".split(" ");

/** All inside some values that can be moved. A buffer that a typed array shows a part of belongs to others too, and stays. */
export function transferablesIn(values: readonly unknown[]): object[] {
  const [first] = values;
  // Most often it is one buffer. The walk would be a good part of what moving it costs (`npm run bench -- workers`).
  if (values.length === 1 && first instanceof ArrayBuffer && first.byteLength > 0) return [first];
  const found = new Set<object>();
  const met = new Set<unknown>();
  const todo = [...values];
  for (let value = todo.pop(); value !== undefined || todo.length > 0; value = todo.pop()) {
    if (typeof value !== "object" || value === null || met.has(value)) continue;
    met.add(value);
    // What is empty may have been moved already: then the copying refuses it.
    if (value instanceof ArrayBuffer) value.byteLength > 0 && found.add(value);
    else if (NAMES.some((name) => isA(name, value))) found.add(value);
    else if (ArrayBuffer.isView(value)) {
      const { buffer, byteLength } = value;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0) found.add(buffer);
    } else for (const inner of insideOf(value)) todo.push(inner);
  }
  return [...found];
}

function insideOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value].flat();
  return value instanceof Set ? value : Object.values(value);
}

function isA(name: string, value: object): boolean {
  const type = (globalThis as Record<string, unknown>)[name];
  return typeof type === "function" && value instanceof type;
}
