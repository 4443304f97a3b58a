// Work in chunks: what was done of a long list before a kill is not done again, so it must be cut into pieces that are
// recorded one by one.

import type { BaseContext } from "heddle";

/** Cuts items into chunks of `size`, the last one smaller; no items are one empty chunk. Says how many chunks there are. */
export function cut<Item>(items: readonly Item[], size: number, { progress }: Pick<BaseContext, "progress">): Item[][] {
  const chunks: Item[][] = [];
  for (let from = 0; from < Math.max(items.length, 1); from += size) chunks.push(items.slice(from, from + size));
  progress(chunks.length, chunks.length); // the display takes from here how many elements a map has
  return chunks;
}
