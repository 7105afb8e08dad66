import { createApiKeys, KeyscopeError } from 'keyscope';
import { fakeClock } from '../support/clock';

function setUp() {
  const clock = fakeClock();
  const apiKeys = createApiKeys({
    permissions: { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } },
    clock,
  });
  const create = (input: Partial<Parameters<typeof apiKeys.keys.create>[0]> = {}) =>
    apiKeys.keys.create({ name: 'socket', agents: 'all', permissions: ['conversations'], ...input });
  return { apiKeys, clock, create };
}

const codeOf = async (verification: ReturnType<ReturnType<typeof setUp>['apiKeys']['verify']>) => {
  const result = await verification;
  return result.ok ? 'ok' : result.error.code;
};

test('a good token resolves with the key, from the store and from memory alike', async () => {
  const { apiKeys, create } = setUp();
  const { key, token } = await create({ workspaceId: 'ws-1' });
  for (let time = 0; time < 2; time += 1) {
    const result = await apiKeys.verify(token, { permission: 'conversations', workspaceId: 'ws-1' });
    if (!result.ok) throw result.error;
    expect(result.key).toMatchObject({ id: key.id, workspaceId: 'ws-1', permissions: ['conversations'] });
  }
});

test.each([
  ['nothing', undefined, 'missing_key'],
  ['an empty string', '', 'missing_key'],
  ['garbage', 'garbage', 'invalid_key'],
  ['a number', 42 as unknown as string, 'invalid_key'],
])('verify denies %s', async (_what, token, code) => {
  expect(await codeOf(setUp().apiKeys.verify(token))).toBe(code);
});

test('a refusal is a KeyscopeError with the status that a response would have', async () => {
  const { apiKeys, create } = setUp();
  const { token } = await create();
  const result = await apiKeys.verify(token, { permission: 'handoff' });
  if (result.ok) throw new Error('allowed');
  expect(result.error).toBeInstanceOf(KeyscopeError);
  expect(result.error).toMatchObject({ code: 'permission_denied', status: 403 });
});

test('permissions, workspaces, agents and expiry count as they do for a request', async () => {
  const { apiKeys, clock, create } = setUp();
  const { key, token } = await create({ agents: ['A'], workspaceId: 'ws-1', expiresIn: '1h' });
  const verify = (options?: Parameters<typeof apiKeys.verify>[1]) => codeOf(apiKeys.verify(token, options));
  expect(await verify({ agentId: 'A', permission: { anyOf: ['conversations', 'handoff'] } })).toBe('ok');
  expect(await verify({ agentId: 'A', permission: { allOf: ['conversations', 'handoff'] } })).toBe('permission_denied');
  expect(await verify({ agentId: 'B' })).toBe('agent_not_in_scope');
  expect(await verify({ agentId: '' })).toBe('agent_not_in_scope');
  expect(await verify({})).toBe('agent_not_in_scope');
  expect(await verify({ agentId: false })).toBe('ok');
  expect(await verify({ agentId: 'A', workspaceId: 'ws-2' })).toBe('workspace_not_in_scope');
  await apiKeys.keys.update(key.id, { disabled: true });
  expect(await verify({ agentId: 'A' })).toBe('disabled_key');
  await apiKeys.keys.update(key.id, { disabled: false });
  clock.advance(3_600_000);
  expect(await verify({ agentId: 'A' })).toBe('expired_key');
  await apiKeys.keys.delete(key.id);
  expect(await verify({ agentId: 'A' })).toBe('invalid_key');
});

test('mistakes in the options reject with a sentence, whatever the token', async () => {
  const { apiKeys } = setUp();
  await expect(apiKeys.verify('garbage', { permission: 'hand-off' as never })).rejects.toThrow(
    /Did you mean "handoff"/,
  );
  await expect(apiKeys.verify('garbage', { agentID: 'A' } as never)).rejects.toThrow(/Did you mean "agentId"/);
});

test('events contain ids of keys and no tokens', async () => {
  const { apiKeys, create } = setUp();
  const events: unknown[] = [];
  for (const name of ['authenticated', 'denied', 'cache', 'error', 'store'] as const) {
    apiKeys.on(name, (event) => events.push({ name, event }));
  }
  const { key, token } = await create();
  await apiKeys.verify(token);
  await apiKeys.verify(token, { permission: 'handoff' });
  await apiKeys.verify('garbage');
  expect(events).toContainEqual({
    name: 'authenticated',
    event: { keyId: key.id, workspaceId: 'default', cached: false },
  });
  expect(events).toContainEqual({
    name: 'denied',
    event: expect.objectContaining({ code: 'permission_denied', keyId: key.id, workspaceId: 'default' }),
  });
  expect(events).toContainEqual({
    name: 'denied',
    event: {
      code: 'invalid_key',
      reason: 'malformed',
      hint: expect.stringContaining('form of a token'),
      ...{ keyId: null, workspaceId: null, method: null, route: null },
    },
  });
  expect(JSON.stringify(events)).not.toContain(token.slice(-38));
});

test('verify denies a key that was rotated without overlap when its clock is behind the rotating process', async () => {
  const { apiKeys, clock, create } = setUp();
  const { key, token } = await create();
  clock.step(60_000);
  await apiKeys.keys.rotate(key.id, { overlap: 0 });
  clock.step(-60_000);
  expect(await codeOf(apiKeys.verify(token))).toBe('expired_key');
});
