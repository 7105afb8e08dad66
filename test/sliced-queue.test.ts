import { setImmediate as nextTurn } from 'node:timers/promises';
import { SlicedQueue } from '../src/sliced-queue';

const LATE = 100;

/** Time passes only if a test says so. */
let elapsed: number;
beforeEach(() => {
  elapsed = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => elapsed);
});
afterEach(() => jest.restoreAllMocks());

/** The items that were visited in each turn of the event loop, until none is left. */
async function turnsOf(visited: number[], count: number): Promise<number[]> {
  const turns: number[] = [];
  let seen = 0;
  while (seen < count) {
    await nextTurn();
    if (visited.length > seen) turns.push(visited.length - seen);
    seen = visited.length;
  }
  return turns;
}

test.each([
  ['5 ms', false, 20],
  ['a millisecond, if each visit closes a connection, which causes work after it', true, 4],
])('SlicedQueue visits items in slices of %s', async (_length, closes, most) => {
  const visited: number[] = [];
  const queue = new SlicedQueue<number>(1e6, (item, isOver) => {
    elapsed += 0.25;
    visited.push(item);
    isOver(closes);
    return true;
  });
  for (let item = 0; item < 100; item++) queue.add(item);
  const turns = await turnsOf(visited, 100);
  expect(visited).toEqual(Array.from({ length: 100 }, (_, item) => item));
  expect(Math.max(...turns)).toBeLessThanOrEqual(most + 1);
});

test('SlicedQueue visits items in longer slices when it is late, because the process does much else in each turn', async () => {
  const visited: number[] = [];
  const queue = new SlicedQueue<number>(LATE, (item) => {
    elapsed += 0.25;
    visited.push(item);
    return true;
  });
  for (let item = 0; item < 1000; item++) queue.add(item);
  const turns: number[] = [];
  for (let seen = 0; seen < 1000; seen = visited.length) {
    await nextTurn();
    turns.push(visited.length - seen);
    elapsed += 50;
  }
  expect(Math.max(...turns)).toBeLessThanOrEqual(61);
  expect(turns.filter((count) => count > 0).length).toBeLessThan(25);
});

test('SlicedQueue continues with an item that was not finished, after the others', async () => {
  const visited: number[] = [];
  const queue = new SlicedQueue<number>(LATE, (item, isOver) => {
    for (let i = 0; i < 4; i++) elapsed += 10;
    visited.push(item);
    return !isOver() || visited.length > 2;
  });
  queue.add(1);
  queue.add(2);
  await turnsOf(visited, 4);
  expect(visited).toEqual([1, 2, 1, 2]);
});

test('SlicedQueue visits an item once when it is added several times, and again when it is added during its visit', async () => {
  const visited: number[] = [];
  const queue = new SlicedQueue<number>(LATE, (item) => {
    visited.push(item);
    if (visited.length === 1) queue.add(item);
    return true;
  });
  queue.add(1);
  queue.add(1);
  await turnsOf(visited, 2);
  await nextTurn();
  expect(visited).toEqual([1, 1]);
});

test('SlicedQueue visits the other items when a visit throws', () => {
  const turns: (() => void)[] = [];
  jest.spyOn(globalThis, 'setImmediate').mockImplementation(((turn: () => void) => turns.push(turn)) as never);
  const visited: number[] = [];
  const queue = new SlicedQueue<number>(LATE, (item) => {
    visited.push(item);
    if (item === 1) throw new Error('a fault');
    return true;
  });
  queue.add(1);
  queue.add(2);
  expect(turns.shift()).toThrow('a fault');
  turns.shift()?.();
  expect(visited).toEqual([1, 2]);
});
