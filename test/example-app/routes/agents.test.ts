import { createPlatform, data, envelope, OTHER_WORKSPACE, PROJECT, SILENT_PROJECT, WORKSPACE } from '../support';

let platform: Awaited<ReturnType<typeof createPlatform>>;

beforeAll(async () => {
  platform = await createPlatform();
});

async function agentsOf(token: string): Promise<string[]> {
  const { body } = await platform.get('/v1/agents', token).expect(200);
  return body.map(({ agentId }: { agentId: string }) => agentId);
}

test('a key for all agents lists those of its workspace and of no other', async () => {
  for (const workspaceId of [WORKSPACE, OTHER_WORKSPACE]) {
    const expected = data.projects.filter((project) => project.workspaceId === workspaceId).map(({ id }) => id);
    expect(await agentsOf(await platform.mint(['handoff'], 'all', workspaceId))).toEqual(expected);
  }
});

test('a restricted key lists the agents in its scope', async () => {
  expect(await agentsOf(await platform.mint(['conversations'], [SILENT_PROJECT, PROJECT]))).toEqual([
    PROJECT,
    SILENT_PROJECT,
  ]);
});

test('an agent in a scope is not listed when it is unknown or of another workspace', async () => {
  expect(await agentsOf(await platform.mint(['conversations'], ['PROJECT-GLX4410A', 'PROJECT-GONE']))).toEqual([]);
});

test('an agent is described by its account, id and name', async () => {
  const { body } = await platform.get('/v1/agents', await platform.mint(['handoff'], [PROJECT])).expect(200);
  expect(body).toEqual([
    {
      accountId: WORKSPACE,
      agentId: PROJECT,
      agentName: 'Acme front desk',
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      branchCount: 1,
    },
  ]);
});

test('the agents of an account are those of a restricted key, by id and slug', async () => {
  const restricted = await platform.mint(['conversations'], [SILENT_PROJECT]);
  for (const account of [WORKSPACE, 'acme-uk']) {
    const { body } = await platform.get(`/v1/accounts/${account}/agents`, restricted).expect(200);
    expect(body.map(({ agentId }: { agentId: string }) => agentId)).toEqual([SILENT_PROJECT]);
  }
  await platform.get('/v1/accounts/globex/agents', restricted).expect(403);
  await platform.get('/v1/accounts/unknown/agents', restricted).expect(403);
});

test('agents respond 401 when no key is sent', async () => {
  await platform.get(`/v1/accounts/${WORKSPACE}/agents`).expect(401);
  expect((await platform.get('/v1/agents').expect(401)).body).toEqual(envelope('MISSING_KEY'));
});
