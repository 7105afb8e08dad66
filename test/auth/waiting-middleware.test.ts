import type { RequestHandler } from 'express';
import { Redis } from 'ioredis';
import type { ApiKeys } from 'keyscope';
import request from 'supertest';
import { redisApps } from '../keys/redis-apps';
import { expresses } from '../support/express-versions';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { waitUntil } from '../support/wait-until';

type Permission = 'conversations' | 'handoff';
type Keys = ApiKeys<Permission>;

const permissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };
const PROJECT = { agent: () => 'P' };
const apps = redisApps();
let proxy: TcpProxy;
let client: Redis;

beforeEach(async () => {
  const target = apps.client.options.port as number;
  proxy = await startTcpProxy({ target, kinds: { feed: (sent) => sent.includes('keyscope-feed') } });
  client = new Redis(proxy.port);
});
afterEach(async () => {
  client.disconnect();
  await proxy.close();
});

type Wait = readonly [name: string, middleware: (apiKeys: Keys) => RequestHandler];
const WAITS: readonly Wait[] = [
  ['requireFeature', (apiKeys) => apiKeys.requireFeature('transcript')],
  ['redactResponse', (apiKeys) => apiKeys.redactResponse()],
  ['a further requireApiKey', (apiKeys) => apiKeys.requireApiKey('handoff', { ...PROJECT, fresh: true })],
];

describe.each(expresses)('%s: behind requireApiKey', (_name, express) => {
  async function setUp(middleware: Wait[1]) {
    const admin = apps.start({ permissions } as never) as unknown as Keys;
    const apiKeys = apps.start({ permissions, redis: client } as never) as unknown as Keys;
    await apiKeys.ready();
    const { token, key } = await admin.keys.create({
      name: 'x',
      workspaceId: 'W',
      permissions: ['conversations', 'handoff'],
    });
    await admin.projects.set('P', { transcript: true, metrics: 'all' }, { workspaceId: 'W' });
    let isWaiting = false;
    const wait: RequestHandler = (_req, _res, next) => {
      isWaiting = true;
      next();
    };
    let handled = 0;
    const app = express();
    app.get('/', apiKeys.requireApiKey('conversations', PROJECT), wait, middleware(apiKeys), (_req, res) => {
      handled++;
      res.json({ turns: ['secret'] });
    });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });

    /** Sends a request whose replies from Redis are held back until `change` has been applied and announced. */
    async function sendDuring(change: () => Promise<unknown>): Promise<request.Response> {
      proxy.hinder('other', { toClient: { blackHole: true } });
      const sending = request(app)
        .get('/')
        .set('X-API-Key', token)
        .then((response) => response);
      await waitUntil('the request waits', () => isWaiting);
      await change();
      proxy.hinder('other', {});
      return sending;
    }
    /** Until the process of the app has removed the key from its cache. */
    async function isAnnounced(): Promise<void> {
      let isMissing = false;
      apiKeys.on('cache', ({ subject, outcome }) => {
        isMissing ||= subject === 'key' && outcome === 'miss';
      });
      await waitUntil('the change is announced', () => {
        void apiKeys.verify(token);
        return isMissing;
      });
    }
    return { admin, key, sendDuring, isAnnounced, handled: () => handled };
  }

  test.each(WAITS)('%s passes a request that has waited for the store', async (_what, middleware) => {
    const { sendDuring, handled } = await setUp(middleware);
    const { status, body } = await sendDuring(async () => {});
    expect({ status, body, handled: handled() }).toEqual({ status: 200, body: { turns: ['secret'] }, handled: 1 });
  });

  test.each(WAITS)('%s denies a request whose key was deleted while it waited', async (_what, middleware) => {
    const { admin, key, sendDuring, isAnnounced, handled } = await setUp(middleware);
    const { status, body, headers } = await sendDuring(async () => {
      await admin.keys.delete(key.id);
      await isAnnounced();
    });
    expect({ status, code: body.code, handled: handled() }).toEqual({ status: 401, code: 'invalid_key', handled: 0 });
    expect(headers['www-authenticate']).toBeDefined();
  });

  test.each(WAITS)('%s denies a request whose key lost its permission while it waited', async (_what, middleware) => {
    const { admin, key, sendDuring, isAnnounced, handled } = await setUp(middleware);
    const { status, body } = await sendDuring(async () => {
      await admin.keys.update(key.id, { permissions: ['handoff'] });
      await isAnnounced();
    });
    expect({ status, code: body.code, handled: handled() }).toEqual({
      status: 403,
      code: 'permission_denied',
      handled: 0,
    });
  });
});
