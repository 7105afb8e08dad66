import { DAY } from '../../src/clock';
import { GroupConsumer, type GroupConsumerOptions } from '../../src/outbox/group-consumer';
import { MemoryOutbox } from '../../src/store/memory/outbox';
import type { OutboxEvent } from '../../src/store/outbox-store';
import { fakeClock } from '../support/clock';
import { deferred } from '../support/deferred';
import { waitUntil } from '../support/wait-until';

const TIMING = { ttl: 10_000, poll: 5, retry: 1, maxRetry: 1, close: 1000 };

let consumers: GroupConsumer[] = [];
afterEach(async () => {
  await Promise.all(consumers.map((consumer) => consumer.close()));
  consumers = [];
});

function setUp(options: Pick<GroupConsumerOptions, 'handle'> & Partial<GroupConsumerOptions>) {
  const [clock, store] = [fakeClock(), new MemoryOutbox()];
  const consumer = new GroupConsumer({
    group: 'key',
    store,
    clock,
    wants: () => true,
    onFailure: () => undefined,
    report: () => undefined,
    timing: TIMING,
    ...options,
  });
  consumers.push(consumer);
  const add = (name: string, at = clock.wall()) =>
    store.add({
      type: 'key.updated',
      at,
      workspaceId: 'acme',
      target: 'one key',
      name,
      actor: null,
      source: null,
      before: null,
      after: null,
    });
  return { clock, store, consumer, add };
}

test('GroupConsumer handles the events that waited while its leadership was extended late', async () => {
  const [begun, released] = [deferred<void>(), deferred<void>()];
  const handled: (string | null)[] = [];
  const { clock, store, consumer, add } = setUp({
    async handle({ name }: OutboxEvent) {
      if (name === 'first') {
        begun.resolve();
        await released.promise;
      }
      handled.push(name);
    },
  });
  await consumer.start();
  add('first');
  add('second');
  consumer.wake();
  await begun.promise;
  // The request to extend it is on its way when the leadership ends.
  const [asked, answered] = [deferred<void>(), deferred<void>()];
  const { leadGroup } = store;
  clock.advance(TIMING.ttl / 2);
  Object.assign(store, {
    async leadGroup(request: Parameters<typeof leadGroup>[0]) {
      asked.resolve();
      await answered.promise;
      return leadGroup(request);
    },
  });
  await asked.promise;
  clock.advance(TIMING.ttl / 2);
  released.resolve();
  await waitUntil('the first event is handled', () => handled.length === 1);
  Object.assign(store, { leadGroup });
  answered.resolve();
  await waitUntil('the second event is handled', () => handled.length === 2);
  expect(handled).toEqual(['first', 'second']);
});

test('GroupConsumer retries an event that has waited for longer than its retries last', async () => {
  let attempts = 0;
  const failures: boolean[] = [];
  const { clock, consumer, add } = setUp({
    async handle() {
      attempts += 1;
      if (attempts < 3) throw new Error('The mail server is down.');
    },
    onFailure: (_event, _error, isGivenUp) => failures.push(isGivenUp),
  });
  await consumer.start();
  add('late', clock.wall() - 4 * DAY);
  consumer.wake();
  await waitUntil('the event is handled', () => attempts === 3);
  expect(failures).toEqual([false, false]);
});

test('GroupConsumer gives an event up when it is three days old and has failed twelve times', async () => {
  const failures: boolean[] = [];
  const { clock, consumer, add } = setUp({
    handle: () => Promise.reject(new Error('broken')),
    onFailure: (_event, _error, isGivenUp) => failures.push(isGivenUp),
  });
  await consumer.start();
  add('late', clock.wall() - 3 * DAY - 1);
  add('young');
  consumer.wake();
  await waitUntil('the next event of the key is tried', () => failures.length > 20);
  expect(failures.indexOf(true)).toBe(11);
  expect(failures.lastIndexOf(true)).toBe(11);
});

test('GroupConsumer reports once that events were removed before they were read', async () => {
  const reported: unknown[] = [];
  const handled: (string | null)[] = [];
  const { consumer, add } = setUp({
    async handle({ name }: OutboxEvent) {
      handled.push(name);
    },
    report: (error) => reported.push(error),
  });
  await consumer.start();
  for (let i = 0; i <= 10_000; i++) add(String(i));
  consumer.wake();
  await waitUntil('the events are handled', () => handled.length === 10_000);
  expect(handled[0]).toBe('1');
  expect(reported).toEqual([new Error("Events were removed before they were delivered to the group 'key'.")]);
});
