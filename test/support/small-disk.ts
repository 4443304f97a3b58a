// A file system of a few kilobytes, to be filled to the last page.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** What a file takes at least. */
const PAGE_BYTES = 4_096;

/** A mounted file system in memory. */
export interface SmallDisk {
  readonly path: string;
  /** Fills it until this many pages are free. */
  leave(pages: number): void;
  /** Takes away what {@link leave} put there. */
  makeSpace(): void;
  /** Mounts it once more, so that nobody can write to it. */
  makeReadOnly(): void;
}

/** Mounts an empty disk, until the test ends. @throws an Error where this process may not. */
export function smallDisk(kibibytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "heddle-disk-"));
  const options = `size=${kibibytes}k`;
  onTestFinished(() => {
    spawnSync("umount", ["--lazy", path]);
    rmSync(path, { recursive: true, force: true });
  });
  mount("-t", "tmpfs", "-o", options, "tmpfs", path);
  const filler = join(path, "filler");
  const makeSpace = () => rmSync(filler, { force: true });
  return {
    path,
    leave(pages) {
      makeSpace();
      const { bavail, bsize } = statfsSync(path);
      writeFileSync(filler, Buffer.alloc(bavail * bsize - pages * PAGE_BYTES));
    },
    makeSpace,
    makeReadOnly: () => mount("-o", `remount,ro,${options}`, path),
  };
}

function mount(...options: string[]): void {
  const { status, stderr, error } = spawnSync("mount", options, { encoding: "utf8" });
  if (status === 0) return;
  const why = error?.message ?? stderr.trim();
  throw new Error(
    `This test mounts a small disk of its own, and could not: ${why} Run it as root, in a container with the right to mount (--cap-add SYS_ADMIN).`,
  );
}
