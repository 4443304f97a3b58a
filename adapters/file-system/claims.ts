// Who may write to a run: one small file per epoch, made exclusively. The newest one counts, for ever: to be overtaken,
// an epoch needs a successor, so a released claim stays.

import { existsSync, readFileSync } from "node:fs";
import { link, mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Held } from "../../src/ports.js";
import { diskError, ifThere, isGone, isTaken, onDisk } from "./disk.js";

/** The right to write, as it stands in its file. */
interface Claim {
  readonly owner: string;
  readonly untilMs: number;
  readonly host: string;
  readonly pid: number;
}

/** A claim is rewritten in place, so that a full disk does not keep a run from being renewed or given back. */
const CLAIM_BYTES = 512;

const encode = (claim: Claim) => `${JSON.stringify(claim).padEnd(CLAIM_BYTES - 1)}\n`;

/** The epochs that were claimed in the folder of a run, ascending; also those of which the claim itself is gone. */
async function claimedEpochs(folder: string): Promise<number[]> {
  const names = (await ifThere("Listing a run", folder, () => readdir(folder))) ?? [];
  const epochs = names.flatMap((name) => (/^\d+\.(owner|jsonl)$/.test(name) ? Number.parseInt(name, 10) : []));
  return epochs.sort((a, b) => a - b);
}

/** Claims the next epoch, unless somebody holds the newest one at `now`. */
export async function claimNext(
  folder: string,
  { owner, now, leaseMs }: { readonly owner: string; readonly now: number; readonly leaseMs: number },
): Promise<{ readonly epoch: number } | Held> {
  const newest = await newestEpoch(folder);
  const held = newest > 0 ? await holder(folder, newest, now) : undefined;
  if (held) return held;
  if (await claim(folder, newest + 1, { owner, untilMs: now + leaseMs })) return { epoch: newest + 1 };
  return (await holder(folder, newest + 1, now)) ?? { heldBy: "another owner", untilMs: now };
}

/** Claims the epoch after one that is held, for its owner and as long; false if it is over, or the run is gone. */
export async function claimAfter(folder: string, epoch: number): Promise<boolean> {
  try {
    const held = await read(folder, epoch);
    return held !== undefined && (await newestEpoch(folder)) === epoch && (await claim(folder, epoch + 1, held));
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Makes the claim of an epoch; false if somebody else did. */
async function claim(
  folder: string,
  epoch: number,
  { owner, untilMs }: Pick<Claim, "owner" | "untilMs">,
): Promise<boolean> {
  const draft = join(folder, `${epoch}.${process.pid}-${Math.random().toString(36).slice(2)}.draft`);
  const content = encode({ owner, untilMs, host: hostname(), pid: process.pid });
  try {
    // Written first and named afterwards: whoever sees the name sees the whole claim.
    await onDisk("Claiming a run", draft, () => writeFile(draft, content, { flag: "wx" }));
    await link(draft, claimPath(folder, epoch));
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw diskError(error, "Claiming a run", folder);
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Claims an epoch for nobody, in a new folder in the place of a removed one: so that its old owner is overtaken, and a
 * new run of that name goes on counting.
 */
export async function bury(folder: string, epoch: number): Promise<void> {
  await onDisk("Removing a run", folder, async () => {
    try {
      await mkdir(folder);
      await writeFile(claimPath(folder, epoch), encode({ owner: "", untilMs: 0, host: "", pid: 0 }), { flag: "wx" });
    } catch (error) {
      // Somebody was faster to make a run of this name.
      if (!isTaken(error)) throw error;
    }
  });
}

/** The newest epoch that was claimed, or 0. */
export async function newestEpoch(folder: string): Promise<number> {
  return (await claimedEpochs(folder)).at(-1) ?? 0;
}

/** True if a run has an owner who was not seen to go, by whichever clock its lease counts: it may write when that is over. */
export async function isOwned(folder: string): Promise<boolean> {
  const newest = await newestEpoch(folder);
  const claim = newest > 0 ? await read(folder, newest) : undefined;
  return claim !== undefined && claim.untilMs > 0 && !isDead(claim);
}

/** Writes how long a claim holds from now on. */
export async function prolong(folder: string, epoch: number, owner: string, untilMs: number): Promise<void> {
  const path = claimPath(folder, epoch);
  await onDisk("Renewing a run", path, async () => {
    const file = await open(path, "r+");
    try {
      await file.write(encode({ owner, untilMs, host: hostname(), pid: process.pid }), 0);
    } finally {
      await file.close();
    }
  });
}

/** True if somebody claimed the epoch after this one. Asked without the thread pool, which would cost 50 times more. */
export function isOvertaken(folder: string, epoch: number): boolean {
  return existsSync(claimPath(folder, epoch + 1));
}

async function holder(folder: string, epoch: number, now: number): Promise<Held | undefined> {
  const claim = await read(folder, epoch);
  if (!claim || claim.untilMs <= now || isDead(claim)) return undefined;
  return { heldBy: claim.owner, untilMs: claim.untilMs };
}

async function read(folder: string, epoch: number): Promise<Claim | undefined> {
  const path = claimPath(folder, epoch);
  const text = await ifThere("Reading a claim", path, () => readFile(path, "utf8"));
  return text === undefined ? undefined : parse(text);
}

/** A claim that a power cut left empty, or that is none, belongs to nobody who lives. */
function parse(text: string): Claim | undefined {
  try {
    const { owner, untilMs, host, pid } = JSON.parse(text) as Partial<Claim>;
    if (typeof owner !== "string" || typeof untilMs !== "number" || typeof host !== "string") return undefined;
    return typeof pid === "number" ? { owner, untilMs, host, pid } : undefined;
  } catch {
    return undefined;
  }
}

/** True only if the owner was a process of this host that is gone for sure. */
function isDead({ host, pid }: Claim): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** True for a process that has ended and that its parent has not asked about yet, as in containers without an init. */
function isZombie(pid: number): boolean {
  try {
    // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the state follows the name, which is in parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return "ZX".includes(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? " ");
  } catch {
    return false; // no Linux
  }
}

function claimPath(folder: string, epoch: number): string {
  return join(folder, `${epoch}.owner`);
}
