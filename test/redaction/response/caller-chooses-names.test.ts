import type { Features } from '../../../src/features';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, EVERYTHING, SECRET, serve } from './harness';

afterEach(closeAll);

/** Bodies in which the caller has chosen the names, and types that are rejected or pass through anyway. */
const BODIES: readonly (readonly [what: string, type: string, body: string])[] = [
  ['a GraphQL alias', 'application/graphql-response+json', `{"data":{"c":[{"t":["${SECRET}"]}]}}`],
  ['a renamed column', 'application/json', `[{"id":1,"t":["${SECRET}"]}]`],
  ['a JSON Patch', 'application/json-patch+json', `[{"op":"add","path":"/turns","value":["${SECRET}"]}]`],
  ['lines', 'application/x-ndjson', `{"t":["${SECRET}"]}\n`],
  ['events', 'text/event-stream', `data: {"t":["${SECRET}"]}\n\n`],
];

/** Milliseconds between two looks at the policy of an open response. */
const CHECKS = 40;

describe.each(expresses)('%s: a route on which the caller chooses names', (_name, express) => {
  async function serving(features: Features | (() => Features | Promise<never>)) {
    const reached: string[] = [];
    const served = await serve(
      express,
      (app, redact) => {
        app.use(redact({ callerChoosesNames: true, passthrough: ['audio/wav'] }));
        app.use((req, res) => {
          reached.push(req.method);
          res.set('Content-Type', String(req.query.type)).end(String(req.query.body));
        });
      },
      { features: () => (typeof features === 'function' ? (features() as Features) : features) },
    );
    const get = (type: string, body: string, method = 'GET') =>
      ask(`${served.url}/?${new URLSearchParams({ type, body })}`, { method });
    return { served, get, reached };
  }

  test.each(BODIES)(
    'redactResponse responds 403 before the handler when the project has something disabled: %s',
    async (_w, type, body) => {
      for (const features of [
        { transcript: false, metrics: [] },
        { transcript: true, metrics: ['A'] },
        { transcript: false, metrics: 'all' },
      ] satisfies Features[]) {
        const { get, reached, served } = await serving(features);
        for (const method of ['GET', 'POST', 'HEAD']) {
          const { status, text } = await get(type, body, method);
          expect([method, status]).toEqual([method, 403]);
          if (method !== 'HEAD') expect(JSON.parse(text)).toMatchObject({ code: 'feature_not_enabled' });
        }
        expect(reached).toEqual([]);
        expect(served.failures.map(({ code }) => code)).toEqual(Array(3).fill('feature_not_enabled'));
      }
    },
  );

  test.each(BODIES)(
    'redactResponse sends the body unchanged when the project has everything enabled: %s',
    async (_what, type, body) => {
      const { get, reached } = await serving(EVERYTHING);
      expect(await get(type, body)).toMatchObject({ status: 200, text: body });
      expect(reached).toEqual(['GET']);
    },
  );

  test.each(BODIES)(
    'redactResponse sends no body when something is disabled while the handler runs: %s',
    async (_what, type, body) => {
      let features = EVERYTHING;
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/', redact({ callerChoosesNames: true }), (_req, res) => {
            features = { transcript: false, metrics: [] };
            res.set('Content-Type', type).end(body);
          });
          app.get('/json', redact({ callerChoosesNames: true }), (_req, res) => {
            features = { transcript: false, metrics: [] };
            res.json({ t: SECRET });
          });
        },
        { features: () => features },
      );
      for (const path of ['/', '/json']) {
        features = EVERYTHING;
        const { status, text } = await ask(served.url + path);
        expect([status, text.includes(SECRET)]).toEqual([500, false]);
      }
    },
  );

  test.each([
    ['text/event-stream', (json: string) => `data: ${json}\n\n`],
    ['application/x-ndjson', (json: string) => `${json}\n`],
    ['application/json-seq', (json: string) => `\x1e${json}\n`],
    ['application/json', (json: string) => `${json}\n`],
  ])('redactResponse cuts an open stream when something is disabled: %s', async (type, write) => {
    let features = EVERYTHING;
    const served = await serve(
      express,
      (app, redact) => {
        app.get('/', redact({ callerChoosesNames: true }), (_req, res) => {
          res.set('Content-Type', type).write(write('{"t":"before"}'));
          setImmediate(() => {
            features = { transcript: false, metrics: [] };
          });
        });
      },
      { features: () => features, deps: { checkInterval: CHECKS } },
    );
    const response = await ask(served.url);
    expect(response.cut).toBe(true);
    expect(response.text).toBe(write('{"t":"before"}'));
  });

  test('redactResponse responds 403 when a body would name its own project', async () => {
    const served = await serve(
      express,
      (app, redact) => app.get('/', redact({ callerChoosesNames: true }), (_req, res) => void res.json({})),
      { routeProject: null, features: () => EVERYTHING },
    );
    expect((await ask(served.url)).status).toBe(403);
  });
});
