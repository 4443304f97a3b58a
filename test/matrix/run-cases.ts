// Runs all cases on all stores of one runtime, one after the other, and starts it again when a case took it down.

import type { Outcome } from "./inside/run-case.js";
import type { Runtime, Session } from "./runtime.js";

/** A case that failed. */
export interface Failure {
  readonly name: string;
  readonly error: string;
}

/** What came of all cases on one store. */
export interface StoreResult {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

/** One column of the matrix. */
export interface RuntimeResult {
  /** The runtime, with its version if it could be started. */
  readonly name: string;
  readonly stores: ReadonlyMap<string, StoreResult>;
  /** Why it could not be started. */
  readonly error?: string;
}

const CASE_TIMEOUT_MS = 180_000;

/** Never rejects: a runtime that cannot be started is a result. */
export async function runCases(runtime: Runtime): Promise<RuntimeResult> {
  const stores = new Map<string, StoreResult>();
  let session: Session | undefined;
  try {
    session = await runtime.open();
    const { version, stores: names, cases } = session;
    if (cases.length === 0) throw new Error("It found no cases.");
    for (const store of names) {
      const failures: Failure[] = [];
      for (const name of cases) {
        session ??= await runtime.open();
        const { error, isBroken } = await attempt(session, store, name);
        if (error !== undefined) failures.push({ name, error });
        if (!isBroken) continue;
        await session.close().catch(() => undefined);
        session = undefined;
      }
      stores.set(store, { passed: cases.length - failures.length, failures });
    }
    return { name: `${runtime.name} ${version}`, stores };
  } catch (error) {
    return { name: runtime.name, stores, error: String(error) };
  } finally {
    await session?.close();
  }
}

/** Runs a case; `isBroken` if the runtime did not come back from it. */
async function attempt(session: Session, store: string, name: string): Promise<Outcome & { isBroken?: boolean }> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It did not end in ${CASE_TIMEOUT_MS} ms.`)), CASE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([session.run(store, name), timeout]);
  } catch (error) {
    return { error: String(error), isBroken: true };
  } finally {
    clearTimeout(timer);
  }
}
