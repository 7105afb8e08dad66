import { ServerResponse } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { expresses } from '../support/express-versions';
import { waitUntil } from '../support/wait-until';
import { streamEvents, useStreams } from './open-streams';

const TRANSCRIPT = { transcript: true, metrics: [] };
const NOTHING = { transcript: false, metrics: [] };

describe.each(expresses)('%s', (_name, express) => {
  const { setUp, open } = useStreams(express);

  function signalOf(req: Request): AbortSignal {
    return (req.apiKey as NonNullable<typeof req.apiKey>).signal;
  }

  describe('requireFeature', () => {
    type World = ReturnType<typeof setUp>;
    test.each<[string, (world: World) => readonly unknown[]]>([
      ['with endOnRevocation', ({ apiKeys }) => [requireKey(apiKeys, true), apiKeys.requireFeature('transcript')]],
      [
        'before redactResponse',
        ({ apiKeys }) => [requireKey(apiKeys), apiKeys.requireFeature('transcript'), apiKeys.redactResponse()],
      ],
      [
        'behind redactResponse',
        ({ apiKeys }) => [requireKey(apiKeys), apiKeys.redactResponse(), apiKeys.requireFeature('transcript')],
      ],
      [
        'between two requireApiKey',
        ({ apiKeys }) => [requireKey(apiKeys, true), apiKeys.requireFeature('transcript'), requireKey(apiKeys)],
      ],
    ])('a stream and its signal end when the project disables the feature: %s', async (_what, middlewares) => {
      const world = setUp();
      const { apiKeys, app, create, ended } = world;
      const signals: AbortSignal[] = [];
      app.get('/p/:project/audio', ...(middlewares(world) as []), (req: Request, res) => {
        signals.push(signalOf(req));
        streamEvents(req, res);
      });
      const { token } = await create();
      for (const project of ['A', 'B']) await apiKeys.projects.set(project, TRANSCRIPT);
      const stream = await open(app, '/p/A/audio', token);
      const kept = await open(app, '/p/B/audio', token);
      await apiKeys.projects.set('A', { ...TRANSCRIPT, metrics: ['CSAT'] });
      await apiKeys.projects.set('A', NOTHING);
      await stream.closed;
      expect(ended).toEqual([['feature', 'GET', '/p/:project/audio']]);
      expect(signals[0]?.reason).toMatchObject({ code: 'feature_not_enabled', status: 403 });
      expect(kept.isClosed).toBe(false);
      expect(signals[1]?.aborted).toBe(false);
    });

    test('a signal aborts and its stream goes on when the project disables the feature, without endOnRevocation', async () => {
      const { apiKeys, app, create, ended } = setUp();
      const signals: AbortSignal[] = [];
      app.get(
        '/audio',
        apiKeys.requireApiKey(),
        apiKeys.requireFeature('metric:CSAT', { project: () => 'A' }),
        (req, res) => {
          signals.push(signalOf(req));
          streamEvents(req, res);
        },
      );
      const { token } = await create();
      await apiKeys.projects.set('A', { transcript: false, metrics: 'all' });
      const stream = await open(app, '/audio', token);
      await apiKeys.projects.set('A', { transcript: true, metrics: ['AHT'] });
      await waitUntil('the signal has aborted', () => signals[0]?.aborted === true);
      expect(stream.isClosed).toBe(false);
      expect(ended).toEqual([['feature', 'GET', '/audio']]);
    });

    test('a stream that begins after the feature was disabled ends before its first piece is sent, and not if it is enabled again', async () => {
      const { apiKeys, app, create, ended } = setUp();
      const begin: (() => void)[] = [];
      const signals: AbortSignal[] = [];
      const { requireFeature, redactResponse } = apiKeys;
      app.get('/p/:project/audio', requireKey(apiKeys), requireFeature('transcript'), redactResponse(), (req, res) => {
        signals.push(signalOf(req));
        begin.push(() => streamEvents(req, res));
      });
      const { token } = await create();
      for (const project of ['A', 'B']) await apiKeys.projects.set(project, TRANSCRIPT);
      const disabled = open(app, '/p/A/audio', token);
      const closed = expect(disabled).rejects.toThrow('socket hang up');
      await waitUntil('the first request is handled', () => begin.length === 1);
      const restored = open(app, '/p/B/audio', token);
      await waitUntil('both requests are handled', () => begin.length === 2);
      for (const project of ['A', 'B']) await apiKeys.projects.set(project, NOTHING);
      // Longer than an open response waits for its first check.
      const until = performance.now() + 400;
      await waitUntil(
        'it has been noticed',
        () => signals.every(({ aborted }) => aborted) && performance.now() > until,
      );
      await apiKeys.projects.set('B', TRANSCRIPT);
      const later = performance.now() + 200;
      await waitUntil('the configuration was checked again', () => performance.now() > later);
      for (const start of begin) start();
      await closed;
      expect((await restored).isClosed).toBe(false);
      expect(ended.map((event) => (event as unknown[])[0])).toEqual(['feature', 'feature']);
    });

    test.each(['before', 'behind'])(
      'a stream of a request without a key ends when the project disables the feature, with requireFeature %s redactResponse',
      async (place) => {
        const { apiKeys, app, ended } = setUp();
        const feature = apiKeys.requireFeature('transcript');
        const redaction = apiKeys.redactResponse({ passthrough: ['audio/*'] });
        app.get(
          '/p/:project/audio',
          apiKeys.requireApiKey('conversations', { optional: true, workspace: () => 'default', agent: 'project' }),
          ...(place === 'before' ? [feature, redaction] : [redaction, feature]),
          (_req, res) => {
            res.type('audio/wav');
            res.write('data');
          },
        );
        for (const project of ['A', 'B']) await apiKeys.projects.set(project, TRANSCRIPT);
        const stream = await open(app, '/p/A/audio', null);
        const kept = await open(app, '/p/B/audio', null);
        expect([stream.status, kept.status]).toEqual([200, 200]);
        await apiKeys.projects.set('A', NOTHING);
        await stream.closed;
        expect(ended).toEqual([['feature', 'GET', '/p/:project/audio']]);
        expect(kept.isClosed).toBe(false);
      },
    );

    function requireKey(apiKeys: World['apiKeys'], endOnRevocation?: true) {
      return apiKeys.requireApiKey('conversations', { agent: 'project', ...(endOnRevocation && { endOnRevocation }) });
    }
  });

  describe('two requireApiKey of one request', () => {
    test('the signal and the stream of the first end when the key loses the permission of the second', async () => {
      const { apiKeys, app, create, ended } = setUp();
      const signals: AbortSignal[] = [];
      app.use(apiKeys.requireApiKey('handoff', { endOnRevocation: true }));
      app.use((req, _res, next) => {
        signals.push(signalOf(req));
        next();
      });
      app.get('/events', apiKeys.requireApiKey('conversations'), streamEvents);
      const { key, token } = await create();
      const stream = await open(app, '/events', token);
      await apiKeys.keys.update(key.id, { permissions: ['handoff'] });
      await stream.closed;
      expect(signals[0]?.reason).toMatchObject({ code: 'permission_denied' });
      expect(ended).toEqual([['permission', 'GET', '/events']]);
    });

    test('the signal of the first, read behind the second, aborts when the key loses the permission of the second', async () => {
      const { apiKeys, app, create } = setUp();
      const signals: AbortSignal[] = [];
      let first: Request['apiKey'];
      app.use(apiKeys.requireApiKey('handoff'));
      app.use((req, _res, next) => {
        first = req.apiKey;
        next();
      });
      app.get('/events', apiKeys.requireApiKey('conversations'), (req, res) => {
        signals.push((first as NonNullable<typeof first>).signal, signalOf(req));
        streamEvents(req, res);
      });
      const { key, token } = await create();
      await open(app, '/events', token);
      expect(signals[0]).toBe(signals[1]);
      await apiKeys.keys.update(key.id, { permissions: ['handoff'] });
      await waitUntil('the signal has aborted', () => signals[0]?.aborted === true);
    });

    const ENDS = { endOnRevocation: true };
    test.each([
      ['first', 'redactResponse', {}, {}],
      ['second', 'redactResponse', {}, {}],
      ['first', 'endOnRevocation of the first', ENDS, {}],
      ['second', 'endOnRevocation of the first', ENDS, {}],
      ['first', 'endOnRevocation of the second', {}, ENDS],
      ['second', 'endOnRevocation of the second', {}, ENDS],
    ] as const)(
      'a stream and its signal end when the %s of two keys is deleted, with %s',
      async (dies, how, ofFirst, ofSecond) => {
        const { apiKeys, app, create, ended } = setUp();
        const signals: AbortSignal[] = [];
        app.use(apiKeys.requireApiKey('handoff', ofFirst));
        app.use((req, _res, next) => {
          req.headers['x-api-key'] = req.headers['x-second'];
          next();
        });
        app.use(apiKeys.requireApiKey('conversations', ofSecond));
        if (how === 'redactResponse') app.use(apiKeys.redactResponse());
        app.get('/events', (req, res) => {
          signals.push(signalOf(req));
          streamEvents(req, res);
        });
        const keys = {
          first: await create({ permissions: ['handoff'] }),
          second: await create({ permissions: ['conversations'] }),
        };
        const stream = await open(app, '/events', keys.first.token, { 'x-second': keys.second.token });
        expect(stream.status).toBe(200);
        await apiKeys.keys.delete(keys[dies].key.id);
        await stream.closed;
        expect(signals[0]?.aborted).toBe(true);
        expect(ended).toEqual([['deleted', 'GET', '/events']]);
      },
    );
  });

  describe('a response that Express does not know', () => {
    /** An app that handles the same request, with a response of its own. */
    function handleElsewhere(req: Request, _res: Response, next: NextFunction): void {
      const other = express();
      other.use((_req, res) => void res.end('other'));
      other(req, new ServerResponse(req));
      setImmediate(next);
    }

    type Middlewares = (apiKeys: ReturnType<typeof setUp>['apiKeys']) => RequestHandler[];
    const ends = { endOnRevocation: true };
    const ROUTES: readonly [string, Middlewares][] = [
      ['endOnRevocation', (apiKeys) => [apiKeys.requireApiKey('conversations', ends)]],
      ['redactResponse', (apiKeys) => [apiKeys.requireApiKey('conversations'), apiKeys.redactResponse()]],
    ];

    test.each(ROUTES)('a stream ends with its key when the router has no app: %s', async (_what, middlewares) => {
      const { apiKeys, create, ended } = setUp();
      const router = express.Router();
      router.get('/events', ...middlewares(apiKeys), (req, res) => {
        // `res.type` belongs to apps.
        res.setHeader('Content-Type', 'text/event-stream');
        res.write('data: {"id":1}\n\n');
        signalOf(req).addEventListener('abort', () => aborted.push(req.url));
      });
      const aborted: string[] = [];
      const { key, token } = await create();
      const stream = await open((req, res) => router(req as Request, res as Response, () => {}), '/events', token);
      await apiKeys.keys.delete(key.id);
      await stream.closed;
      expect(ended).toEqual([['deleted', 'GET', '/events']]);
      expect(aborted).toEqual(['/events']);
    });

    test('a stream ends with its key when the app has replaced req.apiKey and reads the signal before', async () => {
      const { apiKeys, create, ended } = setUp();
      const router = express.Router();
      const replaceKey: RequestHandler = (req, _res, next) => {
        req.apiKey = { ...req.apiKey } as typeof req.apiKey;
        apiKeys.apiKeyOf(req).signal.addEventListener('abort', () => {});
        next();
      };
      router.get(
        '/events',
        apiKeys.requireApiKey('conversations'),
        replaceKey,
        apiKeys.redactResponse(),
        (_req, res) => {
          res.setHeader('Content-Type', 'text/event-stream');
          res.write('data: {"id":1}\n\n');
        },
      );
      const { key, token } = await create();
      const stream = await open((req, res) => router(req as Request, res as Response, () => {}), '/events', token);
      await apiKeys.keys.delete(key.id);
      await stream.closed;
      expect(ended).toEqual([['deleted', 'GET', '/events']]);
    });

    test.each(
      ROUTES.flatMap(([what, middlewares]) => ['before', 'behind'].map((place) => [what, place, middlewares] as const)),
    )(
      'a stream ends with its key when another app has handled the request with another response: %s, %s',
      async (_what, place, middlewares) => {
        const { apiKeys, app, create, ended } = setUp();
        const handlers = middlewares(apiKeys);
        app.get(
          '/events',
          ...(place === 'before' ? [handleElsewhere, ...handlers] : [...handlers, handleElsewhere]),
          streamEvents,
        );
        const { key, token } = await create();
        const stream = await open(app, '/events', token);
        await apiKeys.keys.delete(key.id);
        await stream.closed;
        expect(ended).toEqual([['deleted', 'GET', '/events']]);
      },
    );
  });
});
