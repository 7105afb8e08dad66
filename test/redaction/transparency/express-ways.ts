import { createHash } from 'node:crypto';
import type { Response } from 'express';
import type { Handler, Way } from './observe';

/** Ways to answer with the functions that Express adds to a response, and with the answers that Express gives itself. */

const way = (name: string, handler: Handler, more: Partial<Way> = {}): Way => ({ name, handler, ...more });

const CONVERSATION = { id: 'CA1', turns: [{ user_input: 'héllo "ok" <b>' }], metrics: { CSAT: '4' } };
const PAGE = { conversations: [CONVERSATION, CONVERSATION], cursor: null };
const PRODUCTION: Partial<Way> = { setUp: (app) => app.set('env', 'production') };

/** The weak ETag that Express gives a body. */
function weakTag(body: string): string {
  const digest = createHash('sha1').update(body).digest('base64').substring(0, 27);
  return `W/"${Buffer.byteLength(body).toString(16)}-${digest}"`;
}

const JSON_VALUES: readonly (readonly [string, unknown])[] = [
  ['an object', PAGE],
  ['an array', [CONVERSATION, 1, 'x', null]],
  ['an empty object', {}],
  ['a string', 'text'],
  ['a string that begins with a bracket', '[urgent] refund'],
  ['a string of JSON', '{"turns":[1]}'],
  ['a number', 1.5],
  ['true', true],
  ['null', null],
  ['undefined', undefined],
  ['a Buffer', Buffer.from('abc')],
  ['a Date', new Date(0)],
  ['an object with toJSON', { toJSON: () => CONVERSATION }],
  ['an object without prototype', Object.assign(Object.create(null), CONVERSATION)],
  ['a Map', new Map([['turns', 1]])],
  ['a BigInt', 10n],
  ['a function', () => 1],
  ['strings that look like JSON', ['vip', '[urgent] refund', '{not json', '"quoted" first']],
];

function circular(): unknown {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}

const json: Way[] = [
  ...JSON_VALUES.map(([name, value]) => way(`json of ${name}`, (_, res, n) => n.call('json', () => res.json(value)))),
  way('json of a circular object', (_, res, n) => {
    n.call('json', () => res.json(circular()));
    res.end('after');
  }),
  ...[200, 201, 202, 203, 226, 299, 300, 400, 401, 404, 409, 418, 422, 429, 499, 500, 503, 599, 799].map((status) =>
    way(`json with status ${status}`, (_, res) => res.status(status).json(PAGE)),
  ),
  ...[204, 205, 304].map((status) => way(`json with status ${status}`, (_, res) => res.status(status).json(PAGE))),
  ...[
    'application/vnd.api+json',
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'APPLICATION/JSON; Charset=UTF-8; profile=https://example.com/schema',
    'application/json;',
    'text/plain',
    'text/html',
    'application/problem+json',
    'application/x-ndjson',
    'application/json; charset=iso-8859-1',
    'application/json; charset=us-ascii',
    'application/json; charset=utf-16',
    'nonsense',
  ].flatMap((type) => [
    way(`json with the type ${type}`, (_, res) => res.set('Content-Type', type).json(PAGE)),
    way(`json with the type ${type}, set by Node`, (_, res) => {
      res.setHeader('content-type', type);
      res.json(PAGE);
    }),
    way(`send of a string with the type ${type}`, (_, res) => res.set('Content-Type', type).send(JSON.stringify(PAGE))),
    way(`send of bytes with the type ${type}`, (_, res) => {
      res.setHeader('Content-Type', type);
      res.send(Buffer.from(JSON.stringify(PAGE)));
    }),
  ]),
  way('json with spaces and escapes', (_, res) => res.json(PAGE), {
    setUp: (app) => app.set('json spaces', 2).set('json escape', true),
  }),
  way('json with a replacer', (_, res) => res.json(PAGE), {
    setUp: (app) => app.set('json replacer', (name: string, value: unknown) => (name === 'id' ? 'X' : value)),
  }),
  way('json without etag', (_, res) => res.json(PAGE), { setUp: (app) => app.disable('etag') }),
  way('json with a strong etag', (_, res) => res.json(PAGE), { setUp: (app) => app.set('etag', 'strong') }),
  way('json with an etag function', (_, res) => res.json(PAGE), { setUp: (app) => app.set('etag', () => '"mine"') }),
  way('json with an ETag of the handler', (_, res) => res.set('ETag', '"version-7"').json(PAGE)),
  way('json twice', (_, res, n) => {
    res.json(PAGE);
    n.call('second json', () => res.json(PAGE));
  }),
  way('json after write', (_, res, n) => {
    res.write('x');
    n.call('json', () => res.json(PAGE));
    res.end();
  }),
  way('json after end', (_, res, n) => {
    res.end('x');
    n.call('json', () => res.json(PAGE));
  }),
  way('json after writeHead', (_, res, n) => {
    res.writeHead(200);
    n.call('json', () => res.json(PAGE));
    res.end();
  }),
  way('json later', (_, res) => void setImmediate(() => res.json(PAGE))),
  way('json after a promise', async (_, res) => {
    await Promise.resolve();
    res.json(PAGE);
  }),
  way('json with a status of text', (_, res, n) => {
    (res as { statusCode: unknown }).statusCode = '201';
    n.call('json', () => res.json(PAGE));
  }),
  way('json with a fractional status', (_, res, n) => {
    res.statusCode = 410.1;
    n.call('json', () => res.json(PAGE));
  }),
  way('end with a fractional status', (_, res, n) => {
    res.statusCode = 410.1;
    n.call('end', () => res.end('gone'));
  }),
  ...['jsonp', 'json'].map((name) =>
    way(
      `${name} with a callback in the query`,
      (_, res) => (res as never as Record<string, (b: unknown) => void>)[name]!(PAGE),
      {
        path: '/v1/PROJECT-1/item?callback=cb',
      },
    ),
  ),
  way('jsonp without a callback', (_, res, n) => n.call('jsonp', () => res.jsonp(PAGE))),
  way('jsonp with a list of callbacks', (_, res) => res.jsonp(PAGE), {
    path: '/v1/PROJECT-1/item?callback=a&callback=b',
  }),
  way('jsonp with an empty callback', (_, res) => res.jsonp(PAGE), { path: '/v1/PROJECT-1/item?callback=' }),
  way('jsonp of undefined', (_, res) => res.jsonp(undefined), { path: '/v1/PROJECT-1/item?callback=cb' }),
  way('jsonp of a string with U+2028', (_, res) => res.jsonp({ a: '\u2028</script>' }), {
    path: '/v1/PROJECT-1/item?callback=cb',
  }),
];

const SEND_VALUES: readonly (readonly [string, unknown])[] = [
  ...JSON_VALUES.filter(([name]) => name !== 'a function'),
  ['an empty string', ''],
  ['HTML', '<p>héllo</p>'],
  ['an empty Buffer', Buffer.alloc(0)],
  ['a Uint8Array', new Uint8Array([1, 2, 3])],
  ['a long string', 'x'.repeat(70_000)],
  ['a long Buffer', Buffer.alloc(70_000, 'y')],
];

const send: Way[] = [
  ...SEND_VALUES.map(([name, value]) => way(`send of ${name}`, (_, res, n) => n.call('send', () => res.send(value)))),
  ...['text/plain', 'text/html', 'text/csv', 'image/png', 'audio/wav', 'application/xml', 'application/pdf'].flatMap(
    (type) => [
      way(`send of a string as ${type}`, (_, res) => res.type(type).send('a,b\n1,2')),
      way(`send of bytes as ${type}`, (_, res) => res.type(type).send(Buffer.from('RIFF'))),
    ],
  ),
  ...[204, 205, 304, 400, 404, 429, 500, 503].map((status) =>
    way(`send of a text with status ${status}`, (_, res) =>
      res.status(status).set('Retry-After', '5').send('Slow down.'),
    ),
  ),
  ...[400, 404, 500].map((status) => way(`an empty send with status ${status}`, (_, res) => res.status(status).send())),
  way('send of broken JSON', (_, res) => res.type('json').send('{"turns":[1,')),
  way('send of two JSON values', (_, res) => res.type('json').send('{"a":1}{"a":2}')),
  way('send of invalid UTF-8', (_, res) => res.type('json').send(Buffer.from([0x22, 0xff, 0x22]))),
  way('send of JSON behind a byte order mark', (_, res) => res.type('json').send('\ufeff{"turns":[1]}')),
  way('send of deep JSON', (_, res) => res.type('json').send('['.repeat(3000) + ']'.repeat(3000))),
  way('send with a Content-Length of its own', (_, res) => res.set('Content-Length', '3').send('abc')),
  way('send with a Content-MD5', (_, res) =>
    res.set({ 'Content-MD5': 'Q2hlY2sgSW50ZWdyaXR5IQ==', Digest: 'x=y' }).send('{}'),
  ),
  way('a conditional GET that matches', (_, res) => res.json(PAGE), {
    headers: { 'If-None-Match': weakTag(JSON.stringify(PAGE)) },
  }),
  way('a conditional GET that matches anything', (_, res) => res.json(PAGE), { headers: { 'If-None-Match': '*' } }),
  way('a conditional GET that matches nothing', (_, res) => res.json(PAGE), {
    headers: { 'If-None-Match': '"other"' },
  }),
  way('a conditional GET with an ETag of the handler', (_, res) => res.set('ETag', '"v7"').json(PAGE), {
    headers: { 'If-None-Match': '"v7"' },
  }),
  way('a conditional GET by date', (_, res) => res.set('Last-Modified', new Date(0).toUTCString()).json(PAGE), {
    headers: { 'If-Modified-Since': new Date(1000).toUTCString() },
  }),
  way('a conditional GET of a reload', (_, res) => res.json(PAGE), {
    headers: { 'If-None-Match': '*', 'Cache-Control': 'no-cache' },
  }),
  way(
    'req.fresh and request headers',
    (req, res, n) => {
      n.add(
        'headers',
        [req.headers, req.rawHeaders.filter((h) => h !== 'X-API-Key' && !h.startsWith('ks_'))].map((value) =>
          JSON.stringify(value).replace(/ks_\w+/g, 'token'),
        ),
      );
      res.set('ETag', '"a"');
      n.add('fresh', req.fresh);
      n.add('accepts', req.acceptsEncodings());
      n.add('range', req.range(100));
      res.json(PAGE);
      n.add('headers after', JSON.stringify(req.headers).replace(/ks_\w+/g, 'token'));
    },
    {
      headers: {
        'If-None-Match': '"a"',
        Range: 'bytes=0-3',
        'Accept-Encoding': 'gzip, br',
        'If-Range': '"a"',
        'If-Match': '"b"',
      },
    },
  ),
];

const HTML = { Accept: 'text/html' };
const others: Way[] = [
  ...[200, 201, 204, 205, 301, 304, 400, 401, 403, 404, 405, 410, 429, 500, 502, 503, 504, 599].map((status) =>
    way(`sendStatus ${status}`, (_, res, n) => n.call('sendStatus', () => res.sendStatus(status))),
  ),
  way('redirect', (_, res, n) => n.call('redirect', () => res.redirect('/elsewhere?a=1&b="2"'))),
  way('redirect as HTML', (_, res) => res.redirect('/elsewhere?a=1&b="2"'), { headers: HTML }),
  way('redirect as JSON', (_, res) => res.redirect('/elsewhere'), { headers: { Accept: 'application/json' } }),
  ...[301, 303, 307, 308].map((status) =>
    way(`redirect ${status}`, (_, res) => res.redirect(status, 'https://example.com/é')),
  ),
  way('redirect of HEAD', (_, res) => res.redirect('/elsewhere'), { method: 'HEAD' }),
  way('location and 201', (_, res) => res.status(201).location('/v1/1').end()),
  way('format', (_, res) => res.format({ text: () => res.send('text'), html: () => res.send('<p>html</p>') }), {
    headers: HTML,
  }),
  way('format that is not acceptable', (_, res) => res.format({ text: () => res.send('text') }), {
    headers: { Accept: 'image/png' },
    ...PRODUCTION,
  }),
  way('attachment', (_, res) => res.attachment('résumé.json').send('{}')),
  way('headers of all kinds', (_, res, n) => {
    res
      .append('Link', '<a>')
      .append('Link', '<b>')
      .links({ next: '/2' })
      .cookie('a', 'b', { httpOnly: true })
      .vary('Origin');
    res.set({ 'X-One': '1', 'x-two': ['a', 'b'] });
    res.removeHeader('X-One');
    n.add(
      'names',
      res.getHeaderNames().filter((name) => name !== 'vary' && name !== 'cache-control'),
    );
    n.add('get', [res.get('Link'), res.hasHeader('x-two'), res.getHeader('x-two')]);
    res.json(PAGE);
    n.call('set after', () => res.set('X-Late', '1'));
    n.call('remove after', () => res.removeHeader('X-Two'));
  }),
  way('Cache-Control of the handler', (_, res) => res.set('Cache-Control', 'public, max-age=60').json(PAGE)),
  way('render', (_, res) => res.render('view', { a: 1 }), {
    setUp: (app) => {
      app.engine('txt', (_path, _options, done) => done(null, '<p>rendered</p>'));
      app.set('view', function View(this: { render: unknown; path: string }) {
        this.path = 'view.txt';
        this.render = (_options: unknown, done: (error: null, text: string) => void) => done(null, '<p>rendered</p>');
      });
    },
  }),
  ...['json', 'send', 'end', 'write', 'sendStatus'].map((name) =>
    way(
      `HEAD answered by ${name}`,
      (_, res, n) => {
        const call = (res as never as Record<string, (value: unknown) => unknown>)[name]!;
        n.call(name, () => call.call(res, name === 'json' ? PAGE : name === 'sendStatus' ? 404 : 'text'));
        if (name === 'write') res.end();
      },
      { method: 'HEAD' },
    ),
  ),
];

const wrapSend = (res: Response, notes: { add(name: string): void }): void => {
  const { send: original, json: originalJson } = res;
  res.send = function wrapped(body) {
    notes.add('wrapped send called');
    return original.call(this, body);
  };
  res.json = function wrappedJson(body) {
    notes.add('wrapped json called');
    return originalJson.call(this, { wrapped: body });
  };
};

const replaced: Way[] = [
  way('json behind a replaced send and json', (_, res) => res.json(PAGE), {
    between: (_req, res, next) => {
      wrapSend(res, res.locals.notes);
      next();
    },
  }),
  ...(['json', 'jsonp', 'send', 'sendStatus'] as const).map((name) =>
    way(
      `${name} behind a replaced send`,
      (_, res) => (res[name] as (v: unknown) => unknown)(name === 'sendStatus' ? 404 : PAGE),
      {
        between: (_req, res, next) => {
          const { send: original } = res;
          res.send = function wrapped(body) {
            res.locals.notes.add(`send of a ${typeof body}`);
            return original.call(this, typeof body === 'string' ? `${body} ` : body);
          };
          next();
        },
      },
    ),
  ),
  ...(['json', 'send'] as const).map((name) =>
    way(`${name} behind a replaced end, write and writeHead`, (_, res) => res[name](PAGE), {
      between: (_req, res, next) => {
        for (const method of ['end', 'write', 'writeHead'] as const) {
          const original = res[method] as (...args: unknown[]) => unknown;
          (res as never as Record<string, unknown>)[method] = function wrapped(this: Response, ...args: unknown[]) {
            res.locals.notes.add(`${method} called with ${args.map((arg) => typeof arg).join()}`);
            return original.apply(this, args);
          };
        }
        next();
      },
    }),
  ),
];

const ERROR = () =>
  Object.assign(new Error('the teapot <is> empty'), { stack: 'Error: the teapot <is> empty\n    at a (b:1:2)' });
const withStatus = (status: number) =>
  Object.assign(ERROR(), { status, headers: { 'Retry-After': '7' }, expose: true });

const errors: Way[] = [
  ...[{}, PRODUCTION].flatMap((more) => {
    const env = more === PRODUCTION ? 'production' : 'test';
    return [
      way(`next(error) in ${env}`, (_req, _res, _n, next) => next(ERROR()), more),
      way(
        `a thrown error in ${env}`,
        () => {
          throw ERROR();
        },
        more,
      ),
      ...[400, 404, 409, 429, 503].map((status) =>
        way(`next(error) with status ${status} in ${env}`, (_req, _res, _n, next) => next(withStatus(status)), more),
      ),
      way(
        `next(error) after the first byte in ${env}`,
        (_req, res, _n, next) => {
          res.write('first');
          setImmediate(() => next(ERROR()));
        },
        more,
      ),
      way(`next(error) of a HEAD request in ${env}`, (_req, _res, _n, next) => next(ERROR()), {
        ...more,
        method: 'HEAD',
      }),
    ];
  }),
  ...[400, 404, 429, 500].flatMap((status) => [
    way(`an error handler with JSON and status ${status}`, (_req, _res, _n, next) => next(withStatus(status)), {
      onError: (error, res) => void res.status(error.status!).json({ message: error.message }),
    }),
    way(`an error handler with text and status ${status}`, (_req, _res, _n, next) => next(withStatus(status)), {
      onError: (error, res) => void res.status(error.status!).type('text').send(error.message),
    }),
    way(`an error handler with HTML and status ${status}`, (_req, _res, _n, next) => next(withStatus(status)), {
      onError: (error, res) => void res.status(error.status!).send(`<h1>${error.message}</h1>`),
    }),
    way(
      `an error handler with an empty body and status ${status}`,
      (_req, _res, _n, next) => next(withStatus(status)),
      {
        onError: (error, res) => void res.writeHead(error.status!, { 'Content-Type': 'text/plain' }).end(),
      },
    ),
  ]),
  ...[
    '/v1/PROJECT-1/missing',
    '/v1/PROJECT-1/a%20b',
    '/v1/PROJECT-1/%C3%A9\'&"<x>',
    '/v1/PROJECT-1/a?b=<c>&d',
    '/v1/%/x',
    '/v1/PROJECT-1',
  ].flatMap((path) =>
    ['GET', 'POST', 'HEAD', 'DELETE'].map((method) => way(`a 404 of ${method} ${path}`, () => {}, { path, method })),
  ),
  way('an automatic OPTIONS', () => {}, { method: 'OPTIONS' }),
  way('an automatic OPTIONS of a missing path', () => {}, { method: 'OPTIONS', path: '/v1/PROJECT-1/missing' }),
  way('OPTIONS answered by middleware', () => {}, {
    method: 'OPTIONS',
    between: (_req, res) =>
      void res.set('Access-Control-Allow-Origin', '*').set('Content-Length', '0').status(204).end(),
  }),
  way('next() without a handler', (_req, _res, _n, next) => next()),
  way('next(route)', (_req, _res, _n, next) => next('route')),
];

export const EXPRESS_WAYS: readonly Way[] = [...json, ...send, ...others, ...replaced, ...errors];
