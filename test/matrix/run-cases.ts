// Runs all cases on all stores and executors of one runtime, one after the other, and starts it again when a case took it down.

import type { Outcome } from "./inside/run-case.js";
import type { Runtime, Session } from "./runtime.js";

/** A case that failed. */
export interface Failure {
  readonly name: string;
  readonly error: string;
}

/** What came of all cases on one store or executor. */
export interface SubjectResult {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

/** One column of the matrix. */
export interface RuntimeResult {
  /** The runtime, with its version if it could be started. */
  readonly name: string;
  readonly subjects: ReadonlyMap<string, SubjectResult>;
  /** Why it could not be started. */
  readonly error?: string;
}

const CASE_TIMEOUT_MS = 180_000;

/** Never rejects: a runtime that cannot be started is a result. */
export async function runCases(runtime: Runtime): Promise<RuntimeResult> {
  const subjects = new Map<string, SubjectResult>();
  let session: Session | undefined;
  try {
    session = await runtime.open();
    const { version } = session;
    for (const { name: subject, cases } of session.subjects) {
      if (cases.length === 0) throw new Error("It found no cases.");
      const failures: Failure[] = [];
      for (const name of cases) {
        session ??= await runtime.open();
        const { error, isBroken } = await attempt(session, subject, name);
        if (error !== undefined) failures.push({ name, error });
        if (!isBroken) continue;
        await session.close().catch(() => undefined);
        session = undefined;
      }
      subjects.set(subject, { passed: cases.length - failures.length, failures });
    }
    return { name: `${runtime.name} ${version}`, subjects };
  } catch (error) {
    return { name: runtime.name, subjects, error: String(error) };
  } finally {
    await session?.close();
  }
}

/** Runs a case; `isBroken` if the runtime did not come back from it. */
async function attempt(session: Session, subject: string, name: string): Promise<Outcome & { isBroken?: boolean }> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It did not end in ${CASE_TIMEOUT_MS} ms.`)), CASE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([session.run(subject, name), timeout]);
  } catch (error) {
    return { error: String(error), isBroken: true };
  } finally {
    clearTimeout(timer);
  }
}
