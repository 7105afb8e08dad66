import { expresses } from '../support/express-versions';
import { setup, valid } from './setup';

describe.each(expresses)('If-Match on %s', (_name, express) => {
  async function withKey(edits = 2) {
    const { keys, ...rest } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    for (let edit = 1; edit <= edits; edit++) await keys.update(key.id, { name: `Edit ${edit}` });
    return { ...rest, keys, path: `/keys/${key.id}`, id: key.id };
  }

  const changes = [
    ['PATCH', 'patch', '', { name: 'Mine' }, 200],
    ['DELETE', 'delete', '', undefined, 204],
    ['rotate', 'post', '/rotate', { overlap: 0 }, 201],
  ] as const;

  test.each(changes)('%s of the revision that was seen is taken', async (_what, method, more, body, status) => {
    for (const tag of ['"3"', '*', '"2", "3"', ' "x" ,"3" ']) {
      const { as, path } = await withKey();
      await as()
        [method](path + more)
        .set('if-match', tag)
        .send(body)
        .expect(status);
    }
  });

  test.each(changes)('%s of an older revision is refused and changes nothing', async (_what, method, more, body) => {
    for (const tag of ['"2"', 'W/"3"', '"03"', '"1", "2"', '"x"', '""']) {
      const { as, path, keys, id } = await withKey();
      const res = await as()
        [method](path + more)
        .set('if-match', tag)
        .send(body)
        .expect(412);
      expect(res.body.code).toBe('precondition_failed');
      expect(await keys.get(id)).toMatchObject({ revision: 3, name: 'Edit 2', rotatedTo: null });
    }
  });

  test.each(['3', '"3', 'W/3', '"3" "4"', ',', ''])('%j is no entity tag, and is refused as such', async (tag) => {
    const { as, path } = await withKey();
    const res = await as().patch(path).set('if-match', tag).send({ name: 'Mine' }).expect(400);
    expect(res.body.detail).toContain('If-Match: "3"');
  });

  test('the second of two changes at one revision responds 412 precondition_failed', async () => {
    const { as, path } = await withKey(0);
    const seen = (await as().get(path)).headers.etag as string;
    const answers = await Promise.all(
      ['First', 'Second', 'Third'].map((name) => as().patch(path).set('if-match', seen).send({ name })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  });

  test('a change between reading the revision and changing the key responds 412', async () => {
    const { keys, path, id, ...rest } = await withKey(0);
    // Another operator changes the key just after its revision was read.
    const { as } = setup(express, {
      store: rest.store,
      deps: {
        keys: {
          ...keys,
          async get(...args) {
            const found = await keys.get(...args);
            if (found.revision === 1) await keys.update(id, { name: 'Quicker' });
            return found;
          },
        },
      },
    });
    for (const [, method, more, body] of changes) {
      const res = await as()
        [method](path + more)
        .set('if-match', '"1"')
        .send(body)
        .expect(412);
      expect(res.body.code).toBe('precondition_failed');
    }
    expect(await keys.get(id)).toMatchObject({ name: 'Quicker' });
  });

  test('a key that has been rotated already is a conflict, whichever revision is named', async () => {
    const { as, path } = await withKey(0);
    await as().post(`${path}/rotate`).send({ overlap: '1d' }).expect(201);
    const { etag } = (await as().get(path)).headers;
    const res = await as()
      .post(`${path}/rotate`)
      .set('if-match', etag as string)
      .send({ overlap: 0 })
      .expect(409);
    expect(res.body.code).toBe('conflict');
  });
});
