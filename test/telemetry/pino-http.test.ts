import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { transformSync } from '@swc/core';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { type ApiKeys, createApiKeys } from 'keyscope';
import type { DestinationStream, Logger } from 'pino';
// For the type of `req.log`.
import type {} from 'pino-http';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const PAGE = path.join(__dirname, '../../docs/observability.md');

interface Recipe {
  createLogging(apiKeys: ApiKeys, destination: DestinationStream): { logger: Logger; logRequests: RequestHandler };
}

/** The recipe as it stands on the page, run as it stands there. */
function recipe(): Recipe {
  const [, code] = /^```ts title=logging\.ts\n(.*?)^```$/ms.exec(readFileSync(PAGE, 'utf8')) ?? [];
  const compiled = transformSync(code as string, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
  });
  const module = { exports: {} };
  new Function('require', 'module', 'exports', compiled.code)(createRequire(PAGE), module, module.exports);
  return module.exports as Recipe;
}

describe.each(expresses)('the recipe for pino-http, on %s', (_name, express) => {
  test('pino-http logs ids of keys and reasons of denials, and no token', async () => {
    const lines: string[] = [];
    const apiKeys = createApiKeys({
      permissions: { conversations: { label: 'Conversations' }, handoff: { label: 'H' } },
    });
    const { logger, logRequests } = recipe().createLogging(apiKeys as ApiKeys, { write: (line) => lines.push(line) });
    const app = express();
    app.use(logRequests);
    app.get('/c', apiKeys.requireApiKey('conversations'), (req, res) => {
      req.log.info({ req }, 'in the handler');
      logger.info({ req: { headers: req.headers } }, 'by another way');
      res.json([]);
    });
    app.get('/h', apiKeys.requireApiKey('handoff'), (_req, res) => {
      res.json([]);
    });
    app.get('/fails', apiKeys.requireApiKey('conversations'), () => {
      throw new Error('the handler is broken');
    });
    const answerErrors: ErrorRequestHandler = (_error, _req, res, _next) => {
      res.status(500).end();
    };
    app.use(answerErrors);
    const { key, token } = await apiKeys.keys.create({ name: 'x', agents: 'all', permissions: ['conversations'] });
    const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
    const get = (url: string, text: string) => request(app).get(url).set('X-API-Key', text).set('Cookie', `k=${text}`);
    await get('/c', token).expect(200);
    await get('/h', token).expect(403);
    await get('/fails', token).expect(500);
    await get('/c', wrong).expect(401);

    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const who = { keyId: key.id, workspaceId: 'default' };
    const by = (msg: string) => logged.filter((line) => line.msg === msg);
    expect(by('request completed').map(({ keyId, workspaceId }) => ({ keyId, workspaceId }))).toEqual([
      who,
      { keyId: undefined, workspaceId: undefined },
      { keyId: undefined, workspaceId: undefined },
    ]);
    expect(by('request errored')).toEqual([expect.objectContaining(who)]);
    expect(by('API key denied')).toEqual([
      expect.objectContaining({ code: 'permission_denied', keyId: key.id }),
      expect.objectContaining({ code: 'invalid_key', keyId: null }),
    ]);
    expect(by('in the handler')).toHaveLength(1);
    expect(by('by another way')).toHaveLength(1);

    const text = lines.join('');
    for (const secret of [token, wrong, token.slice(-38), token.slice(-38, -6)]) expect(text).not.toContain(secret);
    // The headers are logged, and the values of these are removed.
    expect(text).toContain('"x-api-key":"[Redacted]"');
  });
});

test('the page names every metric and attribute that there is, and no others', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const folder = path.join(__dirname, '../../src/telemetry');
  const sources = ['opentelemetry.ts', 'instrumented-store.ts'].map((name) =>
    readFileSync(path.join(folder, name), 'utf8'),
  );
  const namesIn = (text: string) =>
    new Set([...text.matchAll(/[`'](keyscope\.[a-z._]+)[`']/g)].map(([, name]) => name));
  const section = page.slice(page.indexOf('## OpenTelemetry'), page.indexOf('## pino'));
  expect([...namesIn(section)].sort()).toEqual([...namesIn(sources.join('\n'))].sort());
});
