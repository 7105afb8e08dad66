import { createImportedTokenAuthenticator } from '../../src/auth/authenticator';
import type { Alias } from '../../src/cache/caches';
import { createReadQueue } from '../../src/cache/read-queue';
import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { createTokenHasher } from '../../src/token/digest';
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
  const never = deferred<'unknown'>();
  const fetchKey = jest.fn(() => never.promise);
  const keyscopeTokens = {
    parseKeyId: () => null,
    getVerified: () => undefined,
    getCached: () => undefined,
    fetch: fetchKey,
  };
  const hasher = createTokenHasher([null]);
  const { parseKeyId, fetch } = createImportedTokenAuthenticator({
    keyscopeTokens,
    aliases,
    hasher,
    storeTimeout: 500,
  });

  const token = 'sk_live_0123456789abcdef0123456789abcdef';
  const outcome = fetch(parseKeyId(token) as string, token, false).catch((error) => error.code);
  await jest.advanceTimersByTimeAsync(400);
  found.resolve({ keyId: 'a' });
  await jest.advanceTimersByTimeAsync(99);
  expect(keyscopeTokens.fetch).toHaveBeenCalledTimes(1);
  expect(await Promise.race([outcome, 'waiting'])).toBe('waiting');
  await jest.advanceTimersByTimeAsync(1);
  expect(await Promise.race([outcome, 'waiting'])).toBe('store_unavailable');
});
