import { systemClock } from '../src/clock';
import { Events } from '../src/events';

const HIT = { subject: 'key', outcome: 'hit' } as const;

test('Events calls a listener until it unsubscribes', () => {
  const events = new Events();
  const outcomes: string[] = [];
  const off = events.on('cache', (event) => void outcomes.push(event.outcome));
  expect(events.hasListeners('cache')).toBe(true);
  events.emit('cache', HIT);
  off();
  events.emit('cache', { subject: 'key', outcome: 'miss' });
  expect(outcomes).toEqual(['hit']);
  expect(events.hasListeners('cache')).toBe(false);
});

test('Events keeps a later subscription when an earlier one is ended twice', () => {
  const events = new Events();
  const off = events.on('cache', () => {});
  off();
  events.on('cache', () => {});
  off();
  expect(events.hasListeners('cache')).toBe(true);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('the metrics library is broken');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('the metrics library is broken');
    },
  ],
])('Events emits a process warning and calls the other listeners when a listener %s', async (_, broken) => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const events = new Events();
  const outcomes: string[] = [];
  events.on('cache', broken);
  events.on('cache', (event) => void outcomes.push(event.outcome));
  events.emit('cache', HIT);
  expect(outcomes).toEqual(['hit']);
  await new Promise(setImmediate);
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn).toHaveBeenCalledWith(
    expect.stringMatching(/'cache' event failed: .*the metrics library is broken/),
    'KeyscopeWarning',
  );
  warn.mockRestore();
});

test('Events throws invalid_options when the event name is unknown', () => {
  const events = new Events();
  const subscribe =
    (name: unknown, listener: unknown = () => {}) =>
    () =>
      events.on(name as 'cache', listener as never);
  expect(subscribe('denyed')).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining('Did you mean "denied"?') }),
  );
  for (const name of ['toString', '__proto__', undefined, 7, Symbol('denied')]) {
    expect(subscribe(name)).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  }
  expect(subscribe('denied', null)).toThrow(expect.objectContaining({ code: 'invalid_options' }));
});

test('systemClock follows fake timers when they are installed after import', () => {
  jest.useFakeTimers();
  try {
    const [wall, monotonic] = [systemClock.wall(), systemClock.monotonic()];
    jest.advanceTimersByTime(5000);
    expect([systemClock.wall() - wall, systemClock.monotonic() - monotonic]).toEqual([5000, 5000]);
  } finally {
    jest.useRealTimers();
  }
});
