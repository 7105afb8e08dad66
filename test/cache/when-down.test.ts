import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { KeyscopeError } from '../../src/errors';
import { Lease, NEVER, timestampsOf } from '../../src/store/lease';
import { fakeClock } from '../support/clock';

const LAG = 1000;
/** An eighth is left for open responses. */
const LEASE = 875;
const STALE = 5000;
const DOWN = new KeyscopeError('store_unavailable', 'The key store cannot be reached.');

interface Box {
  readonly text: string;
}

function setUp({ serveStaleFor = STALE } = {}) {
  const clock = fakeClock();
  const store = {
    error: null as Error | null,
    isDown: false,
    reads: 0,
    stale: 0,
    lease: null as Lease | null,
    answeredAt: NEVER,
  };
  const cache = new ReadThroughCache<Box>({
    clock,
    maxEntries: 10,
    maxMisses: 10,
    maxRevocationLag: LAG,
    lease: () => store.lease,
    async read(id) {
      store.reads += 1;
      if (store.error) throw store.error;
      return id === 'none' ? null : { text: `${id} ${store.reads}` };
    },
    whenDown: {
      serveStaleFor,
      answeredAt: () => store.answeredAt,
      isDown: () => store.isDown,
      onStale: () => {
        store.stale += 1;
      },
    },
  });
  return { cache, clock, store };
}

test('a cached value is used for serveStaleFor after its lease, and not longer', async () => {
  const { cache, clock, store } = setUp();
  const { value } = await cache.load('a');
  store.error = DOWN;
  clock.advance(LEASE + STALE - 1);
  expect(cache.get('a', clock.wall())).toBeUndefined();
  expect((await cache.load('a')).value).toBe(value);
  expect(store.stale).toBe(1);
  clock.advance(1);
  await expect(cache.load('a')).rejects.toBe(DOWN);
});

test('a lapsed value is read again each time unless the store is known to be down', async () => {
  const { cache, clock, store } = setUp();
  const { value } = await cache.load('a');
  store.error = DOWN;
  clock.advance(LAG);
  await cache.load('a');
  expect(store.reads).toBe(2);
  store.isDown = true;
  expect((await cache.load('a')).value).toBe(value);
  expect(store.reads).toBe(2);
  store.isDown = false;
  store.error = null;
  expect((await cache.load('a')).value).toEqual({ text: 'a 3' });
});

test('an invalidated value is not used', async () => {
  const { cache, store } = setUp();
  await cache.load('a');
  store.error = DOWN;
  store.isDown = true;
  cache.invalidate('a');
  await expect(cache.load('a')).rejects.toBe(DOWN);
});

test('a value is used after its lease only if it held when the store last answered', async () => {
  const { cache, clock, store } = setUp();
  const { value } = await cache.load('a');
  clock.advance(LEASE - 1);
  store.answeredAt = timestampsOf(clock);
  store.error = DOWN;
  clock.advance(LAG);
  expect((await cache.load('a')).value).toBe(value);
  store.answeredAt = timestampsOf(clock);
  await expect(cache.load('a')).rejects.toBe(DOWN);
  store.isDown = true;
  await expect(cache.load('a')).rejects.toBe(DOWN);
  expect(store.stale).toBe(1);
});

test('a value is not used when its lease was ended', async () => {
  const { cache, clock, store } = setUp();
  store.lease = Lease.from(clock, LAG);
  await cache.load('a');
  store.error = DOWN;
  store.lease.end();
  await expect(cache.load('a')).rejects.toBe(DOWN);
});

test('misses and unknown ids are not used, and other errors are passed on', async () => {
  const { cache, clock, store } = setUp();
  await cache.load('a');
  await cache.load('none');
  clock.advance(LAG);
  store.error = DOWN;
  await expect(cache.load('none')).rejects.toBe(DOWN);
  await expect(cache.load('b')).rejects.toBe(DOWN);
  store.error = new Error('a mistake');
  await expect(cache.load('a')).rejects.toBe(store.error);
});
