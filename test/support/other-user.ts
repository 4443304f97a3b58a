// Does something as a user whom permissions hold back; they do not hold back root.

import process from "node:process";

const NOBODY = 65_534;

/** Calls back as nobody if this process is root, otherwise as it is. */
export async function asOtherUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
