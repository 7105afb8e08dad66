import { setImmediate as nextRound } from 'node:timers/promises';
import type { Request, RequestHandler, Response } from 'express';
import { Redis } from 'ioredis';
import { createApiKeys, type KeyscopeEvents, type RequireApiKeyOptions } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';
import { startRedis } from '../support/redis/server';
import { waitUntil } from '../support/wait-until';

type Reported = KeyscopeEvents['reported'];

const permissions = { conversations: { label: 'Conversations data' }, handoff: { label: 'Handoff' } };

describe.each(expresses)('%s', (_name, express) => {
  async function setUp(options: RequireApiKeyOptions = {}, before: RequestHandler = (_req, _res, next) => next()) {
    const apiKeys = createApiKeys({ permissions });
    const reported: Reported[] = [];
    const errors: Error[] = [];
    apiKeys.on('reported', (event) => reported.push(event));
    apiKeys.on('error', (error) => errors.push(error));
    const app = express();
    app.use(before);
    app.get(
      '/:project_id',
      apiKeys.requireApiKey('conversations', { mode: 'report', ...options }),
      (req: Request, res: Response) => {
        res.json({ apiKey: req.apiKey ?? null, headers: req.headers });
      },
    );
    const { token, key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'], agents: ['p1'] });
    const other = (await apiKeys.keys.create({ name: 'other', permissions: ['handoff'] })).token;
    return { apiKeys, app, reported, errors, key, token, other };
  }

  test.each([
    ['no token', undefined, 'missing_key', 'missing'],
    ['no token of this app', 'abc', 'invalid_key', 'malformed'],
  ])('a request is answered and reported when it has %s', async (_what, token, code, reason) => {
    const { app, reported } = await setUp();
    const get = request(app).get('/p1');
    await (token === undefined ? get : get.set('x-api-key', token)).expect(200);
    expect(reported).toEqual([
      {
        kind: 'denied',
        code,
        reason,
        hint: expect.any(String),
        keyId: null,
        workspaceId: null,
        method: 'GET',
        route: '/:project_id',
      },
    ]);
  });

  test('a request is answered and reported when its key lacks the permission', async () => {
    const { app, reported, other, apiKeys } = await setUp();
    const denied = jest.fn();
    apiKeys.on('denied', denied);
    const res = await request(app).get('/p1').set('x-api-key', other).expect(200);
    expect(res.headers).not.toHaveProperty('www-authenticate');
    expect(reported).toMatchObject([{ kind: 'denied', code: 'permission_denied', keyId: expect.any(String) }]);
    expect(denied).not.toHaveBeenCalled();
  });

  test('a request of a permitted key is neither changed nor reported', async () => {
    const options = { agent: 'project_id', hideCredentials: true, identityHeaders: { id: 'x-key-id' } };
    const { app, reported, token } = await setUp(options);
    const res = await request(app).get('/p1').set('x-api-key', token).set('x-key-id', 'forged').expect(200);
    expect(res.body).toMatchObject({ apiKey: null, headers: { 'x-api-key': token, 'x-key-id': 'forged' } });
    expect(reported).toEqual([]);
  });

  test('a property of the existing check is kept', async () => {
    const { app, token } = await setUp({}, (req, _res, next) => {
      req.apiKey = 'theirs' as never;
      next();
    });
    const res = await request(app).get('/p1').set('x-api-key', token).expect(200);
    expect(res.body.apiKey).toBe('theirs');
  });

  test('an agent out of scope is reported with the route', async () => {
    const { app, reported, token } = await setUp({ agent: 'project_id' });
    await request(app).get('/p2').set('x-api-key', token).expect(200);
    expect(reported).toMatchObject([{ kind: 'denied', code: 'agent_not_in_scope', route: '/:project_id' }]);
  });

  test.each([
    ['both allow', true, true, []],
    [
      'the existing check denies',
      true,
      false,
      [{ kind: 'difference', allowed: true, comparedAllowed: false, code: null }],
    ],
    ['both deny', false, false, [{ kind: 'denied' }]],
    [
      'the existing check allows',
      false,
      true,
      [{ kind: 'denied' }, { kind: 'difference', allowed: false, comparedAllowed: true, code: 'missing_key' }],
    ],
  ])('decisions are compared when %s', async (_what, sends, allows, expected) => {
    const compareWith = jest.fn(async (_req: Request, res: Response) => {
      expect(res.writableFinished).toBe(true);
      return allows;
    });
    const { app, reported, token } = await setUp({ agent: 'project_id', compareWith });
    const get = request(app).get('/p1');
    await (sends ? get.set('x-api-key', token) : get).expect(200);
    await waitUntil(
      'the decisions are compared',
      () => compareWith.mock.calls.length > 0 && reported.length >= expected.length,
    );
    await nextRound();
    expect(reported).toHaveLength(expected.length);
    expect(reported).toMatchObject(expected);
  });

  test.each([
    ['compareWith', { compareWith: () => Promise.reject(new Error('Broken.')) }],
    [
      'agent',
      {
        agent: () => {
          throw new Error('Broken.');
        },
      },
    ],
  ] as [string, RequireApiKeyOptions][])(
    'a request is answered when the function for %s fails',
    async (_what, options) => {
      const { app, errors, token } = await setUp(options);
      await request(app).get('/p1').set('x-api-key', token).expect(200);
      await waitUntil('the error is emitted', () => errors.length > 0);
      expect(errors).toMatchObject([{ code: 'invalid_options', cause: { message: 'Broken.' } }]);
    },
  );

  test('a middleware that enforces does not rely on one that reports', async () => {
    const { app, apiKeys, token } = await setUp();
    app.get(
      '/enforced/:project_id',
      apiKeys.requireApiKey('conversations', { mode: 'report' }),
      apiKeys.redactResponse(),
      (_req, res) => {
        res.json({ turns: ['secret'] });
      },
    );
    const res = await request(app).get('/enforced/p1').set('x-api-key', token).expect(500);
    expect(res.text).not.toContain('secret');
  });
});

test('a request is not delayed when Redis does not respond', async () => {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const express = expresses[0]![1];
  const apiKeys = createApiKeys({ permissions, redis });
  try {
    await apiKeys.ready();
    const { token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'] });
    const reported: Reported[] = [];
    apiKeys.on('reported', (event) => reported.push(event));
    const app = express();
    let decided = false;
    apiKeys.on('reported', () => (decided = true));
    app.use(
      apiKeys.requireApiKey('conversations', { mode: 'report', fresh: true }),
      (_req, res) => void res.json({ decided }),
    );
    await server.kill('SIGSTOP');
    const res = await request(app).get('/').set('x-api-key', token).expect(200);
    expect(res.body).toEqual({ decided: false });
    await waitUntil('the request is decided', () => decided);
    expect(reported).toMatchObject([{ kind: 'denied', code: 'store_unavailable' }]);
  } finally {
    await server.kill('SIGCONT');
    await apiKeys.close();
    redis.disconnect();
    await server.stop();
  }
});

test.each([
  [{ compareWith: () => true }, "compareWith needs `mode: 'report'`"],
  [{ mode: 'log' }, "Expected 'enforce' or 'report'."],
])('the options %j are rejected', (options, message) => {
  const apiKeys = createApiKeys({ permissions });
  expect(() => apiKeys.requireApiKey('conversations', options as never)).toThrow(message);
});
