import { KeyWatch } from '../../src/auth/key-watch';
import type { CachedKey } from '../../src/auth/request-api-key';
import { createToCachedKey } from '../../src/auth/request-api-key';
import { SharedSignals } from '../../src/auth/shared-signals';
import { createCaches } from '../../src/cache/caches';
import { systemClock } from '../../src/clock';
import { Events } from '../../src/events';
import { type AuthContext, compileRequirement, NO_REQUIREMENT } from '../../src/keys/authorize';
import { createMemoryStore } from '../../src/store/memory';
import { createSample, newWorkspace, ORIGIN } from '../store/sample';
import { waitUntil } from '../support/wait-until';

const LAG = 1000;
const ANYWHERE: AuthContext = { workspace: null, agent: null };
const agent = (value: string): AuthContext => ({ workspace: null, agent: { value, ambiguous: false } });

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

async function setUp(agents: 'all' | readonly string[] = 'all') {
  let skipped = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skipped };
  const store = createMemoryStore({ clock });
  const options = { store, clock, maxKeys: 10, maxMisses: 10, maxWorkspaces: 10, maxRevocationLag: LAG };
  const { keys } = createCaches<CachedKey>({ ...options, toEntry: createToCachedKey() });
  const watch = new KeyWatch(keys, store, { clock, maxRevocationLag: LAG, serveStaleFor: 0 });
  endings.push(() => watch.close());
  const { id } = await createSample(store, newWorkspace(), { agents, expiresAt: Date.now() + 3_600_000 });
  const { value } = await keys.load(id);
  const signals = new SharedSignals(watch, new Events(), clock);
  const open = (context = ANYWHERE, requirement = NO_REQUIREMENT) =>
    signals.open(value as CachedKey, requirement, context);
  const skip = (ms: number) => {
    skipped += ms;
  };
  return { id, store, open, skip, uses: () => watch.size().uses };
}

const ignore = () => {};

/** The same signal, as two callers have it of which neither has added a listener while twenty others were given one. */
function openShared(open: () => AbortSignal): AbortSignal[] {
  const first = open();
  for (let i = 0; i < 20; i++) open();
  const second = open();
  expect(second).toBe(first);
  return [first, second];
}

test('verify keeps twenty signals for a key when a token is verified a hundred thousand times', async () => {
  const { open, uses } = await setUp();
  for (let i = 0; i < 100_000; i++) open(i % 2 ? ANYWHERE : agent(`agent ${i}`));
  expect(uses()).toBe(21);
});

test('verify gives a signal to another caller when ten seconds have passed without a listener', async () => {
  const { open, skip, uses } = await setUp();
  const signal = open();
  skip(9000);
  expect(open()).not.toBe(signal);
  skip(1000);
  expect(open()).toBe(signal);
  expect(uses()).toBe(2);
});

test('verify gives a signal to another caller when the first one has set onabort and then null', async () => {
  const { open, skip, uses } = await setUp();
  for (let i = 0; i < 10; i++) {
    const signal = open();
    signal.onabort = ignore;
    skip(10_000);
    signal.onabort = null;
  }
  expect(uses()).toBe(1);
});

test('verify keeps twenty signals more than twice those with listeners at one time', async () => {
  const { open, uses } = await setUp();
  for (let round = 0; round < 100; round++) {
    const listening = Array.from({ length: 100 }, () => {
      const signal = open();
      signal.addEventListener('abort', ignore);
      return signal;
    });
    expect(new Set(listening).size).toBe(100);
    for (const signal of listening) signal.removeEventListener('abort', ignore);
  }
  expect(uses()).toBeLessThanOrEqual(200);
});

test('verify aborts all signals of a key, also those that AbortSignal.any follows, when the key is deleted', async () => {
  const { id, store, open, uses } = await setUp();
  const followed = Array.from({ length: 10 }, () => AbortSignal.any([open(), new AbortController().signal]));
  const listening = Array.from({ length: 10 }, () => {
    const signal = open();
    signal.onabort = ignore;
    return signal;
  });
  expect(new Set(listening).size).toBe(10);
  await store.deleteKey(id, ORIGIN, {});
  await waitUntil('all are aborted', () => [...followed, ...listening].every(({ aborted }) => aborted));
  expect(uses()).toBe(0);
  expect(listening[0]?.reason).toMatchObject({ code: 'invalid_key' });
});

test('verify aborts the signals that require a permission, and no others, when the key loses it', async () => {
  const { id, store, open } = await setUp();
  const any = open();
  const limited = open(ANYWHERE, compileRequirement('all', ['conversations']));
  expect(limited).not.toBe(any);
  await store.updateKey(id, { permissions: ['handoff'] }, ORIGIN, {});
  await waitUntil('the key has lost it', () => limited.aborted);
  expect(any.aborted).toBe(false);
  expect(open(ANYWHERE, compileRequirement('all', ['conversations']))).not.toBe(limited);
});

test.each<[how: string, listen: (signal: AbortSignal, listener: () => void) => void]>([
  [
    'sets onabort',
    (signal, listener) => {
      signal.onabort = listener;
    },
  ],
  [
    'sets onabort twice',
    (signal, listener) => {
      signal.onabort = listener;
      signal.onabort = listener;
    },
  ],
  [
    'stops the event for the listeners after its own',
    (signal, listener) =>
      signal.addEventListener('abort', (event) => {
        event.stopImmediatePropagation();
        listener();
      }),
  ],
])('verify aborts the signals of all callers of which each %s after all have got theirs', async (_how, listen) => {
  const { id, store, open, uses } = await setUp();
  const signals = [...openShared(open), open()];
  const told: number[] = [];
  signals.forEach((signal, caller) => {
    listen(signal, () => told.push(caller));
  });
  await store.deleteKey(id, ORIGIN, {});
  await waitUntil('no signal is watched', () => uses() === 0);
  expect(told.sort()).toEqual([0, 1, 2]);
});

test('verify keeps the handler that a caller has set as onabort until that is null', async () => {
  const { open } = await setUp();
  const [signal] = openShared(open) as [AbortSignal];
  expect(signal.onabort).toBeNull();
  signal.onabort = ignore;
  expect(signal.onabort).toBe(ignore);
  for (let i = 0; i < 2000; i++) expect(open()).not.toBe(signal);
  signal.onabort = null;
  expect(signal.onabort).toBeNull();
});

test('verify keeps the handlers that two callers have set as onabort when one of them sets it to null', async () => {
  const { id, store, open, uses } = await setUp();
  const [first, second] = openShared(open) as [AbortSignal, AbortSignal];
  const told: string[] = [];
  first.onabort = () => told.push('first');
  second.onabort = () => told.push('second');
  first.onabort = null;
  await store.deleteKey(id, ORIGIN, {});
  await waitUntil('no signal is watched', () => uses() === 0);
  expect(told).toContain('second');
});

test.each<[how: string, cleanUp: (signal: AbortSignal, listener: () => void) => void]>([
  [
    'sets onabort to null',
    (signal) => {
      signal.onabort = null;
    },
  ],
  ['removes the same function', (signal, listener) => signal.removeEventListener('abort', listener)],
])('verify tells the caller of a signal when another caller of the same moment %s', async (_how, cleanUp) => {
  const { id, store, open, uses } = await setUp();
  const [first, second] = [open(), open()];
  let told = 0;
  const listener = () => {
    told++;
  };
  first.onabort = listener;
  first.addEventListener('abort', listener);
  second.addEventListener('abort', listener);
  cleanUp(second, listener);
  await store.deleteKey(id, ORIGIN, {});
  await waitUntil('no signal is watched', () => uses() === 0);
  expect(told).toBeGreaterThanOrEqual(2);
});
