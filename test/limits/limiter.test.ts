import { Limiter } from '../../src/limits/limiter';
import type { RateLimit, SliceGrant, SliceRequest } from '../../src/store/limit-store';
import { LimitCounters } from '../../src/store/memory/limit-counters';
import { fakeClock } from '../support/clock';

const WINDOW = 10_000;
const SUBJECT = { keyId: '0000000000000000', permission: null };

function setup(limit: RateLimit) {
  const clock = fakeClock();
  const counters = new LimitCounters(clock);
  const requests: SliceRequest[] = [];
  let answer = async (request: SliceRequest): Promise<SliceGrant> => counters.lease(request);
  const store = {
    leaseSlice(request: SliceRequest) {
      requests.push(request);
      return answer(request);
    },
  };
  const limiter = new Limiter(limit, SUBJECT, { store, clock });
  return {
    clock,
    counters,
    limiter,
    requests,
    state: () => limiter.state(clock.wall()),
    use: () => limiter.use(clock.wall()),
    answerWith(next: typeof answer) {
      answer = next;
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('Limiter', () => {
  test('a small limit is leased one request at a time', async () => {
    const { limiter, requests, state, use } = setup({ limit: 3, window: WINDOW });
    for (let i = 0; i < 3; i++) {
      expect(state()).toBe('empty');
      await limiter.refill();
      expect(state()).toBe('ready');
      use();
    }
    await limiter.refill();
    expect(state()).toBe('exhausted');
    expect(requests.map(({ wanted, ahead }) => [wanted, ahead])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
  });

  test('a large limit is leased ahead of need, at most a hundredth of it', async () => {
    const { limiter, requests, state, use } = setup({ limit: 10_000, window: WINDOW });
    await limiter.refill();
    for (let i = 0; i < 2000; i++) {
      expect(state()).toBe('ready');
      use();
      await settled();
    }
    expect(requests.length).toBeLessThan(60);
    expect(Math.max(...requests.map(({ ahead }) => ahead))).toBeLessThanOrEqual(100);
  });

  test('requests that wait together are leased together', async () => {
    const { limiter, requests, state, use } = setup({ limit: 50, window: WINDOW });
    await Promise.all(Array.from({ length: 5 }, () => limiter.refill()));
    for (let i = 0; i < 5; i++) use();
    expect(requests.map(({ wanted }) => wanted)).toEqual([5]);
    expect(state()).toBe('empty');
  });

  test('a slice ends with its window on both clocks', async () => {
    const { clock, limiter, state } = setup({ limit: 1000, window: WINDOW });
    await limiter.refill();
    expect(state()).toBe('ready');
    clock.advance(WINDOW - 1);
    expect(state()).toBe('ready');
    clock.advance(1);
    expect(state()).toBe('empty');
    await limiter.refill();
    clock.step(WINDOW);
    expect(state()).toBe('empty');
  });

  test('an exhausted limit is looked up again after the idle time, and in the next window', async () => {
    const { clock, counters, limiter, state, use } = setup({ limit: 1, window: WINDOW });
    await limiter.refill();
    use();
    await limiter.refill();
    expect(state()).toBe('exhausted');
    expect(limiter.secondsLeft(clock.wall())).toBe(10);
    clock.advance(limiter.idleTime);
    expect(state()).toBe('empty');
    await limiter.refill();
    expect(state()).toBe('exhausted');
    clock.advance(WINDOW);
    await limiter.refill();
    expect(state()).toBe('ready');
    expect(counters.lease({ ...BASE, subject: SUBJECT, limit: { limit: 1, window: WINDOW } }).free).toBe(0);
  });

  test('requests allowed while a reply is under way count in the window of the reply', async () => {
    const { clock, counters, limiter, use, answerWith } = setup({ limit: 1000, window: WINDOW });
    await limiter.refill();
    let reply = () => {};
    answerWith((request) => {
      clock.advance(WINDOW);
      const grant = counters.lease(request);
      clock.advance(-WINDOW);
      return new Promise((resolve) => {
        reply = () => resolve(grant);
      });
    });
    use();
    use();
    use();
    await settled();
    const { remaining } = limiter;
    use();
    expect(limiter.remaining).toBe(remaining - 1);
    reply();
    await settled();
    expect(limiter.remaining).toBe(1000 - 1);
  });

  test('a limiter fails for a moment when the store does', async () => {
    const { clock, limiter, state, answerWith } = setup({ limit: 1000, window: WINDOW });
    const error = new Error('The store is down.');
    answerWith(() => Promise.reject(error));
    await limiter.refill();
    expect([state(), limiter.failure]).toEqual(['failed', error]);
    clock.advance(100);
    expect(state()).toBe('empty');
  });

  test('release returns the unused part of a slice, once', async () => {
    const { clock, counters, limiter, requests, state, use } = setup({ limit: 1000, window: WINDOW });
    const free = () => counters.lease({ ...BASE, subject: SUBJECT, limit: { limit: 1000, window: WINDOW } }).free;
    await limiter.refill();
    use();
    expect(free()).toBeLessThan(999);
    await limiter.release(clock.wall());
    expect(state()).toBe('empty');
    expect(free()).toBe(999);
    await limiter.release(clock.wall());
    expect(requests.filter(({ release }) => release)).toHaveLength(1);
    await limiter.refill();
    expect(state()).toBe('ready');
  });
});

const BASE = { lessee: 'probe', sequence: 0, window: -1, used: 0, leased: 0, wanted: 0, ahead: 0, release: false };
