// Runs a measurement in a process of its own: for heaps that nothing else is in, and for what may never end.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Far more than any measurement takes. */
const CHILD_LIMIT_MS = 300_000;
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** What a child reported, or why there is nothing. */
export interface FromChild<R = unknown> {
  readonly result?: R;
  readonly failed?: string;
  /** It was ended, since it took too long. */
  readonly isLate?: true;
}

/** Runs `children/<name>.ts` with these arguments, for so long at most. */
export function inChild<R>(name: string, given: object, limitMs: number): Promise<FromChild<R>> {
  const args = ["--expose-gc", "--import", "tsx", `children/${name}.ts`, JSON.stringify(given)];
  const child = spawn(process.execPath, args, { cwd: HERE, stdio: ["ignore", "pipe", "pipe"] });
  let [out, errors, late] = ["", "", false];
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limitMs);
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      if (late) resolve({ failed: `did not end within ${limitMs / 1_000} s`, isLate: true });
      else if (code === 0 && out) resolve(JSON.parse(out) as FromChild<R>);
      else resolve({ failed: reasonIn(errors) ?? `ended with ${code} and no result` });
    });
  });
}

/** Runs a measurement in a child that must not fail. */
export async function resultOf<R>(name: string, given: object): Promise<R> {
  const { result, failed } = await inChild<R>(name, given, CHILD_LIMIT_MS);
  if (failed !== undefined) throw new Error(`${name} of ${JSON.stringify(given)}: ${failed}`);
  return result as R;
}

/** Reports to the parent and ends the process, whatever else still waits in it. */
export function report(result: FromChild): void {
  process.stdout.write(JSON.stringify(result), () => process.exit());
}

/** What the parent gave. */
export function given<T>(): T {
  return JSON.parse(process.argv[2] ?? "{}") as T;
}

function reasonIn(errors: string): string | undefined {
  if (errors.includes("heap out of memory")) return "out of memory";
  return /^\w*Error.*$/m.exec(errors)?.[0];
}
