// Faults of what reads: journals, lists, values and names.

import type { Batch, WritePosition } from "heddle";
import { decoded, decoding, type Mutant, mutant } from "./mutant.js";

/** Faults by name. */
export const READ_MUTANTS: Readonly<Record<string, Mutant>> = {
  "read counts batches, not events": mutant(
    "A page that begins inside a batch begins too late.",
    "paging: a page may begin anywhere, in the middle of a batch too",
    (inner) => ({
      read: async (runId, seq, limit) => inner.read(runId, seq - (seq % 2), limit),
    }),
  ),

  "read says too early that there is no more": mutant(
    "Long journals are read in part.",
    "paging: pages of any size give the whole journal",
    (inner) => ({
      read: async (runId, seq, limit) => ({ ...(await inner.read(runId, seq, limit)), more: false }),
    }),
  ),

  "heads ignores the status": mutant(
    "Who looks for failed runs gets them all.",
    "list: runs of one status are listed alone",
    (inner) => ({
      heads: ({ status: _, ...query }) => inner.heads(query),
    }),
  ),

  "heads ignores the case of dags": mutant(
    "A database that compares text without case.",
    "list: runs of one dag are listed alone, and names that differ in case are different",
    (inner) => ({
      heads: async ({ dag, ...query }) => {
        const all = await inner.heads({ ...query, limit: 1_000 });
        return { heads: all.heads.filter((head) => !dag || head.dag.toLowerCase() === dag.toLowerCase()) };
      },
    }),
  ),

  "heads loses the runs of one moment at the end of a page": mutant(
    "The cursor is a time alone.",
    "list: runs of one moment are listed once each, in pages of any size",
    (inner) => ({
      heads: async ({ cursor, limit, ...query }) => {
        const { heads } = await inner.heads({ ...query, limit: 1_000 });
        const rest = heads.filter(({ startedAt }) => cursor === undefined || startedAt < Number(cursor));
        const page = rest.slice(0, limit);
        return { heads: page, ...(rest.length > limit ? { cursor: `${page.at(-1)?.startedAt}` } : {}) };
      },
    }),
  ),

  "usage counts nothing": mutant(
    "Pruning by size never ends, or never begins.",
    "retention: the oldest runs go until the store takes no more than it may",
    (inner) => ({
      usage: async () => ({ bytes: 0, runs: (await inner.usage()).runs }),
    }),
  ),

  "values lose the sign of -0": decoded("JSON does that.", "-0 by itself", (value) => (value === 0 ? 0 : value)),

  "values lose undefined": decoded("JSON does that.", "undefined, null and nothing at all", (value) => {
    const { a: _, ...rest } = value as Record<string, unknown>;
    return rest;
  }),

  "values lose holes": decoded("A copy by spreading fills them.", "arrays with holes", (value) =>
    (value as unknown[][]).map((list) => [...list]),
  ),

  "values lose the order of Maps": decoded(
    "A database sorts them.",
    "Map in its order",
    (value) => new Map([...(value as Map<unknown, unknown>)].reverse()),
  ),

  "values lose shared references": decoded(
    "Two names of one thing become two.",
    "one object at several places",
    (value) => Object.assign(value as object, { date: new Date(1) }),
  ),

  "values lose the kind of typed arrays": decoded(
    "All binary comes back as bytes.",
    "Float32Array",
    (value) => new Uint8Array((value as Float32Array).buffer),
  ),

  "values lose the causes of errors": decoded(
    "Nobody finds out why it failed.",
    "an error with a cause and properties",
    (value) => {
      delete (value as Error).cause;
      return value;
    },
  ),

  "values lose the last binary part": decoding(
    "A part of a value has the name of another.",
    "size: a value with a thousand parts comes back equal",
    ({ text, parts }) => ({
      text,
      parts: parts.length > 1 ? [...parts.slice(0, -1), new Uint8Array()] : parts,
    }),
  ),

  "values lose what is not ASCII": decoding(
    "A column with the wrong character set.",
    "value comes back as it was: a long text",
    ({ text, parts }) => ({
      text: text.replace(/[^\0-\x7f]/g, "?"),
      parts,
    }),
  ),

  "names are cut after 255 characters": mutant(
    "A file system, or a column, takes no longer names.",
    "names: runs may have any name, and none is taken for another",
    (inner) => {
      const cut = (runId: string) => runId.slice(0, 255);
      return {
        acquire: (runId, ...args) => inner.acquire(cut(runId), ...args),
        append: (runId, ...args) => inner.append(cut(runId), ...args),
        release: (runId, ...args) => inner.release(cut(runId), ...args),
        read: (runId, ...args) => inner.read(cut(runId), ...args),
        head: (runId) => inner.head(cut(runId)),
      };
    },
  ),

  "names are normalised": mutant(
    "Some file systems do that.",
    "names: leases on runs with any name are told apart",
    (inner) => ({
      acquire: (runId, ...args) => inner.acquire(runId.normalize("NFC"), ...args),
      append: (runId, ...args) => inner.append(runId.normalize("NFC"), ...args),
      release: (runId, ...args) => inner.release(runId.normalize("NFC"), ...args),
      read: (runId, ...args) => inner.read(runId.normalize("NFC"), ...args),
    }),
  ),

  "after close it still reads": mutant(
    "Tests and pages that have ended hold on to data.",
    "close: after it every call rejects with STORE_UNAVAILABLE",
    (inner) => {
      let isClosed = false;
      return {
        close: async () => {
          isClosed = true;
        },
        append: (...args) =>
          isClosed ? inner.append("closed", ...(args.slice(1) as [WritePosition, Batch])) : inner.append(...args),
      };
    },
  ),

  "ids are the time alone": mutant(
    "Two runs of one millisecond have one name.",
    "lease: names for runs and owners are unique, and later ones sort after earlier ones",
    () => ({
      newId: (now) => now.toString(36).padStart(9, "0"),
    }),
  ),
};
