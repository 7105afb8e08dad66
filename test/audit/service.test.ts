import { createAuditService, type ListAuditInput } from '../../src/audit/service';
import { createProjectService } from '../../src/projects/service';
import { NOW, refusal, refusedPaths, setup as setupKeys, valid } from '../keys/setup';

function setup() {
  const made = setupKeys();
  const { store, clock } = made;
  return { ...made, audit: createAuditService({ store }), projects: createProjectService({ store, clock }) };
}

describe('the audit log', () => {
  test('shows who changed what, newest first, with times as dates', async () => {
    const { keys, projects, audit, clock } = setup();
    const { key } = await keys.create(valid, { actor: 'ops', source: '192.0.2.1' });
    clock.advance(1000);
    await projects.set('p1', { transcript: true, metrics: [] }, { actor: 'bo' });
    const { entries, cursor } = await audit.list();
    expect(cursor).toBeNull();
    expect(entries).toMatchObject([
      { action: 'project.configured', target: 'p1', actor: 'bo', source: null, at: new Date(NOW + 1000) },
      { action: 'key.created', target: key.id, name: 'CRM', actor: 'ops', source: '192.0.2.1', at: new Date(NOW) },
    ]);
  });

  test('audit.list returns the entries of one workspace', async () => {
    const { keys, audit } = setup();
    await keys.create({ ...valid, workspaceId: 'acme' });
    expect((await audit.list()).entries).toEqual([]);
    expect((await audit.list({ workspaceId: 'acme' })).entries).toHaveLength(1);
  });

  test('audit.list returns no token, secret or digest', async () => {
    const { keys, audit, store } = setup();
    const { key, token } = await keys.create(valid);
    const { digest } = (await store.getKey(key.id))!;
    await keys.update(key.id, { name: 'New' });
    const rotated = await keys.rotate(key.id, { overlap: 0 });
    await keys.delete(key.id);
    const text = JSON.stringify((await audit.list()).entries);
    for (const secret of [digest, token.slice(20, 52), rotated.token.slice(20, 52)]) expect(text).not.toContain(secret);
  });

  test('audit.list filters by target, actor and action', async () => {
    const { keys, audit } = setup();
    const { key } = await keys.create(valid, { actor: 'ops' });
    await keys.create(valid, { actor: 'bo' });
    await keys.update(key.id, { disabled: true }, { actor: 'bo' });
    const actions = async (input: ListAuditInput) => (await audit.list(input)).entries.map(({ action }) => action);
    expect(await actions({ target: key.id })).toEqual(['key.updated', 'key.created']);
    expect(await actions({ actor: 'bo' })).toEqual(['key.updated', 'key.created']);
    expect(await actions({ action: 'key.updated' })).toEqual(['key.updated']);
    expect(await actions({ target: key.id, actor: 'ops', action: 'key.updated' })).toEqual([]);
  });

  test('audit.list returns all pages by cursor while entries are added', async () => {
    const { keys, audit, clock } = setup();
    const ids: string[] = [];
    for (let index = 0; index < 11; index++) {
      clock.advance(index % 2);
      ids.unshift((await keys.create(valid)).key.id);
    }
    const found: string[] = [];
    let page = await audit.list({ limit: 3 });
    for (;;) {
      found.push(...page.entries.map(({ target }) => target));
      if (page.cursor === null) break;
      await keys.create(valid);
      page = await audit.list({ limit: 3, cursor: page.cursor });
    }
    expect(found).toEqual(ids);
  });

  test('audit.list rejects cursors of other lists, invalid cursors and unknown filters', async () => {
    const { keys, audit } = setup();
    await keys.create(valid);
    await keys.create(valid);
    const cursor = (await audit.list({ limit: 1 })).cursor!;
    const keysCursor = (await keys.list({ limit: 1 })).cursor!;
    const forged = Buffer.from(
      Buffer.from(cursor, 'base64url')
        .toString()
        .replace(/\d+-\d+/, '+'),
    ).toString('base64url');
    const wrong: [object, string[]][] = [
      [{ cursor, actor: 'ops' }, ['cursor']],
      [{ cursor, workspaceId: 'acme' }, ['cursor']],
      [{ cursor: keysCursor }, ['cursor']],
      [{ cursor: forged }, ['cursor']],
      [{ cursor: '1-0' }, ['cursor']],
      [{ limit: 0, action: 'key.deletd' }, ['action', 'limit']],
      [{ target: '' }, ['target']],
      [{ since: 0 }, ['since']],
    ];
    for (const [input, paths] of wrong) expect(await refusedPaths(audit.list(input as ListAuditInput))).toEqual(paths);
    expect((await refusal(audit.list({ action: 'key.deletd' as never }))).message).toContain('"key.deleted"?');
  });
});
