import { type ChangedEvent, createApiKeys } from 'keyscope';

const permissions = { conversations: { label: 'Conversations data' }, handoff: { label: 'Handoff' } };
const context = { workspaceId: 'acme', actor: 'ops@example.com', source: '192.0.2.1' };

function setup() {
  const apiKeys = createApiKeys({ permissions });
  const changes: ChangedEvent[] = [];
  apiKeys.on('changed', (change) => changes.push(change));
  return { ...apiKeys, changes };
}

test('createApiKeys emits changed with action, target, actor and time for each stored change', async () => {
  const { keys, projects, audit, changes } = setup();
  const { key } = await keys.create({ name: 'CRM', permissions: ['conversations'] }, context);
  await keys.update(key.id, { permissions: ['conversations', 'handoff'] }, context);
  const next = await keys.rotate(key.id, { overlap: 0 }, context);
  await keys.delete(next.key.id, context);
  await projects.set('support', { transcript: true, metrics: 'all' }, context);
  await projects.clear('support', context);
  const { entries } = await audit.list({ workspaceId: 'acme' });
  const logged = entries.reverse().map(({ action, target, name, actor, source, at }) => ({
    ...{ action, target, actor, source, at },
    ...(action.startsWith('key.') && { name }),
  }));
  expect(changes).toMatchObject(logged);
  expect(changes.map(({ workspaceId }) => workspaceId)).toEqual(logged.map(() => 'acme'));
});

test('createApiKeys emits no changed event when a change is rejected or changes nothing', async () => {
  const { keys, projects, changes } = setup();
  await expect(keys.delete('AAAAAAAAAAAAAAAA')).rejects.toMatchObject({ code: 'key_not_found' });
  const { key } = await keys.create({ name: 'CRM', permissions: ['conversations'] });
  await expect(keys.update(key.id, { name: 'X' }, { revision: 9 })).rejects.toMatchObject({ code: 'conflict' });
  await projects.clear('support');
  expect(changes.map(({ action }) => action)).toEqual(['key.created']);
});
