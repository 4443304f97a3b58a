// The processes of this machine, as far as its operating system tells.

import { existsSync, readdirSync, readFileSync } from "node:fs";

/** A process that lives. */
export interface LivingProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Its environment when it was started, as one text. */
  environment(): string;
}

/**
 * All processes that live; undefined where they are not listed under `/proc`. The dead whom their parents never asked
 * for do not count: in some containers nobody does.
 */
export function livingProcesses(): readonly LivingProcess[] | undefined {
  if (!existsSync("/proc/self/stat")) return undefined;
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const stat = read(`/proc/${entry}/stat`);
    // The name before may hold spaces and brackets.
    const [state = "", parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "" || "ZX".includes(state)) return [];
    const environment = () => read(`/proc/${entry}/environ`);
    return { pid: Number(entry), parent: Number(parent), group: Number(group), environment };
  });
}

/** A file of a process, empty if the process has ended or is another user's. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
