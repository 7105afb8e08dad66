import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { type ApiKeys, type ApiKeysOptions, createApiKeys } from 'keyscope';
import { Webhook } from 'standardwebhooks';
import { DAY } from '../../src/clock';
import { retryDelay } from '../../src/webhooks/retry';
import { fakeClock } from '../support/clock';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations data' } };
const input = { name: 'CRM', permissions: ['conversations' as const] };
const context = { workspaceId: 'acme', actor: 'ops@example.com' };
const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const [SECRET, OLD_SECRET] = [secretOf(1), secretOf(2)];

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly path: string;
}

/** An endpoint that records what it gets, and responds as the test says. */
class Endpoint {
  readonly received: Received[] = [];
  respond: (res: ServerResponse, count: number) => void = (res) => void res.writeHead(204).end();
  readonly #server: Server = createServer((req, res) => this.#handle(req, res));

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  url(path = '/hook'): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let body = '';
    for await (const data of req) body += String(data);
    this.received.push({ headers: req.headers as Record<string, string>, body, path: req.url ?? '' });
    this.respond(res, this.received.length);
  }
}

let redis: TestRedis;
let namespaces = 0;
let endpoint: Endpoint;
let open: { apiKeys: ApiKeys<'conversations'>; client: Redis | null }[] = [];
beforeAll(async () => {
  redis = await testRedis();
});
beforeEach(async () => {
  endpoint = await new Endpoint().listen();
});
afterEach(async () => {
  await Promise.all(open.map(({ apiKeys }) => apiKeys.close()));
  for (const { client } of open) client?.disconnect();
  open = [];
  endpoint.close();
});
afterAll(() => redis.stop());

const newNamespace = () => `${redis.namespace}:${++namespaces}`;

function start(namespace: string | null, options: Partial<ApiKeysOptions<'conversations'>>) {
  const client = namespace === null ? null : new Redis(redis.url);
  const apiKeys = createApiKeys({
    permissions,
    storeTimeout: 1000,
    ...(client !== null && { redis: client, namespace: namespace! }),
    ...options,
  });
  open.push({ apiKeys, client });
  return apiKeys;
}

const hook = (fields: object = {}) => ({ url: endpoint.url(), secret: SECRET, allowPrivate: true, ...fields });

describe.each([
  ['memory', () => null],
  ['Redis', newNamespace],
])('in %s', (_, place) => {
  test('webhooks get each event, signed so that the standardwebhooks package verifies it', async () => {
    const apiKeys = start(place(), { webhooks: [hook({ secret: [SECRET, OLD_SECRET] })] });
    const { key, token } = await apiKeys.keys.create(input, context);
    await apiKeys.keys.update(key.id, { disabled: true }, context);
    await apiKeys.projects.set('support', { transcript: true, metrics: 'all' }, context);
    await waitUntil('all events have arrived', () => endpoint.received.length === 3);
    const bodies = endpoint.received.map(({ body, headers }) => {
      new Webhook(OLD_SECRET).verify(body, headers);
      return new Webhook(SECRET).verify(body, headers) as { type: string };
    });
    expect(() => new Webhook(secretOf(3)).verify(endpoint.received[0]!.body, endpoint.received[0]!.headers)).toThrow();
    const byType = new Map(bodies.map((body) => [body.type, body]));
    expect([...byType.keys()].sort()).toEqual(['key.created', 'key.disabled', 'project.configured']);
    expect(byType.get('key.disabled')).toEqual({
      type: 'key.disabled',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        ...context,
        source: null,
        target: key.id,
        name: 'CRM',
        before: { disabled: false },
        after: { disabled: true },
      },
    });
    expect(JSON.stringify(endpoint.received)).not.toContain(token.slice(-38));
  });

  test('webhooks get the types of their endpoint only, and the endpoints of the workspace', async () => {
    const workspaces: string[] = [];
    const apiKeys = start(place(), {
      webhooks: (workspaceId) => {
        workspaces.push(workspaceId);
        return workspaceId === 'acme' ? [hook({ types: ['key.deleted'] })] : [];
      },
    });
    const { key } = await apiKeys.keys.create(input, context);
    const { key: other } = await apiKeys.keys.create(input, { workspaceId: 'other' });
    await apiKeys.keys.delete(other.id);
    await apiKeys.keys.delete(key.id);
    await waitUntil('the deletion has arrived', () => endpoint.received.length > 0);
    expect(endpoint.received.map(({ body }) => JSON.parse(body))).toMatchObject([
      { type: 'key.deleted', data: { target: key.id } },
    ]);
    expect(new Set(workspaces)).toEqual(new Set(['acme', 'other']));
  });

  test('webhooks are sent again, with the same id, until the endpoint accepts them', async () => {
    const clock = fakeClock();
    const apiKeys = start(place(), { clock, webhooks: [hook()] });
    endpoint.respond = (res, count) => void res.writeHead(count < 3 ? 503 : 200).end();
    await apiKeys.keys.create(input);
    for (const count of [1, 2, 3]) {
      await waitUntil(`attempt ${count} has arrived`, () => {
        clock.step(1000);
        return endpoint.received.length === count;
      });
    }
    expect(new Set(endpoint.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const times = endpoint.received.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(times[1]).toBeGreaterThan(times[0]!);
    expect(await apiKeys.webhooks.failed()).toEqual([]);
  });

  test('webhooks that were given up are listed, and sent again by replay', async () => {
    const clock = fakeClock();
    const apiKeys = start(place(), { clock, webhooks: [hook()] });
    endpoint.respond = (res) => void res.writeHead(410).end();
    const { key } = await apiKeys.keys.create(input, context);
    await waitUntil('the webhook has failed', async () => (await apiKeys.webhooks.failed()).length > 0);
    const [failed] = await apiKeys.webhooks.failed();
    expect(failed).toEqual({
      id: expect.any(String),
      url: endpoint.url(),
      type: 'key.created',
      eventId: endpoint.received[0]!.headers['webhook-id'],
      workspaceId: 'acme',
      target: key.id,
      attempts: 1,
      lastError: 'The endpoint responded with 410.',
      failedAt: new Date(clock.wall()),
    });
    endpoint.respond = (res) => void res.writeHead(200).end();
    expect(await apiKeys.webhooks.replay(failed!.id)).toBe(true);
    await waitUntil('the webhook has arrived', () => endpoint.received.length === 2);
    expect(await apiKeys.webhooks.failed()).toEqual([]);
    expect(await apiKeys.webhooks.replay(failed!.id)).toBe(false);
  });

  test('webhooks of an endpoint that fails slowly do not delay those of another', async () => {
    const clock = fakeClock();
    const [slow, other] = [hook({ url: endpoint.url('/slow') }), hook({ url: endpoint.url('/other') })];
    const apiKeys = start(place(), { clock, webhooks: (workspaceId) => [workspaceId === 'slow' ? slow : other] });
    const held: ServerResponse[] = [];
    endpoint.respond = (res) => {
      if (res.req.url === '/slow') held.push(res);
      else res.end();
    };
    const countOf = (path: string) => endpoint.received.filter((request) => request.path === path).length;
    for (let i = 0; i < 40; i++) await apiKeys.keys.create(input, { workspaceId: 'slow' });
    await waitUntil('all places are taken', () => held.length === 16);
    await apiKeys.keys.create(input, { workspaceId: 'fast' });
    for (const res of held.splice(0)) res.writeHead(503).end();
    await waitUntil('the webhook of the other workspace has arrived', () => countOf('/other') === 1);
    expect(countOf('/slow')).toBeLessThanOrEqual(17);
    endpoint.respond = (res) => void res.end();
    for (const res of held.splice(0)) res.end();
    await waitUntil('all webhooks have arrived', () => {
      clock.step(10_000);
      return countOf('/slow') === 40 + 16;
    });
  });

  test('webhooks follow no redirect and are given up after about a day', async () => {
    const clock = fakeClock();
    const begin = clock.wall();
    const apiKeys = start(place(), { clock, webhooks: [hook({ url: endpoint.url('/from') })] });
    endpoint.respond = (res) => void res.writeHead(307, { location: endpoint.url('/to') }).end();
    await apiKeys.keys.create(input);
    await waitUntil('the webhook is given up', async () => {
      clock.step(DAY / 144);
      return (await apiKeys.webhooks.failed()).length > 0;
    });
    expect(endpoint.received).toHaveLength(11);
    expect(new Set(endpoint.received.map(({ path }) => path))).toEqual(new Set(['/from']));
    expect(clock.wall() - begin).toBeGreaterThan(DAY / 2);
  }, 60_000);
});

test('webhooks are sent by another process when the process that had them ends', async () => {
  const namespace = newNamespace();
  const first = start(namespace, { webhooks: [hook()] });
  await first.ready();
  endpoint.respond = (res) => void res.writeHead(500).end();
  const clock = fakeClock(Date.now() + DAY);
  await first.keys.create(input);
  await waitUntil('the first attempt has arrived', () => endpoint.received.length === 1);
  await first.close();
  endpoint.respond = (res) => void res.writeHead(200).end();
  const second = start(namespace, { clock, webhooks: [hook()] });
  await second.ready();
  await waitUntil('the second attempt has arrived', () => endpoint.received.length === 2);
  expect(endpoint.received[1]!.headers['webhook-id']).toBe(endpoint.received[0]!.headers['webhook-id']);
});

test('close ends when an endpoint has switched protocols', async () => {
  endpoint.respond = (res) => {
    res.socket!.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  };
  const apiKeys = start(null, { webhooks: [hook()] });
  await apiKeys.keys.create(input);
  await waitUntil('the webhook has been sent', () => endpoint.received.length > 0);
  await apiKeys.close();
});

test('retryDelay honours Retry-After in seconds and as a date, at most a day', () => {
  const now = Date.UTC(2030, 0, 1);
  expect(retryDelay(1, '3600', now)).toBe(3_600_000);
  expect(retryDelay(1, new Date(now + 7_200_000).toUTCString(), now)).toBe(7_200_000);
  expect(retryDelay(1, '999999999', now)).toBe(DAY);
  for (const value of [null, 'soon', '-1', new Date(now - 1000).toUTCString()]) {
    expect(retryDelay(1, value, now)).toBeLessThanOrEqual(6250);
    expect(retryDelay(1, value, now)).toBeGreaterThanOrEqual(3750);
  }
});

test.each([
  ['http', { url: 'http://example.com/', secret: SECRET }, /https URL/],
  ['no URL', { url: 'example', secret: SECRET }, /https URL/],
  ['a short secret', { url: 'https://example.com/', secret: 'whsec_abc' }, /24–64 bytes/],
  ['a password', { url: 'https://me:pass@example.com/', secret: SECRET }, /without user name and password/],
  ['the URL of another', { url: 'https://other.example/', secret: OLD_SECRET }, /one endpoint for each URL/],
])('createApiKeys throws invalid_options for a webhook with %s', (_, webhook, message) => {
  const other = { url: 'https://other.example/', secret: SECRET };
  expect(() => createApiKeys({ permissions, webhooks: [other, webhook] })).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  );
});
