// Looks at many runs side by side, but not at all of them: a process may have only so many files open.

const AT_ONCE = 32;

/** Calls for each item, some at a time; the results are in the order of the items. */
export async function sideBySide<T, R>(items: readonly T[], call: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(call))));
  }
  return results;
}
