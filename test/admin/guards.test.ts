import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { AdminRouterOptions } from '../../src/admin/options';
import { createAuditService } from '../../src/audit/service';
import { createMemoryStore } from '../../src/store/memory';
import { expresses } from '../support/express-versions';
import { ADMIN, MOUNT, READER, setup, valid } from './setup';

type Options = Partial<AdminRouterOptions>;

const WRITES = [
  ['post', '/keys', valid],
  ['patch', '/keys/0000000000000000', { name: 'x' }],
  ['delete', '/keys/0000000000000000', undefined],
  ['post', '/keys/0000000000000000/rotate', { overlap: 0 }],
  ['put', '/projects/p/configuration', { transcript: true, metrics: 'all' }],
  ['delete', '/projects/p/configuration', undefined],
] as const;
const READS = [
  '/keys',
  '/keys/0000000000000000',
  '/projects',
  '/projects/p/configuration',
  '/permissions',
  '/agents',
  '/metrics',
  '/audit',
  '/session',
  '/openapi.json',
];

test.each([
  [undefined, /authenticate.*Expected a function.*nothing/],
  [{}, /authenticate.*anyone could manage/],
  [{ authenticate: true }, /authenticate/],
  [{ authenticate() {}, authentcate() {} }, /authentcate.*no such field.*Did you mean "authenticate"\?/i],
  [{ authenticate() {}, metricNames: [1] }, /metricNames.*array of names/],
  [{ authenticate() {}, allowedOrigins: ['https://a.test/path'] }, /allowedOrigins.*without a path/],
  [{ authenticate() {}, maxBody: 10 }, /maxBody/],
  [{ authenticate() {}, challenge: 'Basic\r\nX: y' }, /challenge/],
])('the router refuses the options %j at once', (options, sentence) => {
  expect(() => setup(undefined, { router: { authenticate: undefined, ...(options as Options) } })).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(sentence) }),
  );
});

describe.each(expresses)('on %s', (_name, express) => {
  describe('the router with `authenticate`', () => {
    const cases: [string, Options['authenticate'], boolean][] = [
      ['null', () => null, false],
      ['undefined', () => undefined, false],
      ['false', async () => false as const, false],
      [
        'a throw',
        () => {
          throw new Error('session store down');
        },
        true,
      ],
      ['a rejection', () => Promise.reject(new Error('session store down')), true],
      ['true', (() => true) as never, true],
      ['text', (() => 'acme') as never, true],
      ['an empty object', (() => ({})) as never, true],
      ['no actor', (() => ({ workspaceId: 'acme' })) as never, true],
      ['an empty workspace', () => ({ workspaceId: '', actor: 'a' }), true],
      ['a workspace that is no text', (() => ({ workspaceId: ['acme'], actor: 'a' })) as never, true],
      ['a misspelt readOnly', (() => ({ workspaceId: 'acme', actor: 'a', readonly: true })) as never, true],
      ['a readOnly that is no boolean', (() => ({ workspaceId: 'acme', actor: 'a', readOnly: 'no' })) as never, true],
    ];
    test.each(cases)('%s', async (_what, authenticate, isReported) => {
      const { as, reported, keys } = setup(express, { router: { authenticate } });
      for (const path of READS) {
        const res = await as().get(path).expect(401);
        expect(res.body).toMatchObject({ code: 'unauthenticated', type: 'urn:keyscope:problem:unauthenticated' });
        expect(res.headers['www-authenticate']).toBe('Session realm="api-keys"');
        expect(res.text).not.toContain('session store');
      }
      for (const [method, path, body] of WRITES) await as()[method](path).send(body).expect(401);
      await as().get('/nothing').expect(401);
      await as().options('/keys').expect(401);
      expect((await keys.list({ workspaceId: 'acme' })).keys).toEqual([]);
      expect(reported.length > 0).toBe(isReported);
      for (const error of reported) expect(error).toMatchObject({ code: 'internal_error', cause: expect.anything() });
    });

    test('adminRouter reports what authenticate must return when it returns true', async () => {
      const { as, reported } = setup(express, { router: { authenticate: (() => true) as never } });
      await as().get('/keys').expect(401);
      expect(reported[0]?.message).toContain('Expected { workspaceId, actor }, or null');
    });

    test('an API key, which opens nothing here', async () => {
      const { as, keys } = setup(express);
      const { token } = await keys.create({ ...valid, workspaceId: 'acme', permissions: ['conversations'] });
      await as(null).get('/keys').set('x-api-key', token).expect(401);
      await as(null).post('/keys').set('x-api-key', token).send(valid).expect(401);
      await as(null).get('/keys').set('authorization', `Bearer ${token}`).expect(401);
    });
  });

  test('the challenge is the one in the options', async () => {
    const { as } = setup(express, { router: { challenge: 'Basic realm="admin"' } });
    expect((await as(null).get('/keys')).headers['www-authenticate']).toBe('Basic realm="admin"');
  });

  test('a read-only operator can read everything and change nothing', async () => {
    const { as, keys } = setup(express);
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    for (const path of READS.filter((path) => !path.includes('000'))) await as(READER).get(path).expect(200);
    await as(READER).get(`/keys/${key.id}`).expect(200);
    for (const [method, path, body] of WRITES) {
      const res = await as(READER)[method](path).send(body).expect(403);
      expect(res.body.code).toBe('read_only');
    }
    await as(READER).delete(`/keys/${key.id}`).expect(403);
    expect((await keys.list({ workspaceId: 'acme' })).keys).toEqual([key]);
  });

  describe('changes are taken from', () => {
    const change = (headers: Record<string, string>, options: Options = {}, trustProxy?: unknown) => {
      const { app, as } = setup(express, { router: options });
      if (trustProxy !== undefined) app.set('trust proxy', trustProxy);
      return as().put('/projects/p/configuration').set(headers).send({ transcript: true, metrics: [] });
    };

    test.each<[string, Record<string, string>]>([
      ['a page of this origin', { 'sec-fetch-site': 'same-origin', origin: 'http://anything.test' }],
      ['the person themselves', { 'sec-fetch-site': 'none' }],
      ['a program that is no browser', {}],
      ['an older browser, by Origin', { host: 'app.test', origin: 'https://app.test' }],
      ['an older browser, on a port', { host: 'app.test:8080', origin: 'http://app.test:8080' }],
      ['an older browser, whose Host names the default port', { host: 'app.test:443', origin: 'https://app.test' }],
    ])('changes are accepted from %s', async (_who, headers) => {
      await change(headers).expect(200);
    });

    test.each<[string, Record<string, string>]>([
      ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' }],
      ['another site without Origin', { 'sec-fetch-site': 'cross-site' }],
      ['a sibling', { 'sec-fetch-site': 'same-site', origin: 'https://blog.app.test' }],
      [
        'another site that names this host',
        { 'sec-fetch-site': 'cross-site', host: 'app.test', origin: 'https://app.test' },
      ],
      ['another site, by Origin', { host: 'app.test', origin: 'https://evil.test' }],
      ['another port', { host: 'app.test', origin: 'https://app.test:8443' }],
      ['a sandboxed frame', { host: 'app.test', origin: 'null' }],
      ['an extension', { host: 'app.test', origin: 'chrome-extension://app.test' }],
      ['a name that begins alike', { host: 'app.test', origin: 'https://app.test.evil.test' }],
      ['a Host that is none', { host: 'app.test/', origin: 'https://evil.test' }],
      [
        'a forwarded host without trust proxy',
        { host: 'app.test', origin: 'https://evil.test', 'x-forwarded-host': 'evil.test' },
      ],
      ['an unknown kind of site', { 'sec-fetch-site': 'same-planet' }],
    ])('requests are denied when authenticate %s', async (_who, headers) => {
      const res = await change(headers).expect(403);
      expect(res.body.code).toBe('cross_origin');
      expect(res.headers['access-control-allow-origin']).toBeUndefined();
    });

    test('an allowed origin, and the forwarded host of a trusted proxy', async () => {
      const origin = 'https://admin.test';
      await change({ host: 'internal:3000', origin }, { allowedOrigins: [origin] }).expect(200);
      await change({ 'sec-fetch-site': 'cross-site', origin }, { allowedOrigins: [origin] }).expect(200);
      const proxied = { host: 'internal:3000', origin, 'x-forwarded-host': 'admin.test, internal' };
      await change(proxied, {}, true).expect(200);
      await change(proxied, {}, false).expect(403);
    });

    test('no page at all by way of reading: GET changes nothing and is not asked', async () => {
      await setup(express).as().get('/keys').set('sec-fetch-site', 'cross-site').expect(200);
    });
  });

  describe('bodies', () => {
    const JSON_BODY = JSON.stringify(valid);
    const post = (type: string | null, body: string | Buffer, headers: Record<string, string> = {}) => {
      const made = setup(express, { router: { maxBody: 2048 } })
        .as()
        .post('/keys')
        .set(headers);
      return (type === null ? made.set('content-type', '') : made.set('content-type', type)).send(body);
    };

    test.each(['application/json', 'Application/JSON; Charset="UTF-8"', 'application/json;charset=utf-8'])(
      'bodies of type %s are accepted',
      async (type) => {
        await post(type, JSON_BODY).expect(201);
      },
    );

    test.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/json; charset=latin1',
      'application/jsonp',
      'text/plain; application/json',
      'application/merge-patch+json',
    ])('bodies of type %s respond 415 unsupported_media_type', async (type) => {
      expect((await post(type, JSON_BODY).expect(415)).body.code).toBe('unsupported_media_type');
    });

    test('bodies without a type or with an encoding respond 415', async () => {
      await post(null, JSON_BODY).expect(415);
      await post('application/json', JSON_BODY, { 'content-encoding': 'gzip' }).expect(415);
      await setup(express).as().post('/keys').expect(415);
    });

    test.each([
      ['', 'not JSON'],
      ['{"name":', 'not JSON'],
      ['null', 'object'],
      ['7', 'object'],
      ['[]', 'object'],
      ['"text"', 'object'],
    ])('such as %j are refused', async (body, sentence) => {
      const res = await post('application/json', body).expect(400);
      expect(res.body).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining(sentence) });
    });

    test('bodies that are not UTF-8 respond 400 invalid_request', async () => {
      const { as } = setup(express);
      const latin1 = Buffer.from(JSON.stringify({ ...valid, name: 'Größe' }), 'latin1');
      const made = as().post('/keys').set('content-type', 'application/json');
      made.write(latin1 as never);
      expect((await made.expect(400)).body.detail).toContain('UTF-8');
    });

    test('bodies do not pollute prototypes', async () => {
      const body = `{"name":"x","agents":"all","permissions":["handoff"],"__proto__":{"expiresIn":"1d"}}`;
      await post('application/json', body).expect(400);
      await post('application/json', '{"constructor":{"prototype":{"x":1}}}').expect(400);
      expect(({} as { x?: number }).x).toBeUndefined();
    });

    test('bodies that are too long respond 413, by their length and by their bytes', async () => {
      const long = JSON.stringify({ ...valid, name: 'x'.repeat(2048) });
      expect((await post('application/json', long).expect(413)).body.code).toBe('payload_too_large');
      const { app } = setup(express, { router: { maxBody: 2048 } });
      const answer = await endless(app);
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    });

    test('bodies are not read when the request is not signed in', async () => {
      const { as } = setup(express, { router: { maxBody: 2048 } });
      await as(null)
        .post('/keys')
        .send({ name: 'x'.repeat(5000) })
        .expect(401);
    });

    test.each<[string, () => import('express').RequestHandler]>([
      ['express.json()', () => express.json()],
      ['express.json({ strict: false })', () => express.json({ strict: false })],
      ['express.text() of JSON', () => express.text({ type: 'application/json' })],
      ['express.raw() of JSON', () => express.raw({ type: 'application/json' })],
      ['express.urlencoded()', () => express.urlencoded({ extended: true })],
    ])('bodies are accepted behind %s', async (_what, parser) => {
      const { as } = setup(express, { before: [parser()], router: { maxBody: 2048 } });
      await as().post('/keys').send(valid).expect(201);
      await as()
        .post('/keys')
        .send({ ...valid, agents: [] })
        .expect(400);
      await as()
        .post('/keys')
        .send({ ...valid, name: 'x'.repeat(3000) })
        .expect(413);
      await as().post('/keys').type('form').send('name=x').expect(415);
      const empty = await as().post('/keys').set('content-type', 'application/json').send('').expect(400);
      expect(empty.body.detail).toContain('not JSON');
    });

    test('bodies that another middleware has consumed respond 500', async () => {
      const swallow: import('express').RequestHandler = (req, _res, next) => {
        req.resume().on('end', () => next());
      };
      const { as, reported } = setup(express, { before: [swallow] });
      expect((await as().post('/keys').send(valid).expect(500)).body.code).toBe('internal_error');
      expect(reported[0]?.message).toContain('req.body');
    });
  });

  test('every answer forbids caches, sniffing and embedding, and allows no other origin', async () => {
    const { as } = setup(express);
    const answers = [
      await as().get('/keys').set('origin', 'https://evil.test').expect(200),
      await as().post('/keys').send(valid).expect(201),
      await as().post('/keys').send({}).expect(400),
      await as(null).get('/keys').expect(401),
      await as().get('/keys/0').expect(404),
      await as().get('/nothing').expect(404),
      await as().delete('/keys').expect(405),
      await as().options('/keys').expect(204),
      await as().delete('/projects/p/configuration').expect(204),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  test('paths that are none answer 404, whatever the method', async () => {
    const { as } = setup(express);
    for (const path of ['/nothing', '/keys/', '/Keys', '/keys/a/b', '/projects/p', '/', '', '/assets/a.js']) {
      const res = await as().get(path).expect(404);
      expect(res.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      expect(res.body.code).toBe('not_found');
    }
    await as().post('/nothing').expect(404);
  });

  test('methods that are none answer 405 and say which are, as OPTIONS does', async () => {
    const { as } = setup(express);
    const refused = await as().put('/keys').send({}).expect(405);
    expect(refused.headers.allow).toBe('GET, HEAD, POST, OPTIONS');
    expect(refused.body.code).toBe('method_not_allowed');
    expect((await as().options('/keys/x').expect(204)).headers.allow).toBe('GET, HEAD, PATCH, DELETE, OPTIONS');
    expect((await as().get('/keys/x/rotate').expect(405)).headers.allow).toBe('POST, OPTIONS');
  });

  test('HEAD answers as GET does, without the body', async () => {
    const { as } = setup(express);
    const got = await as().get('/keys').expect(200);
    const head = await as().head('/keys').expect(200);
    expect(head.text).toBeUndefined();
    expect(head.headers['content-length']).toBe(got.headers['content-length']);
    expect((await as().head('/nothing').expect(404)).text).toBeUndefined();
  });

  test.each(['/', '/a', '/deep/er/path', '/:workspace/admin'])('the router works mounted at %s', async (mount) => {
    const { app, as } = setup(express, { mount });
    if (mount.includes(':')) {
      const request = (await import('supertest')).default;
      const res = await request(app).post('/w/admin/keys').set('x-user', ADMIN).send(valid).expect(201);
      expect(res.headers.location).toBe(`/w/admin/keys/${res.body.key.id}`);
      return;
    }
    const under = mount === '/' ? '' : mount;
    const res = await as()
      .post(mount === '/' ? 'keys' : '/keys')
      .send(valid)
      .expect(201);
    expect(res.headers.location).toBe(`${under}/keys/${res.body.key.id}`);
  });

  test('an unexpected error shows its cause to the app and not to the operator', async () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:6379');
    const { as, reported } = setup(express, {
      deps: { audit: { ...createAuditService({ store: createMemoryStore() }), list: () => Promise.reject(cause) } },
    });
    const res = await as().get('/audit').expect(500);
    expect(res.body).toMatchObject({ code: 'internal_error', title: 'Internal error' });
    expect(res.text).not.toContain('ECONNREFUSED');
    expect(reported).toMatchObject([{ code: 'internal_error', cause }]);
  });
});

/** Response of a server to a body that never ends. */
async function endless(app: import('express').Express): Promise<string> {
  const server: Server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const chunk = `400\r\n${' '.repeat(0x400)}\r\n`;
    const headers = `content-type: application/json\r\ntransfer-encoding: chunked\r\nx-user: ${ADMIN}`;
    const more = () => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', more).on('data', (data) => {
      text += data;
    });
    // The server hangs up on us: that is the point.
    socket.on('error', () => {}).on('close', () => resolve(text));
    socket.write(`POST ${MOUNT}/keys HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n\r\n`);
    more();
  });
  await new Promise((resolve) => server.close(resolve));
  return answer;
}
