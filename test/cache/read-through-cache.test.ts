import { createReadQueue } from '../../src/cache/read-queue';
import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { Lease } from '../../src/store/lease';
import { fakeClock } from '../support/clock';
import { type Deferred, deferred } from '../support/deferred';

const LAG = 1000;

interface Box {
  readonly text: string;
}

/** A cache over reads that the test answers one by one, in any order. */
function setUp(
  options: { lease?: () => Lease | null; maxEntries?: number; maxMisses?: number; maxReads?: number } = {},
) {
  const clock = fakeClock();
  const reads: (Deferred<Box | null> & { id: string })[] = [];
  const cache = new ReadThroughCache<Box>({
    clock,
    maxEntries: options.maxEntries ?? 100,
    maxMisses: options.maxMisses ?? 100,
    maxRevocationLag: LAG,
    readQueue: createReadQueue({ maxReads: options.maxReads ?? 1000, maxWaiting: 1000, timeout: 500 }),
    lease: options.lease ?? (() => null),
    read(id) {
      const read = { ...deferred<Box | null>(), id };
      reads.push(read);
      return read.promise;
    },
  });
  const peek = (id: string) => cache.get(id, clock.wall());
  const answer = (index: number, text: string | null) => reads[index]?.resolve(text === null ? null : { text });
  return { clock, cache, reads, peek, answer };
}

describe('remembering', () => {
  test('a value that was read is told from memory until it has aged for maxRevocationLag since its read set out', async () => {
    const { clock, cache, peek, answer } = setUp();
    expect(peek('a')).toBeUndefined();
    const loading = cache.load('a');
    clock.advance(300); // the read takes 300 ms, which count
    answer(0, 'old');
    expect(await loading).toEqual({ text: 'old' });
    clock.advance(LAG - 301);
    expect(peek('a')).toEqual({ text: 'old' });
    clock.advance(1);
    expect(peek('a')).toBeUndefined();
  });

  test('an entry lapses when the wall clock alone has moved on, as it does while a machine is suspended', async () => {
    const { clock, cache, peek, answer } = setUp();
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    clock.step(LAG);
    expect(peek('a')).toBeUndefined();
  });

  test('setting the wall clock back does not prolong an entry', async () => {
    const { clock, cache, peek, answer } = setUp();
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    clock.step(-3_600_000);
    clock.advance(LAG);
    expect(peek('a')).toBeUndefined();
  });

  test('an id without a value is remembered as such, and forgotten when it comes to be', async () => {
    const { cache, peek, answer } = setUp();
    const loading = cache.load('a');
    answer(0, null);
    expect(await loading).toBeNull();
    expect(peek('a')).toBeNull();
    cache.invalidate('a');
    expect(peek('a')).toBeUndefined();
  });

  test('a flood of unknown ids pushes out other unknown ids and no value', async () => {
    const { cache, peek, answer, reads } = setUp({ maxEntries: 10, maxMisses: 10 });
    const good = cache.load('good');
    answer(0, 'good');
    await good;
    for (let n = 1; n <= 1000; n += 1) {
      const loading = cache.load(`unknown-${n}`);
      answer(n, null);
      await loading;
    }
    expect(reads).toHaveLength(1001);
    expect(peek('good')).toEqual({ text: 'good' });
    expect(cache.size()).toEqual({ values: 1, misses: 10, reads: 0 });
  });

  test('an entry counts under the lease it was read under, also when that lease is extended later', async () => {
    const lease = new Lease();
    const { clock, cache, peek, answer } = setUp({ lease: () => lease });
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    expect(peek('a')).toBeUndefined();
    lease.extend(clock.monotonic() + 10, clock.wall() + 10);
    expect(peek('a')).toEqual({ text: 'x' });
    clock.advance(10);
    expect(peek('a')).toBeUndefined();
  });

  test('an entry read under a lease that was replaced never counts again', async () => {
    let lease = Lease.FOREVER;
    const first = new Lease();
    lease = first;
    const { clock, cache, peek, answer } = setUp({ lease: () => lease });
    first.extend(clock.monotonic() + 100, clock.wall() + 100);
    const loading = cache.load('a');
    answer(0, 'x');
    await loading;
    lease = new Lease(clock.monotonic() + 1e6, clock.wall() + 1e6);
    first.end();
    expect(peek('a')).toBeUndefined();
  });
});

describe('reads under way', () => {
  test('a thousand requests for one id make one read', async () => {
    const { cache, reads, answer } = setUp();
    const loading = Array.from({ length: 1000 }, () => cache.load('a'));
    expect(reads).toHaveLength(1);
    answer(0, 'x');
    expect(new Set(await Promise.all(loading))).toEqual(new Set([{ text: 'x' }]));
  });

  test('a read that was overtaken by a change is not remembered', async () => {
    const { cache, peek, answer } = setUp();
    const loading = cache.load('a');
    cache.invalidate('a');
    answer(0, 'old');
    await loading;
    expect(peek('a')).toBeUndefined();
  });

  test('a request that begins after a change was heard does not join a read that set out before', async () => {
    const { cache, reads, peek, answer } = setUp();
    const before = cache.load('a');
    cache.invalidate('a');
    const after = cache.load('a');
    expect(reads).toHaveLength(2);
    answer(1, 'new');
    expect(await after).toEqual({ text: 'new' });
    answer(0, 'old');
    expect(await before).toEqual({ text: 'old' });
    expect(peek('a')).toEqual({ text: 'new' });
  });

  test('a request that joined a read which was then overtaken reads again, and not a third time', async () => {
    const { cache, reads, answer } = setUp();
    const first = cache.load('a');
    const joined = cache.load('a');
    cache.invalidate('a');
    answer(0, 'old');
    expect(await first).toEqual({ text: 'old' });
    expect(reads).toHaveLength(2);
    cache.invalidate('a'); // once more while the second read is under way: it set out after the request, so it will do
    answer(1, 'new');
    expect(await joined).toEqual({ text: 'new' });
    expect(reads).toHaveLength(2);
  });

  test('a request that joined a read whose lease has lapsed meanwhile reads again', async () => {
    const { clock, cache, reads, answer } = setUp();
    const first = cache.load('a');
    clock.advance(LAG - 1);
    const joined = cache.load('a');
    clock.advance(1);
    answer(0, 'old');
    await first;
    expect(reads).toHaveLength(2);
    answer(1, 'new');
    expect(await joined).toEqual({ text: 'new' });
  });

  test('a request that has to read again waits no longer for both reads than for one', async () => {
    jest.useFakeTimers();
    try {
      const { cache, answer } = setUp();
      void cache.load('a');
      await jest.advanceTimersByTimeAsync(200);
      const joined = cache.load('a').catch((error) => error.code);
      cache.invalidate('a');
      await jest.advanceTimersByTimeAsync(200);
      answer(0, 'old');
      await jest.advanceTimersByTimeAsync(299);
      expect(await Promise.race([joined, 'waiting'])).toBe('waiting');
      await jest.advanceTimersByTimeAsync(1);
      expect(await Promise.race([joined, 'waiting'])).toBe('store_unavailable');
    } finally {
      jest.useRealTimers();
    }
  });

  test('clear overtakes every read under way and forgets everything', async () => {
    const { cache, peek, answer } = setUp();
    const a = cache.load('a');
    answer(0, 'x');
    await a;
    const b = cache.load('b');
    cache.invalidateAll();
    answer(1, 'y');
    await b;
    expect(peek('a')).toBeUndefined();
    expect(peek('b')).toBeUndefined();
  });

  test('a read that failed is not remembered and the next request reads again', async () => {
    const { cache, reads, peek, answer } = setUp();
    const failing = cache.load('a');
    reads[0]?.reject(new Error('down'));
    await expect(failing).rejects.toThrow('down');
    expect(peek('a')).toBeUndefined();
    const again = cache.load('a');
    answer(1, 'x');
    expect(await again).toEqual({ text: 'x' });
    expect(cache.size().reads).toBe(0);
  });
});

describe('the gate', () => {
  test('no more than maxReads are under way; the others wait their turn in order of arrival', async () => {
    const { cache, reads, answer } = setUp({ maxReads: 2 });
    const loading = ['a', 'b', 'c', 'd'].map((id) => cache.load(id));
    expect(reads.map((read) => read.id)).toEqual(['a', 'b']);
    answer(1, 'B');
    await loading[1];
    await new Promise(setImmediate);
    expect(reads.map((read) => read.id)).toEqual(['a', 'b', 'c']);
    answer(0, 'A');
    answer(2, 'C');
    await loading[2];
    await new Promise(setImmediate);
    answer(3, 'D');
    expect(await Promise.all(loading)).toEqual([{ text: 'A' }, { text: 'B' }, { text: 'C' }, { text: 'D' }]);
  });

  test('whoever finds the waiting room full is told so at once', async () => {
    const gate = createReadQueue({ maxReads: 1, maxWaiting: 1, timeout: 500 });
    const first = deferred<string>();
    const under = gate.run(() => first.promise);
    const waits = gate.run(async () => 'second');
    await expect(gate.run(async () => 'third')).rejects.toMatchObject({ code: 'store_unavailable' });
    first.resolve('first');
    expect(await under).toBe('first');
    expect(await waits).toBe('second');
    expect(await gate.run(async () => 'fourth')).toBe('fourth');
  });

  test('nobody waits longer than the timeout, in the queue or under way, and the gate recovers', async () => {
    jest.useFakeTimers();
    try {
      const gate = createReadQueue({ maxReads: 1, maxWaiting: 10, timeout: 500 });
      const frozen = deferred<string>();
      const neverStarted = jest.fn(async () => 'late');
      const outcomes = [gate.run(() => frozen.promise), gate.run(neverStarted)].map((work) =>
        work.catch((error) => error.code),
      );
      await jest.advanceTimersByTimeAsync(500);
      expect(await Promise.all(outcomes)).toEqual(['store_unavailable', 'store_unavailable']);
      frozen.resolve('too late');
      await jest.advanceTimersByTimeAsync(0);
      expect(neverStarted).not.toHaveBeenCalled();
      expect(await gate.run(async () => 'again')).toBe('again');
    } finally {
      jest.useRealTimers();
    }
  });
});
