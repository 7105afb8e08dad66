import type { Request, RequestHandler } from 'express';
import { type ApiKeys, createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations' } };

type Source = (req: Request) => string | undefined;

/** Functions that the types do not allow, as JavaScript and `any` do. */
const RETURNED: Record<string, (value: string) => unknown> = {
  'a promise': async (value) => value,
  'a promise that rejects': () => Promise.reject(new Error('The database is down.')),
  'an object with then': (value) => ({
    // biome-ignore lint/suspicious/noThenProperty: some libraries return such an object.
    then: (resolve: (value: string) => void) => resolve(value),
  }),
};

const USES: Record<string, { value: string; guards: (apiKeys: ApiKeys, source: Source) => RequestHandler[] }> = {
  'the option `agent` of requireApiKey': {
    value: 'support',
    guards: (apiKeys, agent) => [apiKeys.requireApiKey('conversations', { agent })],
  },
  'the option `workspace` of requireApiKey': {
    value: 'acme',
    guards: (apiKeys, workspace) => [apiKeys.requireApiKey('conversations', { workspace, agent: false })],
  },
  'the option `project` of requireFeature': {
    value: 'support',
    guards: (apiKeys, project) => [
      apiKeys.requireApiKey('conversations', { agent: false }),
      apiKeys.requireFeature('transcript', { project }),
    ],
  },
  'the option `project` of redactResponse': {
    value: 'support',
    guards: (apiKeys, project) => [
      apiKeys.requireApiKey('conversations', { agent: false }),
      apiKeys.redactResponse({ project }),
    ],
  },
};

const rejections: unknown[] = [];
const onRejection = (error: unknown) => rejections.push(error);
beforeAll(() => process.on('unhandledRejection', onRejection));
afterAll(() => process.off('unhandledRejection', onRejection));
beforeEach(() => rejections.splice(0));

describe.each(expresses)('%s', (_name, express) => {
  async function respond(apiKeys: ApiKeys, handlers: RequestHandler[]) {
    const app = express();
    const errors: Error[] = [];
    const handled = jest.fn((_req, res) => res.json({ transcript: 'hello' }));
    app.get('/', ...handlers, handled);
    app.use(((error, _req, res, _next) => {
      errors.push(error);
      res.status(500).end();
    }) as import('express').ErrorRequestHandler);
    const context = { workspaceId: 'acme' };
    await apiKeys.projects.set('support', { transcript: true, metrics: 'all' }, context);
    const { token } = await apiKeys.keys.create({ name: 'x', permissions: ['conversations'] }, context);
    const { status } = await request(app).get('/').set('x-api-key', token);
    await new Promise((resolve) => setImmediate(resolve));
    return { status, errors, handled };
  }

  describe.each(Object.entries(USES))('%s', (_use, { value, guards }) => {
    test.each(Object.entries(RETURNED))('the function must not return %s', async (_what, returned) => {
      const apiKeys = createApiKeys({ permissions });
      const source = (() => returned(value)) as unknown as Source;
      const { status, errors, handled } = await respond(apiKeys, guards(apiKeys, source));
      expect({ status, calls: handled.mock.calls.length, rejections }).toEqual({
        status: 500,
        calls: 0,
        rejections: [],
      });
      expect(errors).toEqual([expect.objectContaining({ code: 'invalid_options' })]);
      expect(errors[0]?.message).toMatch(/returned a promise. It must return a string or undefined at once/);
    });

    test('the function can return a string', async () => {
      const apiKeys = createApiKeys({ permissions });
      const { status } = await respond(
        apiKeys,
        guards(apiKeys, () => value),
      );
      expect(status).toBe(200);
    });
  });

  test.each(Object.entries(RETURNED))('the function in tokenSource must not return %s', async (_what, returned) => {
    const apiKeys = createApiKeys({ permissions, tokenSource: (() => returned('x')) as unknown as Source });
    const { status, errors, handled } = await respond(apiKeys, [apiKeys.requireApiKey('conversations')]);
    expect({ status, calls: handled.mock.calls.length, rejections }).toEqual({ status: 500, calls: 0, rejections: [] });
    expect(errors[0]?.message).toMatch(/^The function in `tokenSource` returned a promise/);
  });
});
