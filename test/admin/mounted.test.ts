import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations data', description: 'Read conversations' } };

describe.each(expresses)('%s', (_name, express) => {
  test('an app mounts the management API in one line, and what it makes works at once', async () => {
    const apiKeys = createApiKeys({ permissions });
    const app = express();
    app.get('/c', apiKeys.requireApiKey('conversations'), (_req, res) => {
      res.json({ ok: true });
    });
    app.use('/admin/api-keys', apiKeys.adminRouter({ authenticate: () => ({ workspaceId: 'acme', actor: 'tests' }) }));

    const made = await request(app)
      .post('/admin/api-keys/keys')
      .send({ name: 'CRM', agents: 'all', permissions: ['conversations'] })
      .expect(201);
    const { key, token } = made.body;
    expect(key.workspaceId).toBe('acme');
    await request(app).get('/c').set('x-api-key', token).expect(200);
    const declared = await request(app).get('/admin/api-keys/permissions').expect(200);
    expect(JSON.stringify(declared.body)).toContain('Conversations data');
    await request(app).delete(`/admin/api-keys/keys/${key.id}`).expect(204);
    await request(app).get('/c').set('x-api-key', token).expect(401);
    const trail = await apiKeys.audit.list({ workspaceId: 'acme' });
    expect(trail.entries.map(({ action, actor }) => [action, actor])).toEqual([
      ['key.deleted', 'tests'],
      ['key.created', 'tests'],
    ]);
    await apiKeys.close();
  });
});

test('adminRouter throws when authenticate is missing', () => {
  const apiKeys = createApiKeys({ permissions });
  expect(() => apiKeys.adminRouter({} as never)).toThrow(/authenticate/);
});

test("the app's own OpenAPI document can say what its routes require", () => {
  const security = createApiKeys({ permissions }).openapiSecurity();
  expect(JSON.stringify(security)).toContain('x-api-key');
});
