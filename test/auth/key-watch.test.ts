import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UseEnd } from '../../src/auth/entry-use';
import { KEY_DELETED, type KeyUse, KeyWatch } from '../../src/auth/key-watch';
import { type CachedKey, createToCachedKey, isSameKey } from '../../src/auth/request-api-key';
import { createCaches } from '../../src/cache/caches';
import { KeyscopeError } from '../../src/errors';
import { authorize, compileRequirement, NO_REQUIREMENT } from '../../src/keys/authorize';
import { holdsNow, Lease, timestampsOf } from '../../src/store/lease';
import type { KeyRecord } from '../../src/store/records';
import type { ChangeListener, Store } from '../../src/store/store';
import { sampleKey } from '../store/sample';
import { fakeClock } from '../support/clock';
import { waitUntil } from '../support/wait-until';

const LAG = 1000;
const KEYS = 1000;
/** Turns of the event loop within which everything must be done. */
const TURNS = 5000;

/** Time of slices. It passes only if a test says so. */
let elapsed: number;
let watch: KeyWatch;
beforeEach(() => {
  elapsed = 0;
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  watch.close();
});

interface Options {
  readonly keys?: number;
  readonly maxKeys?: number;
  readonly lag?: number;
  /** Whether the store grants the lease, which it does while it sends invalidations. */
  readonly hasLease?: boolean;
  readonly serveStaleFor?: number;
  /** Called when a read is sent. */
  readonly onRead?: () => void;
}

/** A store of keys that all have one lease. Each read takes a millisecond of CPU time. */
function setUp({
  keys = 1,
  maxKeys = keys,
  lag = LAG,
  hasLease = true,
  serveStaleFor = 0,
  onRead = () => {},
}: Options = {}) {
  const clock = fakeClock();
  const listeners: ChangeListener[] = [];
  const records = new Map<string, KeyRecord>();
  const lease = Lease.from(clock, lag);
  const reads: string[] = [];
  let isDown = false;
  let isSilent = false;
  let answeredAt = timestampsOf(clock);
  const store = {
    keyLease: () => (hasLease && holdsNow(lease, clock) ? lease : null),
    onChange: (listener: ChangeListener) => void listeners.push(listener),
    getCredential(id: string) {
      elapsed += 1;
      reads.push(id);
      onRead();
      if (isSilent) return new Promise(() => {});
      if (isDown) return Promise.reject(new KeyscopeError('store_unavailable', 'Down.'));
      return Promise.resolve(records.get(id) ?? null);
    },
    answeredAt: () => answeredAt,
    confirmedAt: () => timestampsOf(clock),
    health: () => ({ mode: 'tracking' }),
  } as unknown as Store;
  const options = { store, clock, maxKeys, maxMisses: keys, maxWorkspaces: 1, maxRevocationLag: lag };
  const { keys: cache } = createCaches<CachedKey>({ ...options, toEntry: createToCachedKey() });
  watch = new KeyWatch(cache, store, { clock, maxRevocationLag: lag, serveStaleFor });
  for (let i = 0; i < keys; i++) {
    const record = sampleKey('ws', { agents: 'all', expiresAt: clock.wall() + 3_600_000 });
    records.set(record.id, record);
  }
  jest.spyOn(performance, 'now').mockImplementation(() => elapsed);
  return {
    ...{ clock, records, reads, cache, lease },
    ids: [...records.keys()],
    fail: () => {
      isDown = true;
    },
    /** Further reads get no reply. */
    silence: () => {
      isSilent = true;
    },
    answer: () => {
      answeredAt = timestampsOf(clock);
    },
    emit: (change: (listener: ChangeListener) => void) => listeners.forEach(change),
  };
}

/** Replaces the timers of the watch by ones that fire only if a test says so: a pass under way at a later check is another case. */
function captureTimers() {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date'] });
  return jest.spyOn(globalThis, 'setInterval');
}

/** A use that counts its checks and takes a millisecond of CPU time for each. */
class CountedUse implements KeyUse {
  checks = 0;
  hasEnded = false;

  constructor(
    readonly accepted: CachedKey,
    readonly requirement = NO_REQUIREMENT,
  ) {}

  get watchedId(): string {
    return this.accepted.record.id;
  }

  check(entry: CachedKey | null, wall: number): UseEnd | null {
    if (!isSameKey(this.accepted, entry)) return KEY_DELETED;
    const { record, scope } = entry;
    return authorize({ record, scope, addresses: null }, this.requirement, { workspace: null, agent: 'handler' }, wall);
  }

  isOver(): boolean {
    elapsed += 1;
    this.checks += 1;
    return false;
  }

  end(): boolean {
    this.hasEnded = true;
    return true;
  }
}

/** The largest increase of a count in one turn of the event loop, until it reaches a total. */
async function largestStep(count: () => number, total: number): Promise<number> {
  let largest = 0;
  let last = 0;
  for (let turn = 0; turn < TURNS && last < total; turn++) {
    await nextTurn();
    largest = Math.max(largest, count() - last);
    last = count();
  }
  expect(last).toBe(total);
  return largest;
}

async function watchAll(
  ids: readonly string[],
  cache: ReturnType<typeof setUp>['cache'],
  createUse = (key: CachedKey) => new CountedUse(key),
) {
  const uses: CountedUse[] = [];
  for (const id of ids) {
    const { value } = await cache.load(id);
    const use = createUse(value!);
    uses.push(use);
    watch.add(use);
  }
  await waitUntil('every use is checked', () => uses.every(({ checks }) => checks > 0));
  return uses;
}

test('KeyWatch reads a thousand keys again in slices when all may have changed', async () => {
  const { ids, cache, reads, emit } = setUp({ keys: KEYS });
  await watchAll(ids, cache);
  reads.length = 0;
  emit((listener) => listener.allChanged());
  expect(await largestStep(() => reads.length, KEYS)).toBeLessThan(10);
});

test('KeyWatch ends the uses of a thousand keys in slices when all are deleted', async () => {
  const { ids, cache, records, emit } = setUp({ keys: KEYS });
  const uses = await watchAll(ids, cache);
  records.clear();
  emit((listener) => listener.allChanged());
  const ended = () => uses.filter(({ hasEnded }) => hasEnded).length;
  expect(await largestStep(ended, KEYS)).toBeLessThan(10);
  expect(watch.size()).toEqual({ entries: 0, uses: 0 });
});

test('KeyWatch checks all uses of a key when the key changes more often than they can be checked', async () => {
  const { ids, cache, records, emit } = setUp();
  const [id] = ids as [string];
  const reading = compileRequirement('all', ['conversations']);
  const { value } = await cache.load(id);
  const uses = Array.from({ length: 100 }, (_, i) => new CountedUse(value!, i < 90 ? NO_REQUIREMENT : reading));
  for (const use of uses) watch.add(use);
  await waitUntil('every use is checked', () => uses.every(({ checks }) => checks > 0));
  records.set(id, { ...records.get(id)!, permissions: ['handoff'] });
  for (let turn = 0; turn < 200; turn++) {
    emit((listener) => listener.keyChanged(id));
    await nextTurn();
  }
  expect(uses.map(({ hasEnded }) => hasEnded)).toEqual(uses.map((_, i) => i >= 90));
});

test('KeyWatch reads no key again when it was evicted from the cache and its lease holds', async () => {
  const { ids, cache, reads, clock, lease } = setUp({ keys: 10, maxKeys: 1 });
  const uses = await watchAll(ids, cache);
  const isChecked = (count: number) => () => uses.every(({ checks }) => checks >= count);
  await waitUntil('every use is checked again', isChecked(2));
  reads.length = 0;
  clock.advance(LAG / 2);
  lease.extend(clock.monotonic() + LAG, clock.wall() + LAG);
  await waitUntil('every use is checked several times more', isChecked(6));
  expect(reads).toEqual([]);
});

test('KeyWatch keeps the uses of a key when its lease ends and the key can be read', async () => {
  const { ids, cache, reads, clock } = setUp({ keys: 3 });
  const uses = await watchAll(ids, cache);
  reads.length = 0;
  for (let step = 0; step < 40; step++) {
    clock.advance(LAG / 20);
    const checks = uses.map((use) => use.checks);
    await waitUntil('every use is checked again', () => uses.every((use, i) => use.checks > checks[i]!));
  }
  expect(uses.map(({ hasEnded }) => hasEnded)).toEqual([false, false, false]);
  expect(reads.length).toBeLessThan(20);
});

test('KeyWatch ends the uses of a key when its lease ends and the key cannot be read', async () => {
  const { ids, cache, clock, fail } = setUp();
  const [use] = await watchAll(ids, cache);
  fail();
  clock.advance(LAG - 1);
  await nextTurn();
  expect(use?.hasEnded).toBe(false);
  await waitUntil('it has ended', () => {
    clock.advance(1);
    return use?.hasEnded === true;
  });
});

test.each([1, 100, 124, 249])(
  'KeyWatch ends a use within maxRevocationLag of the last read when %d ms of the lease were left and the key cannot be read',
  async (left) => {
    captureTimers();
    const { ids, cache, clock, fail } = setUp({ hasLease: false });
    const { value, lease } = await cache.load(ids[0]!);
    const readAt = clock.monotonic();
    fail();
    clock.advance(lease.remaining(clock, clock.wall()) - left);
    const use = new CountedUse(value!);
    expect(cache.get(ids[0]!, clock.wall())).toBe(value);
    watch.add(use);
    for (let ms = 0; ms < 2 * LAG && !use.hasEnded; ms++) {
      clock.advance(1);
      jest.advanceTimersByTime(1);
      for (let turn = 0; turn < 3; turn++) await nextTurn();
    }
    expect(use.hasEnded).toBe(true);
    expect(clock.monotonic() - readAt).toBeLessThanOrEqual(LAG);
  },
);

test('KeyWatch ends a use when its lease ends if the lease was extended while a read was in flight that gets no reply', async () => {
  const setTimer = captureTimers();
  const { ids, cache, clock, lease, reads, silence } = setUp();
  const [use] = await watchAll(ids, cache);
  const [check] = setTimer.mock.calls[0] as [() => void];
  async function checkUntil(remaining: number): Promise<void> {
    while (lease.remaining(clock, clock.wall()) > remaining) {
      clock.advance(LAG / 40);
      const checks = use!.checks;
      check();
      await waitUntil('the use is checked', () => use!.checks > checks || use!.hasEnded);
    }
  }
  silence();
  reads.length = 0;
  await checkUntil(LAG / 8);
  expect(reads).toHaveLength(1);
  lease.extend(clock.monotonic() + LAG, clock.wall() + LAG);
  await checkUntil(LAG / 8);
  expect(use!.hasEnded).toBe(false);
  await checkUntil(0);
  expect(use!.hasEnded).toBe(true);
});

test('KeyWatch ends the uses of a key within two checks after a pause when the key cannot be read', async () => {
  const setTimer = captureTimers();
  // An eighth of it is 6.25 ms. Timers count whole milliseconds, and can fire up to a millisecond early.
  const { ids, cache, clock, fail } = setUp({ lag: 50 });
  const [use] = await watchAll(ids, cache);
  const [check, interval] = setTimer.mock.calls[0] as [() => void, number];
  fail();
  clock.advance(70);
  check();
  await nextTurn();
  expect(use?.hasEnded).toBe(false);
  clock.advance(Math.trunc(interval) - 0.9);
  check();
  await nextTurn();
  expect(use?.hasEnded).toBe(true);
});

/** Watches uses of one key, whose reads get no reply from then on, or an error. */
async function watchMany(count: number, outage: 'silence' | 'fail' = 'silence') {
  const setTimer = captureTimers();
  const world = setUp();
  const { cache, clock, lease } = world;
  const { value } = await cache.load(world.ids[0]!);
  const uses = Array.from({ length: count }, () => new CountedUse(value!));
  for (const use of uses) watch.add(use);
  const areChecked = (checks: number) => () => uses.every((use) => use.hasEnded || use.checks >= checks);
  await waitUntil('every use is checked', areChecked(1));
  const [check] = setTimer.mock.calls[0] as [() => void];
  world[outage]();
  return {
    ...{ lease, clock, uses },
    remaining: () => lease.remaining(clock, clock.wall()),
    /** Checks all uses an interval later. */
    async checkLater(): Promise<void> {
      clock.advance(LAG / 8);
      for (const use of uses) use.checks = 0;
      check();
      await waitUntil('every use is checked', areChecked(1));
    },
  };
}

test.each([
  [600, 0, 'silence'],
  [1500, LAG / 8, 'silence'],
  [1500, LAG / 8, 'fail'],
] as const)('KeyWatch ends %d uses when %d ms of the lease are left and reads get: %s', async (count, left, outage) => {
  const { uses, remaining, checkLater } = await watchMany(count, outage);
  while (!uses[0]!.hasEnded) await checkLater();
  expect(remaining()).toBe(left);
});

test('KeyWatch ends none of many uses before their lease ends while a slow store extends it', async () => {
  const { uses, clock, lease, remaining, checkLater } = await watchMany(2000);
  while (remaining() > LAG / 4) await checkLater();
  for (let poll = 0; poll < 10; poll++) {
    const left = (3 / 8) * LAG;
    lease.extend(clock.monotonic() + left, clock.wall() + left);
    for (let checks = 0; checks < 2; checks++) await checkLater();
  }
  expect(remaining()).toBe(LAG / 8);
  expect(uses.some(({ hasEnded }) => hasEnded)).toBe(false);
});

test('KeyWatch reads one of many keys again while their lease is extended as usual', async () => {
  const setTimer = captureTimers();
  const { ids, cache, clock, lease, reads } = setUp({ keys: 2000 });
  const uses = await watchAll(ids, cache);
  const [check] = setTimer.mock.calls[0] as [() => void];
  reads.length = 0;
  for (let poll = 0; poll < 5; poll++) {
    for (let checks = 0; checks < 4; checks++) {
      clock.advance(LAG / 8);
      for (const use of uses) use.checks = 0;
      check();
      await waitUntil('every use is checked', () => uses.every((use) => use.checks > 0));
    }
    // A feed that is quick is asked twice per lag.
    lease.extend(clock.monotonic() + (7 / 8) * LAG, clock.wall() + (7 / 8) * LAG);
  }
  expect(reads.length).toBeLessThanOrEqual(2 * 5);
  expect(uses.some(({ hasEnded }) => hasEnded)).toBe(false);
});

test('KeyWatch ends the uses of a key that was evicted from the cache when it is deleted', async () => {
  const { ids, cache, records, emit } = setUp({ keys: 10, maxKeys: 1 });
  const uses = await watchAll(ids, cache);
  const [id] = ids as [string];
  records.delete(id);
  emit((listener) => listener.keyChanged(id));
  await waitUntil('its use has ended', () => uses[0]!.hasEnded);
  expect(uses.filter(({ hasEnded }) => hasEnded)).toHaveLength(1);
});

test.each([
  ['with fewer agents', { agents: ['a'] }, true],
  ['with other agents', { agents: ['a', 'c'] }, true],
  ['with another token', { digest: 'f'.repeat(64) }, true],
  ['in another workspace', { workspaceId: 'other' }, true],
  ['with more agents', { agents: ['a', 'b', 'c'] }, false],
  ['for all agents', { agents: 'all' as const }, false],
  ['as it was', {}, false],
])('KeyWatch ends a use if its key was deleted and created again %s: %j', async (_, changes, ends) => {
  const { ids, cache, records, emit } = setUp();
  const [id] = ids as [string];
  records.set(id, { ...records.get(id)!, agents: ['a', 'b'] });
  const [use] = await watchAll(ids, cache);
  records.set(id, { ...records.get(id)!, ...changes });
  emit((listener) => listener.keyChanged(id));
  const checks = use!.checks;
  await waitUntil('the use has ended, or was checked again', () => use!.hasEnded || use!.checks > checks + 2);
  expect(use!.hasEnded).toBe(ends);
});

test.each([true, false])(
  'KeyWatch keeps a use for serveStaleFor if its lease held when the store last answered: %j',
  async (isOutage) => {
    const setTimer = captureTimers();
    const world = setUp({ serveStaleFor: 10 * LAG });
    const { ids, cache, clock, fail } = world;
    const [use] = await watchAll(ids, cache);
    const [check] = setTimer.mock.calls[0] as [() => void];
    fail();
    clock.advance(LAG + 1);
    // Without an outage, the store answers and refuses only reads.
    if (!isOutage) world.answer();
    for (let passes = 0; passes < 5; passes++) {
      check();
      await nextTurn();
      clock.advance(LAG / 8);
    }
    expect(use!.hasEnded).toBe(!isOutage);
    clock.advance(11 * LAG);
    check();
    await waitUntil('the use has ended', () => use!.hasEnded);
  },
);

test('KeyWatch ends a use by its own read when an entry that was read before is still cached', async () => {
  // Another key changes during each read, so its result is not cached.
  const world = setUp({ onRead: () => world.emit((listener) => listener.keyChanged('another')) });
  const { ids, cache, records, clock } = world;
  const [use] = await watchAll(ids, cache);
  records.clear();
  clock.advance(0.9 * LAG);
  await waitUntil('the key is read again', () => world.reads.length > 1);
  expect(cache.get(ids[0]!, clock.wall())).toBeDefined();
  await waitUntil('the use has ended', () => use!.hasEnded);
});
