import { Deadline } from '../src/timeout';

const PENDING = new Promise<never>(() => {});

async function outcomeOf(step: Promise<unknown>): Promise<string> {
  let outcome = 'pending';
  step.then(
    () => {
      outcome = 'completed';
    },
    (error: { code: string }) => {
      outcome = error.code;
    },
  );
  await jest.advanceTimersByTimeAsync(1);
  return outcome;
}

describe('Deadline', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('Deadline rejects the next step when a step has completed a moment after the deadline', async () => {
    const deadline = new Deadline(100);
    jest.advanceTimersByTime(101);
    expect(await outcomeOf(deadline.within(PENDING))).toBe('store_unavailable');
  });

  test('Deadline waits for no timer when it has passed, and lets a step complete that needs none', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const deadline = new Deadline(100);
    jest.advanceTimersByTime(101);
    await expect(deadline.within(Promise.resolve('cached'))).resolves.toBe('cached');
    await expect(deadline.within(PENDING)).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('Deadline allows the remaining steps one more timeout when the process was blocked past the deadline', async () => {
    const deadline = new Deadline(100);
    jest.advanceTimersByTime(2500);
    const next = outcomeOf(deadline.within(PENDING));
    expect(await next).toBe('pending');
    await jest.advanceTimersByTimeAsync(97);
    expect(await outcomeOf(deadline.within(PENDING))).toBe('pending');
    expect(await outcomeOf(deadline.within(PENDING))).toBe('store_unavailable');
    await jest.advanceTimersByTimeAsync(2500);
    expect(await outcomeOf(deadline.within(PENDING))).toBe('store_unavailable');
  });

  test('Deadline allows no further timeout when a step has not completed in time and its timer was late', async () => {
    const deadline = new Deadline(100, 200);
    const step = outcomeOf(deadline.within(PENDING));
    expect(await step).toBe('pending');
    await jest.advanceTimersByTimeAsync(198);
    expect(await outcomeOf(deadline.within(PENDING))).toBe('store_unavailable');
    jest.advanceTimersByTime(50);
    expect(await outcomeOf(deadline.within(PENDING))).toBe('store_unavailable');
  });
});
