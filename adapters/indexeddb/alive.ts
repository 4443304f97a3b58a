// Tells whether an owner is alive: each holds a Web Lock of its name, which the browser frees when its tab or worker is
// gone. A hint only: a frozen tab keeps its lock, and what is stored is protected by epochs.

/** Lets go of a lock. */
export type Release = () => void;

/** Takes the lock of an owner; nothing where there are no locks. Shared, since one owner may hold several runs. */
export function holdLock(owner: string): Promise<Release | undefined> {
  return new Promise((resolve) => {
    const held = request(owner, { mode: "shared" }, () => new Promise<void>((release) => resolve(release)));
    held.then(
      () => resolve(undefined),
      () => resolve(undefined),
    );
  });
}

/** True if an owner that took a lock holds it no more. */
export async function isGone(owner: string): Promise<boolean> {
  const isFree = await request(owner, { ifAvailable: true }, (lock) => lock !== null).catch(() => false);
  return isFree === true;
}

async function request<T>(
  owner: string,
  options: LockOptions,
  use: (lock: Lock | null) => T | Promise<T>,
): Promise<T | undefined> {
  const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
  return locks?.request(`heddle ${owner}`, options, use) as Promise<T> | undefined;
}
