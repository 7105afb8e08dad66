import { expresses } from '../support/express-versions';
import { ADMIN, EVE, NOW, PERMISSIONS, READER, setup, valid } from './setup';

describe.each(expresses)('on %s', (_name, express) => {
  describe('projects', () => {
    const PATH = '/projects/support-bot/configuration';

    test('projects enable nothing until they are configured, and after they are cleared', async () => {
      const { as } = setup(express);
      const nothing = { projectId: 'support-bot', transcript: false, metrics: [], updatedAt: null, configured: false };
      expect((await as().get(PATH).expect(200)).body).toEqual(nothing);
      const set = { ...nothing, transcript: true, updatedAt: new Date(NOW).toISOString(), configured: true };
      const metrics = ['CALL_COMPLETED', 'Ärger'];
      expect((await as().put(PATH).send({ transcript: true, metrics }).expect(200)).body).toEqual({ ...set, metrics });
      expect((await as().put(PATH).send({ transcript: true, metrics: 'all' }).expect(200)).body.metrics).toBe('all');
      expect((await as().get('/projects').expect(200)).body).toEqual({ projects: [{ ...set, metrics: 'all' }] });
      await as().delete(PATH).expect(204);
      await as().delete(PATH).expect(204);
      expect((await as().get(PATH).expect(200)).body).toEqual(nothing);
      expect((await as().get('/projects').expect(200)).body).toEqual({ projects: [] });
    });

    test('configurations belong to one workspace', async () => {
      const { as } = setup(express);
      await as().put(PATH).send({ transcript: true, metrics: 'all' }).expect(200);
      expect((await as(EVE).get(PATH).expect(200)).body.configured).toBe(false);
      expect((await as(EVE).get('/projects').expect(200)).body.projects).toEqual([]);
      await as(EVE).delete(PATH).expect(204);
      expect((await as().get(PATH).expect(200)).body.configured).toBe(true);
    });

    test('project ids can use any script', async () => {
      const { as, projects } = setup(express);
      for (const id of ['a/b', 'ä ö', '%2F', 'PROJECT-1', '日本', '..', '__proto__']) {
        const path = `/projects/${encodeURIComponent(id).replaceAll('.', '%2E')}/configuration`;
        expect((await as().put(path).send({ transcript: true, metrics: [] }).expect(200)).body.projectId).toBe(id);
        expect((await projects.get(id, { workspaceId: 'acme' })).configured).toBe(true);
      }
    });

    test.each([
      [{ transcript: true }, 'metrics'],
      [{ metrics: 'all' }, 'transcript'],
      [{ transcript: null, metrics: 'all' }, 'transcript'],
      [{ transcript: 'yes', metrics: 'all' }, 'transcript'],
      [{ transcript: true, metrics: 'some' }, 'metrics'],
      [{ transcript: true, metrics: [''] }, 'metrics.0'],
      [{ transcript: true, metrics: ['a', 'a'] }, 'metrics.1'],
      [{ transcript: true, metrics: ['x'.repeat(201)] }, 'metrics.0'],
      [{ transcript: true, metrics: Array.from({ length: 1001 }, (_, index) => `M${index}`) }, 'metrics'],
      [{ transcript: true, metrics: 'all', projectId: 'other' }, 'projectId'],
    ])('projects cannot be configured with %j', async (body, path) => {
      const res = await setup(express).as().put(PATH).send(body).expect(400);
      expect(res.body).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
    });

    test('projects with an invalid id respond 400', async () => {
      const res = await setup(express)
        .as()
        .get(`/projects/${'x'.repeat(129)}/configuration`)
        .expect(400);
      expect(res.body.issues).toMatchObject([{ path: 'projectId' }]);
    });
  });

  describe('choices', () => {
    test('permissions are listed in the order of their declaration', async () => {
      const { permissions } = (await setup(express).as().get('/permissions').expect(200)).body;
      expect(permissions.map(({ name }: { name: string }) => name)).toEqual(Object.keys(PERMISSIONS));
      const features = ['transcript', 'metrics'];
      expect(permissions[0]).toEqual({ name: 'conversations', ...PERMISSIONS.conversations, features });
      expect(permissions[2]).toEqual({
        name: 'external_events',
        label: 'External events',
        description: null,
        features,
      });
    });

    test('agents and metrics are empty when the app sets none', async () => {
      const { as } = setup(express);
      expect((await as().get('/agents').expect(200)).body).toEqual({ agents: [] });
      expect((await as().get('/metrics').expect(200)).body).toEqual({ metrics: [] });
    });

    test("agents and metrics come from the app, for the operator's workspace", async () => {
      const { as } = setup(express, {
        router: {
          listAgents: async (workspaceId) => [{ id: `${workspaceId}-1`, name: 'One', secret: 'x' }] as never,
          metricNames: (workspaceId) => [`${workspaceId}_METRIC`],
        },
      });
      expect((await as(ADMIN).get('/agents').expect(200)).body).toEqual({ agents: [{ id: 'acme-1', name: 'One' }] });
      expect((await as(EVE).get('/agents').expect(200)).body).toEqual({ agents: [{ id: 'evil-1', name: 'One' }] });
      expect((await as(EVE).get('/metrics').expect(200)).body).toEqual({ metrics: ['evil_METRIC'] });
      const byProject = setup(express, {
        router: { metricNames: async (workspaceId, projectId) => [`${workspaceId}/${projectId}`] },
      });
      const ofProject = byProject.as(ADMIN);
      expect((await ofProject.get('/metrics?project=p1').expect(200)).body).toEqual({ metrics: ['acme/p1'] });
      expect((await ofProject.get('/metrics').expect(200)).body).toEqual({ metrics: ['acme/null'] });
      expect((await ofProject.get('/session').expect(200)).body).toMatchObject({ metricsByProject: true });
      await ofProject.get('/metrics?project=').expect(400);
      await ofProject.get('/metrics?project=a&project=b').expect(400);
      const listed = setup(express, { router: { metricNames: ['A', 'B'] } });
      expect((await listed.as().get('/metrics').expect(200)).body).toEqual({ metrics: ['A', 'B'] });
    });

    test.each([
      [
        'a throw',
        () => {
          throw new Error('directory at 10.0.0.9 is down');
        },
      ],
      ['a rejection', () => Promise.reject(new Error('directory at 10.0.0.9 is down'))],
      ['nonsense', () => 'none' as never],
      ['an agent without an id', () => [{ name: 'One' }] as never],
    ])('fail with %s, outside without its details', async (_what, fail) => {
      const { as, reported } = setup(express, { router: { listAgents: fail, metricNames: fail } });
      for (const path of ['/agents', '/metrics']) {
        const res = await as().get(path).expect(500);
        expect(res.body.code).toBe('internal_error');
        expect(res.text).not.toContain('10.0.0.9');
      }
      expect(reported).toHaveLength(2);
    });
  });

  test('GET /session says who is signed in', async () => {
    const { as } = setup(express);
    const session = {
      workspaceId: 'acme',
      tokenExample: { in: 'header', name: 'x-api-key', value: '{token}' },
      exampleUrl: null,
      ...{ title: 'keyscope', homeUrl: null, signInUrl: null, signOutUrl: null },
      defaultLifetime: 365 * 86_400_000,
      allowsOtherAgents: true,
      metricsByProject: false,
      webhooks: false,
      reports: false,
      keysWithoutExpiry: false,
      leakPolicy: 'revoke',
    };
    expect((await as().get('/session').expect(200)).body).toEqual({
      ...session,
      actor: 'admin@acme.test',
      readOnly: false,
    });
    expect((await as(READER).get('/session').expect(200)).body).toMatchObject({
      actor: 'rita@acme.test',
      readOnly: true,
    });
  });

  describe('the audit log', () => {
    test('the audit log shows actor, action, time and source', async () => {
      const { as, clock } = setup(express);
      const { key } = (await as().post('/keys').send(valid).expect(201)).body;
      clock.advance(1000);
      await as('acme/second@acme.test').patch(`/keys/${key.id}`).send({ name: 'Renamed' }).expect(200);
      clock.advance(1000);
      const next = (await as().post(`/keys/${key.id}/rotate`).send({ overlap: '1h' }).expect(201)).body.key;
      await as().put('/projects/p/configuration').send({ transcript: true, metrics: 'all' }).expect(200);
      const { entries, cursor } = (await as().get('/audit').expect(200)).body;
      expect(cursor).toBeNull();
      expect(entries).toMatchObject([
        { action: 'project.configured', target: 'p', before: null, after: { transcript: true, metrics: 'all' } },
        {
          action: 'key.rotated',
          target: key.id,
          after: { rotatedTo: next.id, expiresAt: new Date(NOW + 2000 + 3_600_000).toISOString() },
        },
        { action: 'key.updated', actor: 'second@acme.test', before: { name: 'CRM' }, after: { name: 'Renamed' } },
        {
          action: 'key.created',
          actor: 'admin@acme.test',
          target: key.id,
          name: 'CRM',
          at: new Date(NOW).toISOString(),
        },
      ]);
      for (const { source } of entries) expect(source).toMatch(/127\.0\.0\.1$/);
    });

    test('the audit log is paged and filtered', async () => {
      const { as, clock } = setup(express);
      for (const user of [ADMIN, 'acme/second@acme.test', ADMIN]) {
        await as(user).post('/keys').send(valid).expect(201);
        clock.advance(1000);
      }
      await as().delete('/projects/none/configuration').expect(204);
      const first = (await as().get('/audit?limit=2').expect(200)).body;
      expect(first.entries).toHaveLength(2);
      const second = (await as().get(`/audit?limit=2&cursor=${first.cursor}`).expect(200)).body;
      expect(second).toMatchObject({ entries: [{ actor: 'admin@acme.test' }], cursor: null });
      const by = async (query: string) => (await as().get(`/audit?${query}`).expect(200)).body.entries.length;
      expect(await by('actor=second%40acme.test')).toBe(1);
      expect(await by('action=key.created')).toBe(3);
      expect(await by('action=key.deleted')).toBe(0);
      expect(await by(`target=${first.entries[0].target}`)).toBe(1);
      expect((await as(EVE).get('/audit').expect(200)).body.entries).toEqual([]);
      const refused = await as().get('/audit?action=key.create').expect(400);
      expect(refused.body.detail).toContain('Did you mean "key.created"?');
    });

    test('the audit log has the address of Express and not of an invalid header', async () => {
      const { app, as } = setup(express);
      app.set('trust proxy', true);
      await as().post('/keys').set('x-forwarded-for', '203.0.113.7').send(valid).expect(201);
      await as().post('/keys').set('x-forwarded-for', 'x'.repeat(300)).send(valid).expect(201);
      const { entries } = (await as().get('/audit').expect(200)).body;
      expect(entries[1].source).toBe('203.0.113.7');
      expect(entries[0].source).toMatch(/127\.0\.0\.1$/);
    });
  });
});
