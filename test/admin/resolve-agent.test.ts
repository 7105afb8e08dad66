import { expresses } from '../support/express-versions';
import { type SetupOptions, setup, valid } from './setup';

const AGENTS = [
  { id: 'AGENT-1', name: 'Front desk', slug: 'front-desk' },
  { id: 'AGENT-2', name: 'Bookings', slug: 'bookings' },
];
const listAgents = () => AGENTS.map(({ id, name }) => ({ id, name }));
const bySlug: SetupOptions['router'] = {
  listAgents,
  resolveAgent: async (name, workspaceId) =>
    workspaceId === 'acme' ? AGENTS.find(({ id, slug }) => id === name || slug === name)?.id : null,
};
const CONFIGURATION = { transcript: true, metrics: 'all' };

describe.each(expresses)('resolveAgent on %s', (_name, express) => {
  test('a key is created with the resolved ids, each once', async () => {
    const { as } = setup(express, { router: bySlug });
    const body = { ...valid, agents: ['front-desk', 'AGENT-2', 'bookings'] };
    const res = await as().post('/keys').send(body).expect(201);
    expect(res.body.key.agents).toEqual(['AGENT-1', 'AGENT-2']);
  });

  test('a key is not created when an agent is unknown', async () => {
    const { as, keys } = setup(express, { router: bySlug });
    const body = { ...valid, agents: ['front-desk', 'AGENT-3'] };
    const res = await as().post('/keys').send(body).expect(400);
    expect(res.body).toMatchObject({
      code: 'invalid_request',
      issues: [{ path: 'agents.1', message: 'Unknown agent. Received "AGENT-3".' }],
    });
    expect((await keys.list({ workspaceId: 'acme' })).total).toBe(0);
  });

  test('all agents and invalid values are left to the service', async () => {
    const { as } = setup(express, { router: bySlug });
    await as().post('/keys').send(valid).expect(201);
    await as()
      .post('/keys')
      .send({ ...valid, agents: [] })
      .expect(400);
    await as()
      .post('/keys')
      .send({ ...valid, agents: [7] })
      .expect(400);
  });

  test('a project is configured and read under its resolved id', async () => {
    const { as } = setup(express, { router: bySlug });
    const put = await as().put('/projects/bookings/configuration').send(CONFIGURATION).expect(200);
    expect(put.body.projectId).toBe('AGENT-2');
    expect((await as().get('/projects/bookings/configuration').expect(200)).body.configured).toBe(true);
    await as().delete('/projects/bookings/configuration').expect(204);
    expect((await as().get('/projects/AGENT-2/configuration').expect(200)).body.configured).toBe(false);
  });

  test('an unknown project responds 404, and its old configuration can be cleared', async () => {
    const { as, projects } = setup(express, { router: bySlug });
    await projects.set('GONE', { transcript: true, metrics: 'all' }, { workspaceId: 'acme' });
    const path = '/projects/GONE/configuration';
    expect((await as().put(path).send(CONFIGURATION).expect(404)).body.code).toBe('not_found');
    await as().get(path).expect(404);
    await as().delete(path).expect(204);
    expect((await projects.get('GONE', { workspaceId: 'acme' })).configured).toBe(false);
  });

  test("'listed' accepts the ids that listAgents returns and no others", async () => {
    const { as } = setup(express, { router: { listAgents, resolveAgent: 'listed' } });
    await as()
      .post('/keys')
      .send({ ...valid, agents: ['AGENT-1'] })
      .expect(201);
    await as()
      .post('/keys')
      .send({ ...valid, agents: ['front-desk'] })
      .expect(400);
    await as().put('/projects/AGENT-2/configuration').send(CONFIGURATION).expect(200);
    await as().put('/projects/AGENT-3/configuration').send(CONFIGURATION).expect(404);
  });

  test('the session says whether other agents are accepted', async () => {
    const open = await setup(express).as().get('/session').expect(200);
    expect(open.body.allowsOtherAgents).toBe(true);
    const restricted = await setup(express, { router: bySlug }).as().get('/session').expect(200);
    expect(restricted.body.allowsOtherAgents).toBe(false);
  });

  test('a resolveAgent that throws or returns another type responds 500 and is reported', async () => {
    for (const resolveAgent of [
      () => {
        throw new Error('database is down');
      },
      (() => 7) as never,
    ]) {
      const { as, reported, keys } = setup(express, { router: { resolveAgent } });
      const res = await as()
        .post('/keys')
        .send({ ...valid, agents: ['a'] })
        .expect(500);
      expect(res.text).not.toContain('database is down');
      expect(reported).toHaveLength(1);
      expect((await keys.list({ workspaceId: 'acme' })).total).toBe(0);
    }
  });
});

test.each(['all', 7, {}])('adminRouter throws when resolveAgent is %j', (resolveAgent) => {
  expect(() => setup(undefined, { router: { resolveAgent: resolveAgent as never } })).toThrow('resolveAgent');
});
