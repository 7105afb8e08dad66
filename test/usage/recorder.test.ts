import fc from 'fast-check';
import { KeyscopeError } from '../../src/errors';
import { createMemoryStore } from '../../src/store/memory';
import type { UsageDelta, UsageOutcome, UsageReceipt } from '../../src/store/usage-store';
import { UsageRecorder, type UsageRecorderOptions } from '../../src/usage/recorder';
import { createSample, newId, newWorkspace } from '../store/sample';
import { fakeClock } from '../support/clock';
import { deferred } from '../support/deferred';
import { waitUntil } from '../support/wait-until';

const HOUR = 3_600_000;
const NOW = Date.UTC(2030, 0, 1);
const TODAY = '2030-01-01:allowed';

const down = () => new KeyscopeError('store_unavailable', 'The key store could not be reached.');

/** Outcome of one flush in the store. */
type Fate = 'stored' | 'stored, but not answered' | 'lost' | 'half of them lost';

function setUp(options: Partial<UsageRecorderOptions> = {}) {
  const clock = fakeClock(NOW);
  const store = createMemoryStore({ clock });
  const workspaceId = newWorkspace();
  const reported: KeyscopeError[] = [];
  const arrived: UsageDelta[][] = [];
  let fate: Fate = 'stored';

  async function addUsage(source: string, deltas: readonly UsageDelta[]): Promise<UsageReceipt> {
    arrived.push([...deltas]);
    if (fate === 'stored') return store.addUsage(source, deltas);
    if (fate === 'stored, but not answered') await store.addUsage(source, deltas);
    const half = fate === 'half of them lost' ? deltas.slice(0, deltas.length / 2) : [];
    return { settled: (await store.addUsage(source, half)).settled, failure: down() };
  }

  const recorder = new UsageRecorder({
    store: { addUsage, readUsage: store.readUsage },
    clock,
    interval: HOUR,
    report: (error) => reported.push(error),
    ...options,
  });
  /** A cached key entry. Two entries of one key have their own counters. */
  const cachedKey = (id: string) => ({ record: { id }, counters: null });
  return {
    arrived,
    clock,
    recorder,
    cachedKey,
    reported,
    store,
    newKey: async () => cachedKey((await createSample(store, workspaceId)).id),
    meet(next: Fate) {
      fate = next;
    },
    count: (entry: ReturnType<typeof cachedKey>, outcome: UsageOutcome = 'allowed') =>
      recorder.count(entry, outcome, clock.wall()),
    stored: async (id: string) => (await store.readUsage([id], '2000-01-01')).get(id),
    countsOf: async (id: string) =>
      Object.fromEntries((await store.readUsage([id], '2000-01-01')).get(id)?.counts ?? []),
  };
}

test('counts are stored by day and outcome, with the last use to the minute', async () => {
  const { clock, count, newKey, recorder, stored } = setUp();
  const [a, b] = [await newKey(), await newKey()];
  for (let i = 0; i < 1000; i++) count(a);
  count(a, 'expired_key');
  clock.advance(90_500);
  count(b, 'permission_denied');
  count(a);
  await recorder.flush();
  expect(await stored(a.record.id)).toEqual({
    lastUsedAt: NOW + 60_000,
    counts: new Map([
      [TODAY, 1001],
      ['2030-01-01:expired_key', 1],
    ]),
  });
  expect((await stored(b.record.id))?.counts).toEqual(new Map([['2030-01-01:permission_denied', 1]]));
  expect(recorder.isIdle).toBe(true);
});

test('a count before midnight belongs to that day, at whatever time it is stored', async () => {
  const { clock, count, countsOf, newKey, recorder } = setUp();
  const key = await newKey();
  clock.advance(24 * HOUR - 1);
  count(key);
  clock.advance(1);
  count(key);
  count(key);
  // The clock is set back.
  clock.step(-2);
  count(key);
  await recorder.flush();
  expect(await countsOf(key.record.id)).toEqual({ [TODAY]: 2, '2030-01-02:allowed': 2 });
});

test('the counts of a key continue when its cache entry is read again', async () => {
  const { count, countsOf, newKey, recorder, cachedKey } = setUp();
  const key = await newKey();
  count(key);
  count(cachedKey(key.record.id));
  await recorder.flush();
  count(key);
  await recorder.flush();
  expect(await countsOf(key.record.id)).toEqual({ [TODAY]: 3 });
});

test('counts are stored by themselves after the interval, and no flush is made for nothing', async () => {
  const { arrived, count, countsOf, newKey } = setUp({ interval: 20 });
  const key = await newKey();
  count(key);
  await waitUntil('it is stored', async () => (await countsOf(key.record.id))[TODAY] === 1);
  const other = await newKey();
  count(other);
  await waitUntil('that is stored', async () => (await countsOf(other.record.id))[TODAY] === 1);
  expect(arrived).toHaveLength(2);
});

test('a failed flush is retried and reported once', async () => {
  const { arrived, count, countsOf, meet, newKey, recorder, reported } = setUp({ interval: 20 });
  const key = await newKey();
  meet('lost');
  count(key);
  await waitUntil('it has been tried three times', () => arrived.length >= 3);
  expect(reported).toHaveLength(1);
  meet('stored');
  await waitUntil('it is stored', async () => (await countsOf(key.record.id))[TODAY] === 1);
  await waitUntil('it is known to be', () => recorder.isIdle);
  meet('lost');
  count(key);
  await waitUntil('the next failure is reported', () => reported.length === 2);
  await recorder.close();
});

describe('a flush without a reply', () => {
  test('a failed batch is resent unchanged, and later counts follow in the next one', async () => {
    const { arrived, count, countsOf, meet, newKey, recorder } = setUp();
    const key = await newKey();
    count(key);
    meet('stored, but not answered');
    await recorder.flush();
    count(key);
    count(key);
    await recorder.flush();
    expect(arrived[1]).toEqual(arrived[0]);
    meet('stored');
    await recorder.flush();
    expect(arrived[2]).toEqual(arrived[0]);
    expect(await countsOf(key.record.id)).toEqual({ [TODAY]: 1 });
    await recorder.flush();
    expect(await countsOf(key.record.id)).toEqual({ [TODAY]: 3 });
    expect(recorder.isIdle).toBe(true);
  });

  test('a failed batch does not delay other keys', async () => {
    const { count, countsOf, meet, newKey, recorder } = setUp();
    const [a, b] = [await newKey(), await newKey()];
    count(a);
    meet('lost');
    await recorder.flush();
    count(b);
    meet('stored');
    await recorder.flush();
    expect([await countsOf(a.record.id), await countsOf(b.record.id)]).toEqual([{ [TODAY]: 1 }, { [TODAY]: 1 }]);
  });
});

test('every request is counted once through random outcomes of flushes', async () => {
  const step = fc.oneof(
    fc.record({ count: fc.nat(2), times: fc.integer({ min: 1, max: 5 }) }),
    fc.constantFrom<Fate>('stored', 'stored, but not answered', 'lost', 'half of them lost'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { count, countsOf, meet, newKey, recorder } = setUp();
      const keys = await Promise.all([newKey(), newKey(), newKey()]);
      const expected = [0, 0, 0];
      for (const next of steps) {
        if (typeof next === 'string') {
          meet(next);
          await recorder.flush();
          continue;
        }
        for (let i = 0; i < next.times; i++) count(keys[next.count]!);
        expected[next.count]! += next.times;
      }
      meet('stored');
      await recorder.flush();
      await recorder.flush();
      const found = await Promise.all(keys.map(async ({ record }) => (await countsOf(record.id))[TODAY] ?? 0));
      expect(found).toEqual(expected);
      expect(recorder.isIdle).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('flush() during a flush also stores the counts since', async () => {
  const gate = deferred<void>();
  const { clock, store, reported } = setUp();
  const key = { record: { id: (await createSample(store, newWorkspace())).id }, counters: null };
  let calls = 0;
  const recorder = new UsageRecorder({
    store: {
      readUsage: store.readUsage,
      async addUsage(source, deltas) {
        calls += 1;
        await gate.promise;
        return store.addUsage(source, deltas);
      },
    },
    ...{ clock, interval: HOUR, report: (error: KeyscopeError) => reported.push(error) },
  });
  recorder.count(key, 'allowed', NOW);
  const first = recorder.flush();
  recorder.count(key, 'allowed', NOW);
  const waiting = [recorder.flush(), recorder.flush()];
  gate.resolve();
  await first;
  await Promise.all(waiting);
  expect((await store.readUsage([key.record.id], '2000-01-01')).get(key.record.id)?.counts).toEqual(
    new Map([[TODAY, 2]]),
  );
  expect(calls).toBe(2);
});

describe('memory is bounded', () => {
  test('many dirty keys are stored before the interval ends', async () => {
    const { arrived, count, recorder, cachedKey } = setUp();
    const workspaceId = newWorkspace();
    for (let i = 0; i < 10_000; i++) count(cachedKey(newId(workspaceId)));
    await waitUntil('they are stored', () => recorder.isIdle);
    expect(arrived.flat()).toHaveLength(10_000);
  });

  test('counts without room are dropped and reported once when the store is unreachable', async () => {
    const { count, countsOf, meet, newKey, recorder, reported } = setUp({ maxCounters: 2 });
    const keys = await Promise.all([newKey(), newKey(), newKey()]);
    const [a, b, c] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0]];
    meet('lost');
    count(a);
    count(b);
    await recorder.flush();
    expect(reported).toHaveLength(1);
    for (let i = 0; i < 5; i++) count(c);
    await recorder.flush();
    count(c);
    await recorder.flush();
    expect(reported).toHaveLength(2);
    expect(reported[1]?.message).toContain('being lost, 5 of them now: too many counts wait');
    meet('stored');
    await recorder.flush();
    count(c);
    await recorder.flush();
    for (const { record } of keys) expect(await countsOf(record.id)).toEqual({ [TODAY]: 1 });
    expect(recorder.isIdle).toBe(true);
  });
});

describe('close', () => {
  test('close() stores all counts, and no later ones are kept', async () => {
    const { count, countsOf, newKey, recorder } = setUp();
    const key = await newKey();
    count(key);
    await recorder.close();
    expect(await countsOf(key.record.id)).toEqual({ [TODAY]: 1 });
    await recorder.close();
    count(key);
    expect(recorder.isIdle).toBe(true);
  });

  test('close() stores the counts of requests that finish during it', async () => {
    const { count, countsOf, newKey, recorder } = setUp();
    const key = await newKey();
    count(key);
    const closing = recorder.close();
    count(key);
    await closing;
    expect(await countsOf(key.record.id)).toEqual({ [TODAY]: 2 });
  });

  test('counts among what is lost what was counted while it tried', async () => {
    const { count, meet, newKey, recorder, reported } = setUp();
    const key = await newKey();
    meet('lost');
    count(key);
    const closing = recorder.close();
    count(key);
    await closing;
    expect(reported.at(-1)?.message).toContain('being lost, 2 of them now: the store was unreachable');
  });

  test('close() retries a failed batch and reports the lost counts when it fails again', async () => {
    const { count, meet, newKey, recorder, reported } = setUp();
    const key = await newKey();
    meet('lost');
    for (let i = 0; i < 7; i++) count(key);
    await recorder.flush();
    for (let i = 0; i < 4; i++) count(key);
    await recorder.close();
    expect(reported.at(-1)?.message).toContain('being lost, 11 of them now: the store was unreachable');
  });

  test('close() sends nothing when nothing was counted', async () => {
    const { arrived, recorder } = setUp();
    await recorder.close();
    expect(arrived).toEqual([]);
  });
});
