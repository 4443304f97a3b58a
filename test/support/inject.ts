// Injects many faults, a few at a time, and tells of all that were not borne.

import { join } from "node:path";
import { directoryOf, type Files, putFile, putFiles } from "./stored-files.js";

/** So many faults are tried at once, each in a directory of its own. */
const LANES = 6;
const MOST_TOLD = 4;

/** One file with other content. */
export interface Fault {
  readonly name: string;
  readonly content: Buffer;
  /** In words. */
  readonly what: string;
}

/**
 * Puts every fault into a directory of these files, and checks what becomes of it there. `change`: the check changes
 * more than that file. Returns how many faults there were.
 *
 * @throws an Error that counts the checks that failed, with the first few.
 */
export async function injectAll<F extends Fault>(
  files: Files,
  faults: readonly F[],
  check: (directory: string, fault: F) => Promise<void>,
  { change = false } = {},
): Promise<number> {
  const failed: string[] = [];
  const waiting = faults.values();
  const lane = async () => {
    const directory = directoryOf(files);
    for (const fault of waiting) {
      putFile(join(directory, fault.name), fault.content);
      await check(directory, fault).catch((error: Error) => {
        failed.push(`${fault.name}, ${fault.what}: ${error.message}`);
      });
      if (change) putFiles(directory, files);
      else putFile(join(directory, fault.name), files.get(fault.name) as Buffer);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (failed.length > 0) {
    throw new Error(`${failed.length} of ${faults.length} faults:\n${failed.slice(0, MOST_TOLD).join("\n")}`);
  }
  return faults.length;
}

/** Every `step`-th byte of a file with one bit of it flipped. */
export function flips(name: string, bytes: Buffer, step = 1): (Fault & { readonly byte: number })[] {
  const positions = Array.from({ length: Math.ceil(bytes.byteLength / step) }, (_, i) => i * step);
  return positions.map((byte) => flip(name, bytes, byte));
}

/** The same for some bytes. */
export function flip(name: string, bytes: Buffer, byte: number): Fault & { readonly byte: number } {
  const content = Buffer.from(bytes);
  content[byte] = (content[byte] as number) ^ (1 << (byte % 8));
  return { name, content, byte, what: `byte ${byte} of ${bytes.byteLength}` };
}
