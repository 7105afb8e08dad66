import { generateToken } from '../../src/token/generate';
import { DAY, NOW, refusal, refusedPaths, setup, valid } from './setup';

const unknownId = () => generateToken('ks', 'default').id;
const notIds = ['', 'x', 'x'.repeat(15), 'x'.repeat(17), `${'x'.repeat(15)}-`, '__proto__', undefined, null, 7, {}];

/** A service whose store fails the test if a key is read or changed. */
function setupWithoutStore() {
  const { store } = setup();
  const never = () => {
    throw new Error('the store was asked');
  };
  return setup({ store: { ...store, getKey: never, updateKey: never, deleteKey: never, rotateKey: never } });
}

describe('a key that is not there', () => {
  test('every operation rejects key_not_found when the id is unknown', async () => {
    const { keys } = setup();
    const id = unknownId();
    for (const call of [
      keys.get(id),
      keys.update(id, { name: 'New' }),
      keys.rotate(id, { overlap: 0 }),
      keys.delete(id),
    ]) {
      expect(await refusal(call)).toMatchObject({ code: 'key_not_found', status: 404 });
    }
  });

  test('every operation rejects an invalid id without a read of the store', async () => {
    const { keys } = setupWithoutStore();
    for (const id of notIds as string[]) {
      for (const call of [
        keys.get(id),
        keys.update(id, { name: 'New' }),
        keys.rotate(id, { overlap: 0 }),
        keys.delete(id),
      ]) {
        expect((await refusal(call)).code).toBe('key_not_found');
      }
    }
  });

  test('key_not_found does not repeat the id, which could be a token', async () => {
    const { keys } = setup();
    const { token } = await keys.create(valid);
    expect((await refusal(keys.get(token))).message).toMatch(/^There is no such key\. .* a token is not an id\.$/);
  });

  test('key_not_found is the same for a key of another workspace', async () => {
    const { keys } = setup();
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const elsewhere = { workspaceId: 'globex' };
    const missing = unknownId();
    const asked: [string, (id: string) => Promise<unknown>][] = [
      ['get', (id) => keys.get(id, elsewhere)],
      ['update', (id) => keys.update(id, { disabled: true }, elsewhere)],
      ['rotate', (id) => keys.rotate(id, { overlap: 0 }, elsewhere)],
      ['delete', (id) => keys.delete(id, elsewhere)],
    ];
    for (const [, ask] of asked) {
      const [theirs, none] = [await refusal(ask(key.id)), await refusal(ask(missing))];
      expect(theirs.code).toBe('key_not_found');
      expect(theirs.message.replace(key.id, '')).toBe(none.message.replace(missing, ''));
    }
    expect(await keys.get(key.id, { workspaceId: 'acme' })).toEqual(key);
  });
});

describe('the workspace of a call', () => {
  test('a context without workspaceId covers every workspace, and undefined is rejected', async () => {
    const { keys } = setup();
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const user: { workspaceId?: string } = {};
    expect(await keys.get(key.id)).toEqual(key);
    expect(await keys.get(key.id, {})).toEqual(key);
    for (const call of [
      keys.get(key.id, { workspaceId: user.workspaceId }),
      keys.update(key.id, { disabled: true }, { workspaceId: user.workspaceId }),
      keys.rotate(key.id, { overlap: 0 }, { workspaceId: user.workspaceId }),
      keys.delete(key.id, { workspaceId: user.workspaceId }),
    ]) {
      expect(await refusedPaths(call)).toEqual(['workspaceId']);
    }
    expect(await keys.get(key.id)).toEqual(key);
  });

  test('mistyped is refused, rather than taken for left out', async () => {
    const { keys } = setup();
    const { key } = await keys.create(valid);
    const error = await refusal(keys.get(key.id, { workspaceID: 'acme' } as never));
    expect(error.message).toContain('Did you mean "workspaceId"?');
  });
});

describe('updating a key', () => {
  test('keys.update changes the given fields and keeps the rest', async () => {
    const { keys, clock } = setup();
    const { key } = await keys.create({ ...valid, agents: ['p1'] });
    clock.advance(1000);
    const renamed = await keys.update(key.id, { name: ' New name ' });
    expect(renamed).toEqual({ ...key, name: 'New name', updatedAt: new Date(NOW + 1000), revision: 2 });
    const more = await keys.update(key.id, { permissions: ['handoff'], name: undefined });
    expect(more).toEqual({ ...renamed, permissions: ['handoff'], revision: 3 });
    const disabled = await keys.update(key.id, { disabled: true });
    expect(disabled).toEqual({ ...more, disabled: true, revision: 4 });
    expect(await keys.update(key.id, { disabled: false })).toEqual({ ...more, revision: 5 });
    expect(await keys.get(key.id)).toEqual({ ...more, revision: 5 });
  });

  test('records who did it and from where', async () => {
    const { keys, store } = setup();
    const { key } = await keys.create(valid);
    await keys.update(key.id, { name: 'New' }, { actor: 'ops', source: '192.0.2.1', workspaceId: 'default' });
    const { entries } = await store.listAudit({ workspaceId: 'default', limit: 1, before: null });
    expect(entries[0]).toMatchObject({ action: 'key.updated', actor: 'ops', source: '192.0.2.1', at: NOW });
  });

  test('keys.update rejects immutable_field with an alternative when a field is fixed at creation', async () => {
    const { keys } = setup();
    const { key } = await keys.create(valid);
    const fixed: [object, RegExp][] = [
      [{ agents: ['p1'] }, /Create another key for other agents/],
      [{ expiresAt: NOW + DAY }, /Rotate the key/],
      [{ expiresIn: '1d' }, /Rotate the key/],
      [{ workspaceId: 'acme' }, /in the other workspace/],
      [{ id: unknownId() }, /fixed at the creation/],
      [{ token: 'x' }, /Rotate the key/],
      [{ revision: 7 }, /in the context as `\{ revision \}`/],
      [{ rotatedTo: null }, /keyscope sets this field/],
    ];
    for (const [changes, sentence] of fixed) {
      const error = await refusal(keys.update(key.id, changes as never));
      expect(error).toMatchObject({ code: 'immutable_field', status: 400 });
      expect(error.issues.map(({ path }) => path)).toEqual(Object.keys(changes));
      expect(error.message).toMatch(sentence);
    }
    const both = await refusal(keys.update(key.id, { name: 'New', agents: 'all', expiresIn: '1d' } as never));
    expect(both.issues.map(({ path }) => path)).toEqual(['agents', 'expiresIn']);
    expect(await keys.get(key.id)).toEqual(key);
  });

  test('keys.update rejects unknown fields, invalid values and an empty input', async () => {
    const { keys } = setup();
    const { key } = await keys.create(valid);
    const wrong: [unknown, string[]][] = [
      [{ nmae: 'New' }, ['nmae']],
      [{ name: '' }, ['name']],
      [{ permissions: [] }, ['permissions']],
      [{ permissions: ['nothing'], disabled: 'yes' }, ['disabled', 'permissions.0']],
      [{ disabled: null }, ['disabled']],
      [{}, ['']],
      [{ name: undefined }, ['']],
      [undefined, ['']],
      [null, ['']],
      [[], ['']],
    ];
    for (const [changes, paths] of wrong) {
      expect(await refusedPaths(keys.update(key.id, changes as never))).toEqual(paths);
    }
    expect((await refusal(keys.update(key.id, {}))).message).toContain(
      'at least one of: name, permissions, disabled, allowedIps, rateLimit, owner, contact, metadata',
    );
    expect(await keys.get(key.id)).toEqual(key);
  });

  test('keys.update rejects conflict and changes nothing when the revision is not the latest', async () => {
    const { keys } = setup();
    const { key } = await keys.create(valid);
    const second = await keys.update(key.id, { name: 'Second' }, { revision: 1 });
    expect(second.revision).toBe(2);
    const error = await refusal(keys.update(key.id, { name: 'Third' }, { revision: 1 }));
    expect(error).toMatchObject({ code: 'conflict', status: 409 });
    expect(await keys.get(key.id)).toEqual(second);
    expect(await refusedPaths(keys.update(key.id, { name: 'Third' }, { revision: '2' as never }))).toEqual([
      'revision',
    ]);
  });
});

describe('deleting a key', () => {
  test('keys.delete deletes the key once', async () => {
    const { keys, store } = setup();
    const { key } = await keys.create(valid);
    const other = await keys.create(valid);
    expect(await keys.delete(key.id, { actor: 'ops', source: 'cli' })).toBeUndefined();
    expect((await refusal(keys.get(key.id))).code).toBe('key_not_found');
    expect((await refusal(keys.delete(key.id))).code).toBe('key_not_found');
    expect((await keys.list()).keys).toEqual([other.key]);
    const { entries } = await store.listAudit({ workspaceId: 'default', limit: 1, before: null });
    expect(entries[0]).toMatchObject({ action: 'key.deleted', actor: 'ops', source: 'cli', target: key.id });
  });

  test('keys.delete rejects conflict when the revision is not the latest', async () => {
    const { keys } = setup();
    const { key } = await keys.create(valid);
    await keys.update(key.id, { name: 'New' });
    expect((await refusal(keys.delete(key.id, { revision: 1 }))).code).toBe('conflict');
    await keys.delete(key.id, { revision: 2 });
  });
});
