import { createPlatform, data, envelope, OTHER_WORKSPACE, PROJECT, SILENT_PROJECT, WORKSPACE } from '../support';

let platform: Awaited<ReturnType<typeof createPlatform>>;

beforeAll(async () => {
  platform = await createPlatform();
});

async function agentsOf(token: string): Promise<string[]> {
  const { body } = await platform.get('/v1/agents', token).expect(200);
  return body.map(({ agentId }: { agentId: string }) => agentId);
}

test('a key for all agents sees those of its workspace, and of no other', async () => {
  for (const workspaceId of [WORKSPACE, OTHER_WORKSPACE]) {
    const expected = data.projects.filter((project) => project.workspaceId === workspaceId).map(({ id }) => id);
    expect(await agentsOf(await platform.mint(['handoff'], 'all', workspaceId))).toEqual(expected);
  }
});

test('a restricted key sees the agents it reaches', async () => {
  expect(await agentsOf(await platform.mint(['conversations'], [SILENT_PROJECT, PROJECT]))).toEqual([
    PROJECT,
    SILENT_PROJECT,
  ]);
});

test('an agent that does not exist, or is another workspace’s, is not listed for being in a scope', async () => {
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

test('nobody sees any without a key', async () => {
  expect((await platform.get('/v1/agents').expect(401)).body).toEqual(envelope('MISSING_KEY'));
});
