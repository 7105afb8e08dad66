import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Resolves when a condition holds, looking every 20 ms; rejects after `timeout` milliseconds with the description.
 * A condition that throws does not hold yet.
 */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout = 30_000,
): Promise<void> {
  const until = performance.now() + timeout;
  let last: unknown;
  while (performance.now() < until) {
    try {
      if (await condition()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(20);
  }
  throw new Error(`Waited ${timeout} ms in vain until ${what}.`, { cause: last });
}
