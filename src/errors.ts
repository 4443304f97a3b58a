// Every error heddle throws on purpose: one class, told apart by a stable `code` that survives any border.

/** What went wrong, as a constant to match on. Messages may change between versions; codes do not. */
export type ErrorCode =
  | "INVALID_DAG"
  | "INVALID_OPTION"
  | "INVALID_INPUT"
  | "INVALID_OUTPUT"
  | "INVALID_ANSWER"
  | "UNKNOWN_PATH"
  | "NOT_PAUSED"
  | "RUN_EXISTS"
  | "RUN_NOT_FOUND"
  | "RUN_OWNED"
  | "RUN_COMPLETED"
  | "NOTHING_KEPT"
  | "DAG_CHANGED"
  | "REPLAY_BLOCKED"
  | "RESTART_BLOCKED"
  | "NOT_KEEPABLE"
  | "VALUE_MISSING"
  | "VALUE_DAMAGED"
  | "TIMEOUT"
  | "PAUSED"
  | "CANCELLED"
  | "NODE_THREW"
  | "CHILD_FAILED"
  | "NOT_SERVED"
  | "NOT_CLONEABLE"
  | "WORKER_MISMATCH"
  | "WORKER_DIED"
  | "POOL_CLOSED"
  | "KILLED"
  | "FENCED"
  | "STORE_CONFLICT"
  | "STORE_QUOTA"
  | "STORE_TOO_LARGE"
  | "STORE_UNAVAILABLE"
  | "STORE_DAMAGED"
  | "STORE_STALE"
  | "STORE_VERSION";

/** The one error class of heddle. `faults` lists the single complaints where several are reported at once. */
export class HeddleError extends Error {
  override readonly name = "HeddleError";
  readonly code: ErrorCode;
  readonly faults: readonly string[];

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; faults?: readonly string[] } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.faults = options.faults ?? [];
  }
}

/** Builds one error out of several complaints, all of them in the message. */
export function faultsError(code: ErrorCode, subject: string, faults: readonly string[]): HeddleError {
  const listed =
    faults.length === 1 ? ` ${faults[0]}` : `\n${faults.map((fault, i) => `${i + 1}. ${fault}`).join("\n")}`;
  return new HeddleError(code, `${subject}:${listed}`, { faults });
}

/** Returns whatever was thrown as an Error: Errors as they are, anything else wrapped with itself as `cause`. */
export function toError(thrown: unknown): Error {
  if (isError(thrown)) return thrown;
  return new HeddleError("NODE_THREW", `Something that is no Error was thrown: ${print(thrown)}`, { cause: thrown });
}

const MOST_NAMES = 20;

/** Prints up to twenty names in quotes for a message: `"a", "b" and 3 more`. */
export function quoted(names: Iterable<string>): string {
  const all = [...names];
  const shown = all.slice(0, MOST_NAMES).map((name) => `"${name}"`);
  if (all.length > shown.length) return `${shown.join(", ")} and ${all.length - shown.length} more`;
  return shown.join(", ") || "none";
}

/** True for Errors; false also for what cannot be looked at. */
export function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false; // a revoked proxy
  }
}

/** Prints anything, also what cannot be printed. */
export function print(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return typeof thrown;
  }
}
