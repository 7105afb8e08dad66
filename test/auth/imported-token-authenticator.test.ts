import { createForeignAuthenticator } from '../../src/auth/authenticator';
import type { Alias } from '../../src/cache/caches';
import { createReadQueue } from '../../src/cache/read-queue';
import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { createDigester } from '../../src/token/digest';
import { fakeClock } from '../support/clock';
import { deferred } from '../support/deferred';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('the two reads that a foreign token takes may take no longer together than one', async () => {
  const found = deferred<Alias | null>();
  const aliases = new ReadThroughCache<Alias>({
    clock: fakeClock(),
    maxEntries: 10,
    maxMisses: 10,
    maxRevocationLag: 1000,
    readQueue: createReadQueue({ maxReads: 10, maxWaiting: 10, timeout: 500 }),
    lease: () => null,
    read: () => found.promise,
  });
  const never = deferred<null>();
  const native = { identify: () => null, recall: () => undefined, lookUp: jest.fn(() => never.promise) };
  const digester = createDigester([null]);
  const { identify, lookUp } = createForeignAuthenticator({ native, aliases, digester, storeTimeout: 500 });

  const token = 'sk_live_0123456789abcdef0123456789abcdef';
  const outcome = lookUp(identify(token) as string, token).catch((error) => error.code);
  await jest.advanceTimersByTimeAsync(400);
  found.resolve({ keyId: 'a' });
  await jest.advanceTimersByTimeAsync(99);
  expect(native.lookUp).toHaveBeenCalledTimes(1);
  expect(await Promise.race([outcome, 'waiting'])).toBe('waiting');
  await jest.advanceTimersByTimeAsync(1);
  expect(await Promise.race([outcome, 'waiting'])).toBe('store_unavailable');
});
