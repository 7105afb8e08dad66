import { readValid } from '../../src/cache/read-valid';
import { KeyscopeError } from '../../src/errors';
import { fakeClock } from '../support/clock';

const UNAVAILABLE = expect.objectContaining({ code: 'store_unavailable', status: 503 });

/** Data that are valid, or have lapsed when they arrive. */
const data = (valid: boolean) => ({ isValid: () => valid });

/** Reads with these outcomes, one after the other. Returns what was concluded and the number of reads. */
async function readAll(...outcomes: (ReturnType<typeof data> | Error)[]) {
  const read = jest.fn(async () => {
    const outcome = outcomes.shift();
    if (outcome === undefined || outcome instanceof Error) throw outcome;
    return outcome;
  });
  const concluded = await readValid(read, { clock: fakeClock(), storeTimeout: 100 }, (outcome) => outcome);
  return { concluded, reads: read.mock.calls.length };
}

test('readValid concludes from the first read when its data are valid', async () => {
  const first = data(true);
  expect(await readAll(first)).toEqual({ concluded: first, reads: 1 });
});

test('readValid reads once more when the data have lapsed', async () => {
  const second = data(true);
  expect(await readAll(data(false), second)).toEqual({ concluded: second, reads: 2 });
});

test('readValid concludes from store_unavailable when the data have lapsed twice', async () => {
  expect(await readAll(data(false), data(false), data(true))).toEqual({ concluded: UNAVAILABLE, reads: 2 });
});

test('readValid concludes from the error of either read when the store cannot be read', async () => {
  const down = new KeyscopeError('store_unavailable', 'Down.');
  expect(await readAll(down)).toEqual({ concluded: down, reads: 1 });
  expect(await readAll(data(false), down)).toEqual({ concluded: down, reads: 2 });
});

test('readValid rejects when a read fails with an unexpected error', async () => {
  await expect(readAll(new TypeError('Unexpected.'))).rejects.toThrow(TypeError);
});

test('readValid concludes in the turn in which the data was checked', async () => {
  const order: string[] = [];
  const checked = {
    isValid() {
      queueMicrotask(() => order.push('later'));
      return true;
    },
  };
  await readValid(
    async () => checked,
    { clock: fakeClock(), storeTimeout: 100 },
    () => order.push('concluded'),
  );
  expect(order).toEqual(['concluded', 'later']);
});

test('readValid makes the second read for its caller only', async () => {
  const own: boolean[] = [];
  const read = (isOwn: boolean) => {
    own.push(isOwn);
    return Promise.resolve({ isValid: () => isOwn });
  };
  expect(await readValid(read, { clock: fakeClock(), storeTimeout: 100 }, (outcome) => 'isValid' in outcome)).toBe(
    true,
  );
  expect(own).toEqual([false, true]);
});
