import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { Lease } from '../../src/store/lease';
import { fakeClock } from '../support/clock';
import { type Deferred, deferred } from '../support/deferred';

const LAG = 1000;
/** An eighth is left for open responses. */
const LEASE = 875;

interface Box {
  readonly text: string;
}

/** A cache whose reads the test answers one by one, in any order. */
function setUp(options: { lease?: () => Lease | null; maxEntries?: number; maxMisses?: number } = {}) {
  const clock = fakeClock();
  const reads: (Deferred<Box | null> & { id: string })[] = [];
  const cache = new ReadThroughCache<Box>({
    clock,
    maxEntries: options.maxEntries ?? 100,
    maxMisses: options.maxMisses ?? 100,
    maxRevocationLag: LAG,
    lease: options.lease ?? (() => null),
    read(id) {
      const read = { ...deferred<Box | null>(), id };
      reads.push(read);
      return read.promise;
    },
  });
  const getCached = (id: string) => cache.get(id, clock.wall());
  const answer = (index: number, text: string | null) => reads[index]?.resolve(text === null ? null : { text });
  return { clock, cache, reads, getCached, answer };
}

describe('cached entries', () => {
  test('an entry is used for seven eighths of maxRevocationLag from when its read was sent if the store grants no lease', async () => {
    const { clock, cache, getCached, answer } = setUp();
    expect(getCached('a')).toBeUndefined();
    const loading = cache.load('a');
    clock.advance(300); // the read takes 300 ms, which count
    answer(0, 'old');
    expect((await loading).value).toEqual({ text: 'old' });
    clock.advance(LEASE - 301);
    expect(getCached('a')).toEqual({ text: 'old' });
    clock.advance(1);
    expect(getCached('a')).toBeUndefined();
  });

  test('an entry lapses when only the wall clock advances, as while a machine is suspended', async () => {
    const { clock, cache, getCached, answer } = setUp();
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    clock.step(LAG);
    expect(getCached('a')).toBeUndefined();
  });

  test('an entry is not used longer when the wall clock is set back', async () => {
    const { clock, cache, getCached, answer } = setUp();
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    clock.step(-3_600_000);
    clock.advance(LAG);
    expect(getCached('a')).toBeUndefined();
  });

  test('an id without a value is cached and invalidated like any other', async () => {
    const { cache, getCached, answer } = setUp();
    const loading = cache.load('a');
    answer(0, null);
    expect((await loading).value).toBeNull();
    expect(getCached('a')).toBeNull();
    cache.invalidate('a');
    expect(getCached('a')).toBeUndefined();
  });

  test('an entry is not evicted by a flood of unknown ids if it has a value', async () => {
    const { cache, getCached, answer, reads } = setUp({ maxEntries: 10, maxMisses: 10 });
    const good = cache.load('good');
    answer(0, 'good');
    await good;
    for (let n = 1; n <= 1000; n += 1) {
      const loading = cache.load(`unknown-${n}`);
      answer(n, null);
      await loading;
    }
    expect(reads).toHaveLength(1001);
    expect(getCached('good')).toEqual({ text: 'good' });
    expect(cache.size()).toEqual({ values: 1, misses: 10, reads: 0 });
  });

  test('an entry is used under the lease of its read if that lease is extended later', async () => {
    const lease = new Lease();
    const { clock, cache, getCached, answer } = setUp({ lease: () => lease });
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    expect(getCached('a')).toBeUndefined();
    lease.extend(clock.monotonic() + 10, clock.wall() + 10);
    expect(getCached('a')).toEqual({ text: 'x' });
    clock.advance(10);
    expect(getCached('a')).toBeUndefined();
  });

  test('an entry is not used when the lease of its read was replaced', async () => {
    let lease = Lease.FOREVER;
    const first = new Lease();
    lease = first;
    const { clock, cache, getCached, answer } = setUp({ lease: () => lease });
    first.extend(clock.monotonic() + 100, clock.wall() + 100);
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    lease = new Lease(clock.monotonic() + 1e6, clock.wall() + 1e6);
    first.end();
    expect(getCached('a')).toBeUndefined();
  });
});

describe('reads in flight', () => {
  const now = ({ clock }: ReturnType<typeof setUp>) => clock.wall();

  test('a read in flight is shared by a thousand requests for one id', async () => {
    const { cache, reads, answer } = setUp();
    const loading = Array.from({ length: 1000 }, () => cache.load('a'));
    expect(reads).toHaveLength(1);
    answer(0, 'x');
    expect(new Set(await Promise.all(loading)).size).toBe(1);
  });

  test('a read in flight is valid while nothing is invalidated and its lease holds', async () => {
    const context = setUp();
    const { cache, clock, answer } = context;
    const loading = cache.load('a');
    answer(0, 'x');
    const handle = await loading;
    expect(handle.isValid(now(context))).toBe(true);
    clock.advance(LEASE - 1);
    expect(handle.isValid(now(context))).toBe(true);
    clock.advance(1);
    expect(handle.isValid(now(context))).toBe(false);
  });

  test.each(['monotonic', 'wall'])(
    'a read in flight is not valid when its reply is handled after its lease by the %s clock',
    async (which) => {
      const context = setUp();
      const { cache, clock, answer } = context;
      const [own, joined] = [cache.load('a'), cache.load('a')];
      if (which === 'wall') clock.step(LAG);
      else {
        clock.advance(LAG);
        clock.step(-LAG);
      }
      answer(0, 'old');
      for (const handle of await Promise.all([own, joined])) expect(handle.isValid(now(context))).toBe(false);
    },
  );

  test('a read in flight is not valid when the lease that it took before it was sent has been replaced', async () => {
    let lease = Lease.FOREVER;
    const first = new Lease();
    lease = first;
    const context = setUp({ lease: () => lease });
    const { cache, clock, answer } = context;
    const loading = cache.load('a');
    lease = new Lease(clock.monotonic() + 1e6, clock.wall() + 1e6);
    answer(0, 'old');
    expect((await loading).isValid(now(context))).toBe(false);
  });

  test('a read in flight is neither valid nor cached when its id is invalidated', async () => {
    const context = setUp();
    const { cache, getCached, answer } = context;
    const [own, joined] = [cache.load('a'), cache.load('a')];
    cache.invalidate('a');
    answer(0, 'old');
    for (const handle of await Promise.all([own, joined])) expect(handle.isValid(now(context))).toBe(false);
    expect(getCached('a')).toBeUndefined();
  });

  test('a read in flight is not valid any more when anything is invalidated after its reply', async () => {
    const context = setUp();
    const { cache, answer } = context;
    const loading = cache.load('a');
    answer(0, 'x');
    const handle = await loading;
    cache.invalidate('b');
    expect(handle.isValid(now(context))).toBe(false);
  });

  test('a read in flight is not joined after an invalidation', async () => {
    const context = setUp();
    const { cache, reads, getCached, answer } = context;
    const before = cache.load('a');
    cache.invalidate('a');
    const after = cache.load('a');
    expect(reads).toHaveLength(2);
    answer(1, 'new');
    expect(await after).toMatchObject({ value: { text: 'new' } });
    answer(0, 'old');
    expect((await before).isValid(now(context))).toBe(false);
    expect((await after).isValid(now(context))).toBe(true);
    expect(getCached('a')).toEqual({ text: 'new' });
  });

  test('a read in flight is neither valid nor cached when everything is invalidated', async () => {
    const context = setUp();
    const { cache, getCached, answer } = context;
    const a = cache.load('a');
    answer(0, 'x');
    await a;
    const b = cache.load('b');
    cache.invalidateAll();
    answer(1, 'y');
    expect((await b).isValid(now(context))).toBe(false);
    expect(getCached('a')).toBeUndefined();
    expect(getCached('b')).toBeUndefined();
  });

  test('a read in flight is not cached when it fails, and the next request reads again', async () => {
    const { cache, reads, getCached, answer } = setUp();
    const failing = cache.load('a');
    reads[0]?.reject(new Error('down'));
    await expect(failing).rejects.toThrow('down');
    expect(getCached('a')).toBeUndefined();
    const again = cache.load('a');
    answer(1, 'x');
    expect(await again).toMatchObject({ value: { text: 'x' } });
    expect(cache.size().reads).toBe(0);
  });
});

test('a fresh read is sent although the id is cached and being read, and is valid for seven eighths of maxRevocationLag', async () => {
  const { cache, clock, reads, getCached, answer } = setUp();
  const first = cache.load('a');
  const fresh = cache.loadFresh('a');
  expect(reads).toHaveLength(2);
  answer(1, 'new');
  const handle = await fresh;
  expect(handle.value).toEqual({ text: 'new' });
  answer(0, 'old');
  await first;
  expect(getCached('a')).toEqual({ text: 'new' });
  clock.advance(LEASE - 1);
  expect(handle.isValid(clock.wall())).toBe(true);
  clock.advance(1);
  expect(handle.isValid(clock.wall())).toBe(false);
});
