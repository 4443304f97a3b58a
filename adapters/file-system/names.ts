// Names of folders for runs: any text must be safe on any file system, those that ignore case included.

import { createHash } from "node:crypto";

const LONGEST = 160;

/** Names that Windows keeps for devices. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const EMPTY = "%";

/**
 * The folder of a run: its id with all but `a-z 0-9 _ -` written as `%XX`, and halves of characters as `%uXXXX`; very
 * long ones end in a hash instead.
 */
export function folderName(runId: string): string {
  if (runId === "") return EMPTY;
  const escaped = DEVICE.test(runId) ? escapeOf(runId) : runId.replace(/[^a-z0-9_-]/gu, escapeOf);
  if (escaped.length <= LONGEST) return escaped;
  return `${escaped.slice(0, LONGEST - 65)}~${createHash("sha256").update(escaped).digest("hex")}`;
}

function escapeOf(part: string): string {
  if (LONE_SURROGATE.test(part)) return `%u${part.charCodeAt(0).toString(16)}`;
  return Buffer.from(part).toString("hex").replace(/../g, "%$&");
}

/** The id of the run in a folder of this name, as far as the name tells. */
export function runIdOf(folder: string): string {
  if (folder === EMPTY || folder.includes("~")) return folder === EMPTY ? "" : folder;
  const decoded = folder.split(/(%u[0-9a-f]{4})/).map((part, i) => {
    return i % 2 === 1 ? String.fromCharCode(Number.parseInt(part.slice(2), 16)) : decodeURIComponent(part);
  });
  return decoded.join("");
}

/** The id that a record in a folder claims, if it fits; otherwise what is known. */
export function claimedRunId(claimed: unknown, folder: string, known: string): string {
  return typeof claimed === "string" && folderName(claimed) === folder ? claimed : known;
}

/** True if a run can have a folder of this name. */
export function isFolderName(name: string): boolean {
  if (name.includes("~")) return /^[a-z0-9_%-]{95}~[0-9a-f]{64}$/.test(name);
  try {
    return folderName(runIdOf(name)) === name;
  } catch {
    return false;
  }
}
