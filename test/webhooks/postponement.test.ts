import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMemoryStore } from '../../src/store/memory';
import type { OutboxEvent } from '../../src/store/outbox-store';
import { Webhooks } from '../../src/webhooks/webhooks';
import { fakeClock } from '../support/clock';
import { waitUntil } from '../support/wait-until';

const event = (id: string, at: number): OutboxEvent => ({
  id,
  type: 'key.created',
  at,
  workspaceId: 'acme',
  target: 'key',
  name: 'CRM',
  actor: null,
  source: null,
  before: null,
  after: {},
});

test('deliveries that wait for one to a failing endpoint are due soon after its request must have ended', async () => {
  const responses: ServerResponse[] = [];
  const server = createServer((_req, res) => void responses.push(res)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = fakeClock();
  const store = createMemoryStore({ clock });
  const webhooks = new Webhooks({
    store,
    clock,
    endpoints: [{ url, secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}`, allowPrivate: true }],
    report: (error) => {
      throw error;
    },
    isLeading: () => true,
  });
  const dueAt = async (ms: number) =>
    (await store.dueDeliveries(clock.wall() + ms, 100)).map(({ event: { id } }) => id);

  await webhooks.handle(event('first', clock.wall()));
  await waitUntil('the first attempt has arrived', () => responses.length === 1);
  responses[0]!.writeHead(503).end();
  await waitUntil('it has failed', async () => (await dueAt(0)).length === 0);
  clock.step(10_000);
  await webhooks.sendDue();
  await waitUntil('its retry is in progress', () => responses.length === 2);

  for (let i = 0; i < 20; i++) await webhooks.handle(event(`later ${i}`, clock.wall()));
  await waitUntil('the later ones are postponed', async () => (await dueAt(0)).length === 1);
  expect(await dueAt(14_999)).toEqual(['first']);
  expect((await dueAt(20_000)).length).toBeGreaterThanOrEqual(17);
  expect(await dueAt(75_000)).toHaveLength(21);

  responses[1]!.end();
  await waitUntil('the retry has succeeded', async () => (await dueAt(0)).length === 0);
  clock.step(75_000);
  await webhooks.sendDue();
  await waitUntil('all have arrived', async () => {
    for (const res of responses) res.end();
    return (await dueAt(0)).length === 0;
  });
  expect(responses).toHaveLength(22);
  await webhooks.close();
  server.closeAllConnections();
  server.close();
});

test('the rest of a long queue to a failing endpoint waits longer, in few writes', async () => {
  const clock = fakeClock();
  const store = createMemoryStore({ clock });
  const responses: ServerResponse[] = [];
  const server = createServer((_req, res) => void responses.push(res)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (let i = 0; i < 100; i++) {
    await store.putDelivery({ id: `d${i}`, url, event: event(`e${i}`, 0), attempts: 0, lastError: null }, 'new', 0);
  }
  const webhooks = new Webhooks({
    store,
    clock,
    endpoints: [{ url, secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}`, allowPrivate: true }],
    report: (error) => {
      throw error;
    },
    isLeading: () => true,
  });
  const countAt = async (ms: number) => (await store.dueDeliveries(clock.wall() + ms, 200)).length;
  await webhooks.sendDue();
  await waitUntil('all places are taken', () => responses.length === 16);
  for (const res of responses.slice(0, 15)) res.writeHead(503).end();
  await waitUntil('the rest is postponed', async () => (await countAt(0)) === 1);
  // 15 retries within 25 s, one request in progress, and a part of the queue for each round.
  expect(await countAt(44_000)).toBeLessThan(100);
  expect(await countAt(75_000)).toBe(100);
  const closed = webhooks.close();
  for (const res of responses) res.end();
  await closed;
  server.closeAllConnections();
  server.close();
});
