import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations' } };

describe.each(expresses)('%s', (_name, express) => {
  async function setUp() {
    const apiKeys = createApiKeys({ permissions });
    const app = express();
    app.get(
      '/p/:project_id/audio',
      apiKeys.requireApiKey('conversations', { agent: 'project_id' }),
      apiKeys.requireFeature('transcript'),
      (_req, res) => {
        res.send('sound');
      },
    );
    app.get(
      '/p/:project_id/csat',
      apiKeys.requireApiKey('conversations', { agent: 'project_id' }),
      apiKeys.requireFeature('metric:CSAT'),
      (_req, res) => {
        res.send('5');
      },
    );
    const { token } = await apiKeys.keys.create({ name: 'x', agents: 'all', permissions: ['conversations'] });
    return { apiKeys, app, get: (path: string) => request(app).get(path).set('x-api-key', token) };
  }

  test('403 feature_not_enabled unless the project enables it, and at once when it changes', async () => {
    const { apiKeys, get } = await setUp();
    expect((await get('/p/A/audio').expect(403)).body.code).toBe('feature_not_enabled');
    await apiKeys.projects.set('A', { transcript: true, metrics: [] });
    await get('/p/A/audio').expect(200);
    await get('/p/B/audio').expect(403);
    await get('/p/A/csat').expect(403);
    await apiKeys.projects.set('A', { transcript: false, metrics: ['CSAT'] });
    await get('/p/A/audio').expect(403);
    await get('/p/A/csat').expect(200);
    await apiKeys.projects.set('A', { transcript: false, metrics: 'all' });
    await get('/p/A/csat').expect(200);
    await apiKeys.projects.clear('A');
    await get('/p/A/csat').expect(403);
  });

  test("another workspace's configuration enables nothing here", async () => {
    const { apiKeys, get } = await setUp();
    await apiKeys.projects.set('A', { transcript: true, metrics: 'all' }, { workspaceId: 'other' });
    await get('/p/A/audio').expect(403);
  });

  test('requireFeature rejects the request with a hint when requireApiKey is missing before it', async () => {
    const { apiKeys, app } = await setUp();
    app.get('/bare', apiKeys.requireFeature('transcript'), (_req, res) => {
      res.send('sound');
    });
    const res = await request(app).get('/bare').expect(500);
    expect(res.body).toMatchObject({
      code: 'invalid_options',
      detail: expect.stringMatching(/requireApiKey\(\) before it/),
    });
  });

  test('names that every object has are not enabled for any project', async () => {
    const { apiKeys, get } = await setUp();
    await apiKeys.projects.set('A', { transcript: true, metrics: 'all' });
    for (const project of ['__proto__', 'constructor', 'toString']) await get(`/p/${project}/audio`).expect(403);
  });
});

test('a feature that does not exist throws when the route is made', () => {
  const apiKeys = createApiKeys({ permissions });
  expect(() => apiKeys.requireFeature('transcripts' as never)).toThrow(/'transcript'/);
});
