/** Asynchronous work done one piece after the other. */

/**
 * The results of `make` on every item, each begun when the one before it has ended.
 *
 * `Promise.all` over a `map` begins all of them at once; programs of one session must not overlap.
 *
 * @returns  one result an item, in the order of the items
 * @throws whatever `make` throws, at once; later items are not begun
 */
export async function inTurn<Item, Result>(
  items: Iterable<Item>,
  make: (item: Item, index: number) => Promise<Result> | Result,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await make(item, results.length));
  return results;
}
