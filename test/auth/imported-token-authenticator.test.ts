import { createImportedTokenAuthenticator, type Fetched } from '../../src/auth/authenticator';
import type { Alias } from '../../src/cache/caches';
import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { createTokenHasher } from '../../src/token/digest';
import { fakeClock } from '../support/clock';
import { deferred } from '../support/deferred';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('an imported token is denied with store_unavailable when its two reads together take longer than storeTimeout', async () => {
  const found = deferred<Alias | null>();
  const aliases = new ReadThroughCache<Alias>({
    clock: fakeClock(),
    maxEntries: 10,
    maxMisses: 10,
    maxRevocationLag: 1000,
    lease: () => null,
    read: () => found.promise,
  });
  const never = deferred<Fetched>();
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
