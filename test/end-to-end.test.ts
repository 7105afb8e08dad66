import Redis from 'ioredis';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from './support/express-versions';
import { type TestRedis, testRedis } from './support/redis/test-redis';

const permissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };

const page = () => ({
  conversations: [
    {
      id: 'CA1',
      project_id: 'A',
      num_turns: 2,
      turns: [{ user_input: 'said by a customer' }, { user_input: 'ありがとう' }],
      metrics: { CALL_COMPLETED: 'true', HANDOFF_TO: ['sales', 'billing'] },
    },
  ],
  cursor: null,
});

describe('a field is sent only if the key has the permission and the project has the field enabled', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await testRedis();
  });
  afterAll(() => server.stop());

  describe.each(expresses)('%s', (_name, express) => {
    describe.each(['in memory', 'on Redis'] as const)('%s', (place) => {
      let redis: Redis | undefined;
      afterEach(() => redis?.quit());

      async function setUp() {
        redis = place === 'on Redis' ? new Redis(server.url) : undefined;
        const namespace = `${server.namespace}-${Math.random().toString(36).slice(2)}`;
        const apiKeys = createApiKeys({ permissions, namespace, ...(redis ? { redis } : {}) });
        await apiKeys.ready();
        const app = express();
        app.get(
          '/v3/:account_id/:project_id/conversations',
          apiKeys.requireApiKey('conversations', { workspace: 'account_id', agent: 'project_id' }),
          apiKeys.redactResponse(),
          (_req, res) => {
            res.json(page());
          },
        );
        const { token } = await apiKeys.keys.create({
          workspaceId: 'ws-1',
          name: 'CRM',
          agents: ['A'],
          permissions: ['conversations'],
        });
        const get = (key: string) => request(app).get('/v3/ws-1/A/conversations').set('x-api-key', key);
        const set = (transcript: boolean, metrics: 'all' | string[]) =>
          apiKeys.projects.set('A', { transcript, metrics }, { workspaceId: 'ws-1' });
        return { apiKeys, app, get, set, token };
      }

      test('transcripts and metrics appear and disappear as the configuration changes', async () => {
        const { apiKeys, get, set, token } = await setUp();
        const [whole] = page().conversations;

        const nothing = await get(token).expect(200);
        expect(nothing.body.conversations[0]).toEqual({ ...whole, turns: [], metrics: {} });
        expect(nothing.headers.redacted).toBe('transcript, metrics');

        await set(true, ['HANDOFF_TO']);
        const some = await get(token).expect(200);
        expect(some.body.conversations[0]).toEqual({ ...whole, metrics: { HANDOFF_TO: ['sales', 'billing'] } });
        expect(some.headers.redacted).toBe('metrics');

        await set(true, 'all');
        const all = await get(token).expect(200);
        expect(all.text).toBe(JSON.stringify(page()));
        expect(all.headers.redacted).toBeUndefined();

        await apiKeys.projects.clear('A', { workspaceId: 'ws-1' });
        expect((await get(token).expect(200)).body.conversations[0].turns).toEqual([]);
        await apiKeys.close();
      });

      test('a feature that is disabled while the handler works is not sent', async () => {
        const { apiKeys, app, set, token } = await setUp();
        await set(true, 'all');
        app.get(
          '/slow/:project_id',
          apiKeys.requireApiKey('conversations', { agent: 'project_id' }),
          apiKeys.redactResponse(),
          async (_req, res) => {
            await set(false, []);
            res.json(page());
          },
        );
        const res = await request(app).get('/slow/A').set('x-api-key', token).expect(200);
        expect(res.text).not.toContain('customer');
        expect(res.headers.redacted).toBe('transcript, metrics');
        await apiKeys.close();
      });

      test('a key without the permission receives 403 and no field when the project has everything enabled', async () => {
        const { apiKeys, get, set } = await setUp();
        await set(true, 'all');
        const { token } = await apiKeys.keys.create({
          workspaceId: 'ws-1',
          name: 'Desk',
          agents: ['A'],
          permissions: ['handoff'],
        });
        const res = await get(token).expect(403);
        expect(res.text).not.toContain('customer');
        await apiKeys.close();
      });
    });
  });
});
