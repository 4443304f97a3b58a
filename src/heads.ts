// Which runs a query asks for, in which order: the same for every store that holds its heads in a list.

import type { HeadQuery, RunHead } from "./ports.js";

/** Filters, sorts (newest first) and pages heads. */
export function pageOfHeads(
  all: readonly RunHead[],
  { status, dag, updatedSince = 0, limit, cursor }: HeadQuery,
): { readonly heads: readonly RunHead[]; readonly cursor?: string } {
  const wanted = all
    .filter(
      (head) => (!status || head.status === status) && (!dag || head.dag === dag) && head.updatedAt >= updatedSince,
    )
    .sort(newestFirst);
  const from = cursor === undefined ? 0 : wanted.findIndex((head) => sortKey(head) < cursor);
  const page = from < 0 ? [] : wanted.slice(from, from + limit);
  const last = page.at(-1);
  const isMore = from >= 0 && from + limit < wanted.length;
  return { heads: page, ...(isMore && last ? { cursor: sortKey(last) } : {}) };
}

function sortKey({ startedAt, runId }: RunHead): string {
  return `${String(startedAt).padStart(16, "0")} ${runId}`;
}

function newestFirst(a: RunHead, b: RunHead): number {
  return sortKey(a) < sortKey(b) ? 1 : -1;
}
