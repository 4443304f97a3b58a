// Grouping, summing and ranking, the same way in every table.

/** Items by key, keys in the order they first appear. */
export function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** The sum of a number of each item. */
export function sumOf<Item>(items: readonly Item[], numberOf: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + numberOf(item), 0);
}

/** The first `count` items by falling number; equal ones by name, so that the order is always the same. */
export function topOf<Item extends { readonly name: string }>(
  items: readonly Item[],
  count: number,
  numberOf: (item: Item) => number,
): Item[] {
  const compare = (a: Item, b: Item) => numberOf(b) - numberOf(a) || (a.name < b.name ? -1 : 1);
  return items.toSorted(compare).slice(0, count);
}

/** The middle number, or the mean of the two in the middle; 0 of none. */
export function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** `part / whole`, and 0 of nothing. */
export function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
