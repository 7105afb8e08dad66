/** Concurrent calls of Redis: enough to keep it busy, few enough for each to complete in time. */
const CONCURRENCY = 64;

/** Calls `work` for all items, several at once. After a failure no further call begins, and the failure is thrown. */
export async function concurrently<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: unknown;
  async function run(): Promise<void> {
    while (failure === undefined && next < items.length) {
      const item = items[next++] as Item;
      try {
        await work(item);
      } catch (error) {
        failure ??= error;
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, run));
  if (failure !== undefined) throw failure;
}
