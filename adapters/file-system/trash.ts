// Takes the folder of a run away in one step; deleting what is in it takes longer.

import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { bury, newestEpoch } from "./claims.js";
import { ifThere, isTaken, onDisk } from "./disk.js";

/** Moves a folder into `trash`, deletes it there, and what dead processes left. The epochs of the run go on. */
export async function discard(folder: string, trash: string): Promise<void> {
  // Not `recursive`, which says ENOENT where the file system is read-only.
  await onDisk("Removing a run", folder, () =>
    mkdir(trash).catch((error) => (isTaken(error) ? undefined : Promise.reject(error))),
  );
  const epoch = await newestEpoch(folder);
  await ifThere("Removing a run", folder, () => rename(folder, join(trash, randomUUID())));
  for (const old of await onDisk("Removing a run", trash, () => readdir(trash))) {
    // Another process may be at it too.
    await rm(join(trash, old), { recursive: true, force: true }).catch(() => {});
  }
  // Last, when there is space for it.
  if (epoch > 0) await bury(folder, epoch + 1);
}
