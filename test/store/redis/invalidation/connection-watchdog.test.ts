import type { RedisClient } from '../../../../src/store/redis/client';
import { ConnectionWatchdog } from '../../../../src/store/redis/invalidation/connection-watchdog';

const LAG = 400;
const POLL = 100;

function setUp() {
  const stream = { bytesRead: 0 };
  const client = { status: 'ready', stream } as unknown as RedisClient;
  const watchdog = new ConnectionWatchdog(LAG);
  let now = 0;
  let isDead = false;
  /** Polls that get a reply on the other connection, and none on this one. */
  function pollUntil(end: number, onPoll: (at: number) => void = () => {}): boolean {
    for (; now < end; now += POLL) {
      onPoll(now);
      watchdog.observe(client, now);
      isDead ||= watchdog.isDead(client, now - POLL, now);
      if (!watchdog.isFull) void watchdog.track(now, () => new Promise(() => {}));
    }
    return isDead;
  }
  return { stream, watchdog, pollUntil };
}

test('ConnectionWatchdog reports a dead connection when nothing is received after a command was sent', () => {
  const { pollUntil } = setUp();
  expect(pollUntil(1000)).toBe(false);
  expect(pollUntil(2000)).toBe(true);
});

test('ConnectionWatchdog reports a dead connection when an earlier reply arrives after later commands were sent', () => {
  const { stream, pollUntil } = setUp();
  pollUntil(900);
  stream.bytesRead += 10;
  expect(pollUntil(1900)).toBe(false);
  expect(pollUntil(3000)).toBe(true);
});

test('ConnectionWatchdog reports no dead connection while replies arrive slowly', () => {
  const { stream, pollUntil } = setUp();
  const isDead = pollUntil(10_000, (at) => {
    if (at % 900 === 0) stream.bytesRead += 10;
  });
  expect(isDead).toBe(false);
});

test('ConnectionWatchdog reports no dead connection when the client does not show received bytes', () => {
  const { stream, pollUntil } = setUp();
  Object.assign(stream, { bytesRead: undefined });
  expect(pollUntil(5000)).toBe(false);
});
