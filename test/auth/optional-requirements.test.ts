import type { Request, RequestHandler, Response } from 'express';
import { expresses } from '../support/express-versions';
import { useStreams } from './open-streams';

const TRANSCRIPT = { transcript: true, metrics: [] };
const NOTHING = { transcript: false, metrics: [] };

describe.each(expresses)('%s', (_name, express) => {
  const { setUp, open } = useStreams(express);
  type World = ReturnType<typeof setUp>;
  type ApiKeys = World['apiKeys'];

  function sendAudio(_req: Request, res: Response): void {
    res.type('audio/wav');
    res.write('data');
  }

  /** A `requireApiKey` behind it finds no token. */
  const dropToken: RequestHandler = (req, _res, next) => {
    delete req.headers['x-api-key'];
    // Both: a header that is missing in one of them was sent.
    req.rawHeaders = req.rawHeaders.flatMap((_text, i, all) =>
      i % 2 === 0 && all[i] !== 'x-api-key' ? [all[i]!, all[i + 1]!] : [],
    );
    next();
  };

  const addToken: RequestHandler = (req, _res, next) => {
    req.headers['x-api-key'] = req.headers['x-later'];
    next();
  };

  const optional = (apiKeys: ApiKeys, options = {}) =>
    apiKeys.requireApiKey('conversations', {
      optional: true,
      workspace: () => 'default',
      agent: 'project',
      ...options,
    });
  const feature = (apiKeys: ApiKeys) => apiKeys.requireFeature('transcript');
  const redaction = (apiKeys: ApiKeys) => apiKeys.redactResponse({ passthrough: ['audio/*'] });

  const ENDS = { endOnRevocation: true };
  const ORDERS: readonly [string, (apiKeys: ApiKeys) => readonly unknown[]][] = [
    ['without a key twice', (a) => [dropToken, optional(a), feature(a), optional(a), redaction(a)]],
    [
      'without a key twice, behind redactResponse',
      (a) => [dropToken, optional(a), redaction(a), feature(a), optional(a)],
    ],
    ['first without a key', (a) => [dropToken, optional(a), feature(a), addToken, optional(a), redaction(a)]],
    ['then without a key', (a) => [optional(a), feature(a), dropToken, optional(a), redaction(a)]],
    ['with a key twice', (a) => [optional(a), feature(a), optional(a), redaction(a)]],
    ['without a key, with endOnRevocation', (a) => [dropToken, optional(a, ENDS), feature(a)]],
    [
      'without a key, with endOnRevocation of the first',
      (a) => [dropToken, optional(a, ENDS), feature(a), optional(a)],
    ],
    [
      'without a key, with endOnRevocation of the second',
      (a) => [dropToken, optional(a), feature(a), optional(a, ENDS)],
    ],
  ];

  test.each(ORDERS)(
    'a stream ends when the project disables the feature: optional requireApiKey %s',
    async (_order, middlewares) => {
      const { apiKeys, app, create, ended } = setUp();
      app.get('/p/:project/audio', ...(middlewares(apiKeys) as []), sendAudio);
      for (const project of ['A', 'B']) await apiKeys.projects.set(project, TRANSCRIPT);
      const { token } = await create();
      const stream = await open(app, '/p/A/audio', token, { 'x-later': token });
      const kept = await open(app, '/p/B/audio', token, { 'x-later': token });
      expect([stream.status, kept.status]).toEqual([200, 200]);
      await apiKeys.projects.set('A', NOTHING);
      await stream.closed;
      expect(ended).toEqual([['feature', 'GET', '/p/:project/audio']]);
      expect(kept.isClosed).toBe(false);
    },
  );

  test.each<[string, (apiKeys: ApiKeys) => readonly unknown[]]>([
    ['redactResponse', (a) => [optional(a), dropToken, optional(a), redaction(a)]],
    ['endOnRevocation of the first', (a) => [optional(a, ENDS), dropToken, optional(a)]],
    ['endOnRevocation of the second', (a) => [optional(a), dropToken, optional(a, ENDS)]],
  ])('a stream ends when its key is deleted and a second requireApiKey found none: %s', async (_how, middlewares) => {
    const { apiKeys, app, create, ended } = setUp();
    app.get('/p/:project/audio', ...(middlewares(apiKeys) as []), sendAudio);
    const { key, token } = await create();
    const stream = await open(app, '/p/A/audio', token);
    await apiKeys.keys.delete(key.id);
    await stream.closed;
    expect(ended).toEqual([['deleted', 'GET', '/p/:project/audio']]);
  });
});
