import { createApiKeys, type KeyscopeError } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations' } };
const CONVERSATION = { turns: ['said'], metrics: { a: 1 } };

describe.each(expresses)('%s: a rejected response', (_n, express) => {
  async function ask(onError: Parameters<typeof createApiKeys>[0]['onError']) {
    const apiKeys = createApiKeys({ permissions, onError });
    const { token } = await apiKeys.keys.create({ name: 'k', agents: 'all', permissions: ['conversations'] });
    const app = express();
    app.get('/', apiKeys.requireApiKey('conversations'), apiKeys.redactResponse(), (_req, res) => {
      res.locals.conversation = CONVERSATION;
      res.type('csv').send('said');
    });
    app.use(((error: KeyscopeError, _req, res, _next) => {
      res.status(500).json({ code: error.code, ...res.locals.conversation });
    }) as import('express').ErrorRequestHandler);
    return request(app).get('/').set('x-api-key', token);
  }

  test('the response of an error handler is redacted like any other when onError calls next(error)', async () => {
    const { status, body } = await ask((error, _req, _res, next) => next(error));
    expect([status, body]).toEqual([500, { code: 'unredactable_response', turns: [], metrics: {} }]);
  });

  test('the response of onError is redacted like any other', async () => {
    const { status, body } = await ask((error, _req, res) => void res.json({ error: error.code, ...CONVERSATION }));
    expect([status, body]).toEqual([500, { error: 'unredactable_response', turns: [], metrics: {} }]);
  });

  test('a problem document is sent when there is no onError', async () => {
    const { status, body } = await ask(undefined);
    expect([status, body.code]).toEqual([500, 'unredactable_response']);
  });
});
