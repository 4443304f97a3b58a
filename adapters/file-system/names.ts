// Names of folders for runs: any text must be safe on any file system, those that ignore case included.

import { createHash } from "node:crypto";

const LONGEST = 160;

/** The folder of a run: its id with all but `a-z 0-9 _ -` written as `%XX`; very long ones end in a hash instead. */
export function folderName(runId: string): string {
  const escaped = runId.replace(/[^a-z0-9_-]+/g, (part) => Buffer.from(part).toString("hex").replace(/../g, "%$&"));
  if (escaped.length <= LONGEST) return escaped;
  return `${escaped.slice(0, LONGEST - 65)}~${createHash("sha256").update(runId).digest("hex")}`;
}

/** The id of the run in a folder of this name, as far as the name tells. */
export function runIdOf(folder: string): string {
  return folder.includes("~") ? folder : decodeURIComponent(folder);
}
