import { generateToken } from '../../src/token/generate';
import { expresses } from '../support/express-versions';
import { ADMIN, DAY, EVE, MOUNT, NOW, READER, setup, valid } from './setup';

describe.each(expresses)('keys on %s', (_name, express) => {
  test('POST ensure creates the key of a given token once, changes it, and never returns the token', async () => {
    const { as, keys } = setup(express);
    const { token } = generateToken('ks', 'acme');
    const put = (body: object) =>
      as()
        .post('/keys/ensure')
        .send({ ...valid, token, ...body });
    const created = await put({ owner: { kind: 'user', id: 'bo' } }).expect(200);
    expect(created.body).toMatchObject({ name: 'CRM', workspaceId: 'acme', createdBy: 'admin@acme.test' });
    const { revision } = created.body;
    expect(created.headers.etag).toBe(`"${revision}"`);
    expect(created.text).not.toContain(token);
    expect((await put({}).expect(200)).body).toEqual(created.body);
    const changed = await put({ name: 'ERP', disabled: true }).expect(200);
    expect(changed.body).toMatchObject({ id: created.body.id, name: 'ERP', disabled: true, revision: revision + 1 });
    expect(changed.body.owner).toEqual({ kind: 'user', id: 'bo' });
    expect((await keys.list({ workspaceId: 'acme' })).total).toBe(1);
    // Another workspace has no access to it.
    expect(
      (
        await as(EVE)
          .post('/keys/ensure')
          .send({ ...valid, token })
          .expect(400)
      ).text,
    ).not.toContain(token);
    await as().post('/keys/ensure').send(valid).expect(400);
    await as()
      .post('/keys/ensure')
      .send({ ...valid, token: 'legacy-token-of-another-system' })
      .expect(400);
  });

  test('POST makes a key, shows its token, and says where the key is', async () => {
    const { as, keys } = setup(express);
    const res = await as()
      .post('/keys')
      .send({ ...valid, agents: ['a', 'b'], expiresIn: '90d' })
      .expect(201);
    const { key, token } = res.body;
    expect(Object.keys(res.body).sort()).toEqual(['key', 'token']);
    expect(token).toMatch(/^ks_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}$/);
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9A-Za-z]{16}$/),
      name: 'CRM',
      workspaceId: 'acme',
      agents: ['a', 'b'],
      permissions: ['conversations'],
      createdAt: new Date(NOW).toISOString(),
      createdBy: 'admin@acme.test',
      updatedAt: new Date(NOW).toISOString(),
      expiresAt: new Date(NOW + 90 * DAY).toISOString(),
      disabled: false,
      allowedIps: [],
      environment: null,
      owner: null,
      contact: null,
      metadata: {},
      revision: 1,
      masked: `${token.slice(0, 11)}************${token.slice(-4)}`,
      rotatedFrom: null,
      rotatedTo: null,
      exposure: null,
      rateLimit: null,
    });
    expect(res.headers.location).toBe(`${MOUNT}/keys/${key.id}`);
    expect(res.headers.etag).toBe('"1"');
    expect(await keys.get(key.id, { workspaceId: 'acme' })).toMatchObject({
      name: 'CRM',
      createdBy: 'admin@acme.test',
    });
  });

  test('GET /keys pages, searches and sorts', async () => {
    const { as, keys, clock } = setup(express);
    for (const name of ['Beta', 'alpha', 'Gamma']) {
      await keys.create({ ...valid, name, workspaceId: 'acme' });
      clock.advance(1000);
    }
    await keys.create({ ...valid, name: 'Elsewhere', workspaceId: 'evil' });
    const names = async (query: string) =>
      (await as().get(`/keys${query}`).expect(200)).body.keys.map(({ name }: { name: string }) => name);
    expect(await names('')).toEqual(['Gamma', 'alpha', 'Beta']);
    expect(await names('?sort=name')).toEqual(['alpha', 'Beta', 'Gamma']);
    expect(await names('?sort=created&order=asc')).toEqual(['Beta', 'alpha', 'Gamma']);
    expect(await names('?q=A%4dM')).toEqual(['Gamma']);
    const first = (await as().get('/keys?limit=2').expect(200)).body;
    expect(first.keys).toHaveLength(2);
    const second = (
      await as()
        .get(`/keys?limit=2&cursor=${encodeURIComponent(first.cursor)}`)
        .expect(200)
    ).body;
    expect(second).toMatchObject({ keys: [{ name: 'Beta' }], cursor: null });
  });

  test.each([
    ['?limit=0', 'limit', /1/],
    ['?limit=201', 'limit', /200/],
    ['?limit=ten', 'limit', /integer from 1 to 200/],
    ['?limit=1.5', 'limit', /integer from 1 to 200/],
    ['?sort=nmae', 'sort', /Did you mean "name"\?/],
    ['?sort=name&sort=created', 'sort', /once/],
    ['?sort[]=name', 'sort[]', /no such field/i],
    ['?serach=x', 'serach', /no such field/i],
    ['?workspaceId=evil', 'workspaceId', /no such field/i],
    ['?cursor=zzz', 'cursor', /cursor/],
    ['?__proto__=x', '__proto__', /no such field/i],
  ])('GET /keys%s is refused, naming the parameter', async (query, path, sentence) => {
    const res = await setup(express).as().get(`/keys${query}`).expect(400);
    expect(res.body).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
    expect(res.body.issues[0].message).toMatch(sentence);
  });

  test('GET /keys filters by owner, metadata, status and expiry', async () => {
    const { as, keys } = setup(express);
    const context = { workspaceId: 'acme' };
    const owner = { kind: 'user', id: 'ana' } as const;
    await keys.create({ ...valid, name: 'ana', owner, metadata: { team: 'billing', tier: 'a=b' } }, context);
    await keys.create({ ...valid, name: 'short', expiresIn: '10d' }, context);
    const list = async (query: string) => (await as().get(`/keys?${query}`).expect(200)).body;
    for (const [query, name] of [
      ['owner=user:ana', 'ana'],
      ['metadata=team=billing&metadata=tier=a=b', 'ana'],
      ['owner=none&status=active', 'short'],
      ['expiringWithin=30d', 'short'],
    ] as const) {
      const { keys: found, total, matching } = await list(query);
      expect({ query, names: found.map((key: { name: string }) => key.name), total, matching }).toEqual({
        query,
        names: [name],
        total: 2,
        matching: 1,
      });
    }
    expect((await list('unusedFor=1d')).keys).toEqual([]);
    const { issues } = (await as().get('/keys?owner=ana&status=on').expect(400)).body;
    expect(issues.map(({ path }: { path: string }) => path).sort()).toEqual(['owner', 'status']);
  });

  test('POST /keys/revoke-all and /keys/disable-all change the keys that match', async () => {
    const { as, keys } = setup(express);
    const owner = { kind: 'user', id: 'ana' } as const;
    for (const workspaceId of ['acme', 'acme', 'evil']) await keys.create({ ...valid, owner, workspaceId });
    const post = (path: string, body: object) => as().post(`/keys/${path}`).send(body);
    const dry = (await post('revoke-all', { owner: 'user:ana', dryRun: true }).expect(200)).body;
    expect(dry).toMatchObject({ dryRun: true, count: 2, cursor: null, sample: [{ owner }, { owner }] });
    expect((await post('disable-all', { owner, limit: 1 }).expect(200)).body).toMatchObject({ count: 1 });
    expect((await keys.list({ workspaceId: 'acme', status: 'disabled' })).matching).toBe(1);
    expect((await post('revoke-all', { metadata: { team: 'x' } }).expect(200)).body).toMatchObject({ count: 0 });
    for (const body of [{}, { dryRun: true }, { all: true, owner }, { limit: 1001, all: true }, { ownr: 1 }]) {
      expect((await post('revoke-all', body).expect(400)).body.code).toBe('invalid_request');
    }
    await as(READER).post('/keys/revoke-all').send({ all: true }).expect(403);
    expect((await post('revoke-all', { all: true }).expect(200)).body).toMatchObject({ count: 2 });
    expect((await keys.list({ workspaceId: 'acme' })).total).toBe(0);
    expect((await keys.list({ workspaceId: 'evil' })).total).toBe(1);
  });

  test('GET /keys/:id shows one key under its revision', async () => {
    const { as, keys } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const res = await as().get(`/keys/${key.id}`).expect(200);
    expect(res.body).toMatchObject({ id: key.id, masked: key.masked, revision: 1 });
    expect(res.headers.etag).toBe('"1"');
  });

  test('PATCH changes what is given and keeps what is not', async () => {
    const { as, keys } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const patch = as().patch;
    const renamed = await patch(`/keys/${key.id}`).send({ name: 'New' }).expect(200);
    expect(renamed.body).toMatchObject({ name: 'New', permissions: ['conversations'], disabled: false, revision: 2 });
    expect(renamed.headers.etag).toBe('"2"');
    const more = await patch(`/keys/${key.id}`)
      .send({ permissions: ['handoff'], disabled: true })
      .expect(200);
    expect(more.body).toMatchObject({ name: 'New', permissions: ['handoff'], disabled: true, revision: 3 });
    const enabled = await patch(`/keys/${key.id}`).send({ disabled: false }).expect(200);
    expect(enabled.body).toMatchObject({ disabled: false });
  });

  test.each([
    [{ name: null }, 'invalid_request', ['name'], /Received null/],
    [{ permissions: null }, 'invalid_request', ['permissions'], /Received null/],
    [{ disabled: null }, 'invalid_request', ['disabled'], /Received null/],
    [{ name: null, disabled: 'yes' }, 'invalid_request', ['disabled', 'name'], /true or false/],
    [
      {},
      'invalid_request',
      [''],
      /at least one of: name, permissions, disabled, allowedIps, rateLimit, owner, contact, metadata/,
    ],
    [{ nmae: 'x' }, 'invalid_request', ['nmae'], /Did you mean "name"\?/],
    [{ name: 'x', agents: 'all' }, 'immutable_field', ['agents'], /fixed at its creation/],
    [{ expiresAt: '2031-01-01' }, 'immutable_field', ['expiresAt'], /Rotate the key/],
    [{ revision: 1 }, 'immutable_field', ['revision'], /If-Match/],
    [{ workspaceId: 'evil' }, 'immutable_field', ['workspaceId'], /fixed/],
    [{ id: 'x', token: 'y' }, 'immutable_field', ['id', 'token'], /fixed/],
    [{ permissions: [] }, 'invalid_request', ['permissions'], /at least/],
    [{ permissions: ['handof'] }, 'invalid_request', ['permissions.0'], /Did you mean "handoff"\?/],
    [{ permissions: ['handoff', 'handoff'] }, 'invalid_request', ['permissions.1'], /once/],
    [{ name: 'x'.repeat(101) }, 'invalid_request', ['name'], /1–100/],
    [[], 'invalid_request', [''], /object/],
    ['x', 'invalid_request', [''], /object/],
  ])('PATCH with %j is refused and changes nothing', async (body, code, paths, sentence) => {
    const { as, keys } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const res = await as()
      .patch(`/keys/${key.id}`)
      .set('content-type', 'application/json')
      .send(JSON.stringify(body))
      .expect(400);
    expect(res.body.code).toBe(code);
    expect(res.body.issues.map(({ path }: { path: string }) => path).sort()).toEqual(paths);
    expect(res.body.detail).toMatch(sentence);
    expect(res.body.detail).not.toContain('keys.update');
    expect((await keys.get(key.id)).revision).toBe(1);
  });

  test.each([
    [{ ...valid, workspaceId: 'evil' }, 'workspaceId', /no such field/i],
    [{ ...valid, createdBy: 'someone' }, 'createdBy', /no such field/i],
    [{ ...valid, id: 'x' }, 'id', /no such field/i],
    [{ ...valid, agents: [] }, 'agents', /never means "all"/],
    [{ ...valid, agents: null }, 'agents', /Expected 'all'/],
    [{ ...valid, agents: ['a', 'all'] }, 'agents.1', /by itself/],
    [{ ...valid, agents: ['a', 'a'] }, 'agents.1', /once/],
    [{ ...valid, agents: Array.from({ length: 1001 }, (_, index) => `a${index}`) }, 'agents', /1000/],
    [{ ...valid, permissions: [] }, 'permissions', /at least one of: conversations/],
    [{ ...valid, permissions: ['admin'] }, 'permissions.0', /Accepted/],
    [{ agents: 'all', permissions: ['handoff'] }, 'name', /1–100/],
    [{ ...valid, expiresAt: '2029-12-31' }, 'expiresAt', /future/],
    [{ ...valid, expiresAt: null }, 'expiresAt', /keysWithoutExpiry/],
    [{ ...valid, expiresAt: '2031-02-30' }, 'expiresAt', /ISO 8601/],
    [{ ...valid, expiresIn: 'soon' }, 'expiresIn', /90d/],
    [{ ...valid, expiresIn: '1d', expiresAt: '2031-01-01' }, 'expiresIn', /not both/],
  ])('POST refuses %j', async (body, path, sentence) => {
    const { as, keys } = setup(express);
    const res = await as().post('/keys').send(body).expect(400);
    expect(res.body).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
    expect(res.body.issues[0].message).toMatch(sentence);
    expect((await keys.list({ workspaceId: 'acme' })).keys).toEqual([]);
    expect((await keys.list({ workspaceId: 'evil' })).keys).toEqual([]);
  });

  test('POST reports everything that is wrong at once', async () => {
    const res = await setup(express)
      .as()
      .post('/keys')
      .send({ name: '', agents: ['a', 'a'], permissions: ['handoff'], expiresIn: 'x' });
    expect(res.body.issues.map(({ path }: { path: string }) => path)).toEqual(['name', 'agents.1', 'expiresIn']);
  });

  test('DELETE ends a key, once', async () => {
    const { as, keys } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const res = await as().delete(`/keys/${key.id}`).expect(204);
    expect(res.text).toBe('');
    await as().get(`/keys/${key.id}`).expect(404);
    expect((await as().delete(`/keys/${key.id}`).expect(404)).body.code).toBe('key_not_found');
  });

  test('rotate replaces a key, and the old one ends after the overlap', async () => {
    const { as, keys } = setup(express);
    const { key, token } = await keys.create({ ...valid, workspaceId: 'acme', expiresIn: '30d' });
    const res = await as().post(`/keys/${key.id}/rotate`).send({ overlap: '24h' }).expect(201);
    expect(res.body.token).not.toBe(token);
    expect(res.body.key).toMatchObject({ name: 'CRM', rotatedFrom: key.id, createdBy: 'admin@acme.test', revision: 1 });
    expect(res.headers.location).toBe(`${MOUNT}/keys/${res.body.key.id}`);
    const old = (await as().get(`/keys/${key.id}`).expect(200)).body;
    expect(old).toMatchObject({ rotatedTo: res.body.key.id, expiresAt: new Date(NOW + DAY).toISOString() });
    const again = await as().post(`/keys/${key.id}/rotate`).send({ overlap: 0 }).expect(409);
    expect(again.body).toMatchObject({ code: 'conflict', detail: expect.stringContaining(res.body.key.id) });
  });

  test.each([{}, { overlap: null }, { overlap: -1 }, { overlap: 'a while' }])(
    'rotate wants to know the overlap: %j will not do',
    async (body) => {
      const { as, keys } = setup(express);
      const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
      const res = await as().post(`/keys/${key.id}/rotate`).send(body).expect(400);
      expect(res.body.issues).toMatchObject([{ path: 'overlap', message: expect.stringMatching(/90d/) }]);
    },
  );

  test("another workspace's key answers exactly as one that does not exist, byte for byte, and stays as it is", async () => {
    const { as, keys } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    const requests = [
      () => as(EVE).get(`/keys/${key.id}`),
      () => as(EVE).head(`/keys/${key.id}`),
      () => as(EVE).patch(`/keys/${key.id}`).send({ name: 'Mine' }),
      () => as(EVE).patch(`/keys/${key.id}`).set('if-match', '"1"').send({ name: 'Mine' }),
      () => as(EVE).patch(`/keys/${key.id}`).set('if-match', '"7"').send({ name: 'Mine' }),
      () => as(EVE).delete(`/keys/${key.id}`),
      () => as(EVE).delete(`/keys/${key.id}`).set('if-match', '*'),
      () => as(EVE).post(`/keys/${key.id}/rotate`).send({ overlap: 0 }),
      () => as(EVE).post(`/keys/${key.id}/rotate`).set('idempotency-key', 'k').send({ overlap: 0 }),
    ];
    const answersOf = async () => {
      const answers = [];
      for (const made of requests) {
        const { status, headers, text } = await made();
        const { date: _, ...others } = headers;
        answers.push({ status, headers: others, text });
      }
      return answers;
    };
    const existing = await answersOf();
    expect(await keys.get(key.id)).toEqual(key);
    await keys.delete(key.id);
    expect(existing).toEqual(await answersOf());
    expect(existing.map(({ status }) => status)).toEqual(existing.map(() => 404));
  });

  test('an invalid id responds 404 and is not repeated in the response', async () => {
    const { as } = setup(express);
    const token = (await as(ADMIN).post('/keys').send(valid)).body.token;
    const res = await as().get(`/keys/${token}`).expect(404);
    expect(res.text).not.toContain(token);
    await as().get('/keys/%E0%A4%A').expect(404);
  });
});
