// What IndexedDB complains of, in the words and codes of heddle.

import { HeddleError } from "../../src/errors.js";

/** True if a connection is of no use any more: closed by the browser, or its server lost. A new one may work. */
export function isDead(error: unknown): boolean {
  return ["InvalidStateError", "UnknownError", "AbortError"].includes(nameOf(error));
}

/** True if a database has a higher version than the one that was asked for. */
export function isNewer(error: unknown): boolean {
  return nameOf(error) === "VersionError";
}

/** Says what went wrong in a database and what to do about it. */
export function storeError(error: unknown, database: string): HeddleError {
  if (error instanceof HeddleError) return error;
  const options = { cause: error };
  switch (nameOf(error)) {
    case "QuotaExceededError":
      return new HeddleError(
        "STORE_QUOTA",
        `The browser grants database "${database}" no more space. Free some, with prune({ … }) of a DagProvenance or by removing other data of this site, then restart the run. persist() of the store asks the browser to keep what there is.`,
        options,
      );
    case "VersionError":
      return new HeddleError(
        "STORE_VERSION",
        `A newer version of heddle has changed database "${database}". Reload this page to get that version.`,
        options,
      );
    case "DataCloneError":
      return new HeddleError(
        "NOT_KEEPABLE",
        `The codec gave something that IndexedDB cannot store (${error}). Nothing of the batch was stored.`,
        options,
      );
    default:
      return new HeddleError(
        "STORE_UNAVAILABLE",
        `Database "${database}" does not work (${error}). What was stored stays; try again, or reload this page.`,
        options,
      );
  }
}

function nameOf(error: unknown): string {
  return (error as { name?: string } | null | undefined)?.name ?? "";
}
