import type { NextFunction, Request, Response } from 'express';
import { KeyscopeError } from '../../../src/errors';
import type { Features, RoutePolicy } from '../../../src/features';
import { deferred } from '../../support/deferred';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, EVERYTHING, page, SECRET, SOME_METRICS, serve } from './harness';

const PAGE = page();

afterEach(closeAll);

describe.each(expresses)('%s', (_name, express) => {
  describe('the project of a response', () => {
    const features = (id: string | undefined): Features => (id === 'open' ? EVERYTHING : SOME_METRICS);
    const mixed = JSON.stringify({
      conversations: ['open', 'closed', undefined, 5].map((project_id) => ({ project_id, turns: [1], agent: 'open' })),
    });
    const turns = (text: string): unknown =>
      JSON.parse(text).conversations.map((one: { turns: unknown[] }) => one.turns.length);

    async function turnsOf(
      project: Parameters<ReturnType<typeof import('../../../src/redaction/response').createRedactResponse>>[0],
      path = '/',
      routeProject: string | null = null,
    ): Promise<unknown> {
      const served = await serve(
        express,
        (app, redact) => {
          for (const at of ['/', '/at/:id']) {
            app.get(at, redact(project), (req, res) => {
              if (req.query.way === 'write') res.type('json').end(mixed);
              else res.json(JSON.parse(mixed));
            });
          }
        },
        { features, routeProject },
      );
      const one = turns((await ask(served.url + path)).text);
      const two = turns((await ask(`${served.url}${path}${path.includes('?') ? '&' : '?'}way=write`)).text);
      expect(two).toEqual(one);
      return one;
    }

    test('the agent of the route, where it has one', async () => {
      expect(await turnsOf({}, '/', 'open')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({}, '/', 'closed')).toEqual([0, 0, 0, 0]);
    });

    test("each conversation's own project_id, where it has none", async () => {
      expect(await turnsOf({})).toEqual([1, 0, 0, 0]);
    });

    test('a member that the route names, whatever its agent', async () => {
      expect(await turnsOf({ project: { member: 'agent' } }, '/', 'closed')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({ project: { member: 'project_id' } }, '/', 'open')).toEqual([1, 0, 0, 0]);
    });

    test('a parameter or a function names the project; a missing or repeated parameter names none', async () => {
      expect(await turnsOf({ project: 'id' }, '/at/open', 'closed')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({ project: { query: 'id' } }, '/?id=open', 'closed')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({ project: { query: 'id' } }, '/?id=open&id=open', 'open')).toEqual([0, 0, 0, 0]);
      expect(await turnsOf({ project: { query: 'id' } }, '/', 'open')).toEqual([0, 0, 0, 0]);
      expect(await turnsOf({ project: (req) => req.get('host') && 'open' })).toEqual([1, 1, 1, 1]);
    });

    test('responses are redacted as if nothing were enabled until the policy is known', async () => {
      const waiting = deferred<{ routeProject: string; featuresFor: () => Features }>();
      const asked = deferred<Response>();
      const served = await serve(
        express,
        (app, redact) => {
          app.use((_req, res, next) => {
            asked.resolve(res);
            next();
          });
          app.get('/', redact(), (_req, res) => void res.json(JSON.parse(PAGE)));
        },
        { deps: { resolvePolicy: () => waiting.promise } },
      );
      const first = ask(served.url);
      const timedOut = await asked.promise;
      await new Promise(setImmediate);
      timedOut.status(503).json({ turns: [SECRET] });
      expect((await first).text).toBe('{"turns":[]}');
      const second = ask(served.url);
      waiting.resolve({ routeProject: 'open', featuresFor: () => EVERYTHING });
      expect((await second).text).toContain(SECRET);
    });

    test.each([{ 'if-none-match': '*' }, { range: 'bytes=0-3' }, { 'accept-encoding': 'gzip, br' }])(
      'the handler sees %j only if everything is enabled, also when the policy is read asynchronously',
      async (headers) => {
        for (const features of [EVERYTHING, SOME_METRICS]) {
          const resolvePolicy = () =>
            new Promise<RoutePolicy>((resolve) =>
              setImmediate(resolve, { routeProject: 'P', featuresFor: () => features }),
            );
          const served = await serve(
            express,
            (app, redact) =>
              app.get('/', redact(), (req, res) => void res.json({ ...req.headers, raw: req.rawHeaders })),
            { deps: { resolvePolicy } },
          );
          const { status, text } = await ask(served.url, { headers });
          if (features === EVERYTHING && 'if-none-match' in headers) expect(status).toBe(304);
          else if (features === EVERYTHING) expect(JSON.parse(text)).toMatchObject(headers);
          else expect(JSON.parse(text)).not.toMatchObject(headers);
        }
      },
    );

    test('a configuration that cannot be read is answered for, and the handler does not run', async () => {
      const error = new KeyscopeError('store_unavailable', 'Away.');
      for (const resolvePolicy of [
        () => Promise.reject(error),
        () => {
          throw error;
        },
        () => Promise.reject(new Error('unexpected')),
      ]) {
        let ran = false;
        const served = await serve(
          express,
          (app, redact) =>
            app.get('/', redact(), (_req, res) => {
              ran = true;
              res.json({});
            }),
          { deps: { resolvePolicy } },
        );
        const answer = await ask(served.url);
        expect(answer.status).toBe(served.failures[0]!.status);
        expect(['store_unavailable', 'unredactable_response']).toContain(served.failures[0]!.code);
        expect(ran).toBe(false);
      }
    });

    test('a function that throws is an error of the application', async () => {
      const served = await serve(express, (app, redact) => {
        app.get(
          '/',
          redact({
            project: () => {
              throw Object.assign(new Error('x'), { status: 418 });
            },
          }),
          (_req, res) => void res.json({}),
        );
        app.use(((error: { status: number }, _req: Request, res: Response, _next: NextFunction) => {
          res.status(error.status).json({ turns: [SECRET] });
        }) as never);
      });
      const answer = await ask(served.url);
      expect([answer.status, answer.text]).toEqual([418, '{"turns":[]}']);
    });
  });
});
