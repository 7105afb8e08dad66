import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations data' } };

describe.each(expresses)('on %s', (_, express) => {
  function setUp() {
    const apiKeys = createApiKeys({ permissions });
    const app = express();
    app.use(
      '/admin',
      apiKeys.adminRouter({
        authenticate: (req) => ({
          workspaceId: String(req.headers['x-workspace']),
          actor: 'ana@example.com',
          readOnly: req.headers['x-role'] === 'reader',
        }),
      }),
    );
    const report = (body: object, { workspace = 'acme', role = 'admin' } = {}) =>
      request(app).post('/admin/leaks').set({ 'x-workspace': workspace, 'x-role': role }).send(body);
    const list = () => request(app).get('/admin/keys').set('x-workspace', 'acme');
    return { apiKeys, report, list };
  }

  const KEY = { workspaceId: 'acme', name: 'CRM', permissions: ['conversations' as const] };

  test('POST /leaks revokes the key of a token of the workspace, with the operator in the audit log', async () => {
    const { apiKeys, report, list } = setUp();
    const { key, token } = await apiKeys.keys.create(KEY);
    const { body } = await report({ tokenOrId: token, source: 'support ticket' }).expect(200);
    expect(body).toEqual({ outcome: 'revoked', keyId: key.id });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false });
    const { body: page } = await list().expect(200);
    expect(page.keys).toMatchObject([
      {
        id: key.id,
        exposure: { at: expect.stringMatching(/Z$/), source: 'support ticket', url: null, policy: 'revoke' },
      },
    ]);
    const { entries } = await apiKeys.audit.list({ workspaceId: 'acme', action: 'key.exposed' });
    expect(entries).toMatchObject([{ target: key.id, actor: 'ana@example.com' }]);
    expect(JSON.stringify(entries)).not.toContain(token);
  });

  test('POST /leaks neither changes nor reveals a key of another workspace', async () => {
    const { apiKeys, report } = setUp();
    const { key, token } = await apiKeys.keys.create(KEY);
    const other = { workspace: 'other' };
    const byToken = await report({ tokenOrId: token, source: 'x' }, other).expect(200);
    expect(byToken.body).toEqual({ outcome: 'unknown', keyId: null });
    await report({ tokenOrId: key.id, source: 'x' }, other).expect(404);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
  });

  test('POST /leaks is denied to an operator who may only read, and never repeats the token in an error', async () => {
    const { apiKeys, report } = setUp();
    const { token } = await apiKeys.keys.create(KEY);
    await report({ tokenOrId: token, source: 'x' }, { role: 'reader' }).expect(403);
    const { text } = await report({ tokenOrId: token, source: `found ${token}` }).expect(400);
    expect(text).not.toContain(token);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
  });
});
