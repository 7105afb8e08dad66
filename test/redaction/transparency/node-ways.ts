import { EventEmitter } from 'node:events';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { brotliCompressSync, createGzip, deflateSync, gzipSync } from 'node:zlib';
import type { Response } from 'express';
import type { Handler, Notes, Way } from './observe';

/** Ways to answer with the functions of Node's own response. */

const way = (name: string, handler: Handler, more: Partial<Way> = {}): Way => ({ name, handler, ...more });
const TEXT = '{"conversations":[{"id":"CA1","turns":[{"user_input":"héllo"}]}]}';
const BYTES = Buffer.from(TEXT);
const json = (res: Response): Response => res.type('json');

function pieces(size: number): Buffer[] {
  const result: Buffer[] = [];
  for (let at = 0; at < BYTES.length; at += size) result.push(BYTES.subarray(at, at + size));
  return result;
}

const ends: Way[] = [
  way('end without a body', (_, res, n) => n.call('end', () => res.end())),
  way('end without a body, with a type', (_, res) => json(res).end()),
  way('end without a body, with a status', (_, res) => res.status(404).end()),
  way('end of a string', (_, res, n) => n.call('end', () => res.end('text'))),
  way('end of JSON', (_, res, n) => n.call('end', () => json(res).end(TEXT))),
  way('end of bytes', (_, res) => json(res).end(BYTES)),
  way('end of a Uint8Array', (_, res) => json(res).end(new Uint8Array(BYTES))),
  way('end with an encoding', (_, res) => json(res).end(BYTES.toString('hex'), 'hex')),
  way('end with latin1', (_, res) => void res.type('text').end('h\u00e9', 'latin1')),
  way('end with a callback', (_, res, n) => void json(res).end(TEXT, n.callback('end'))),
  way('end with a callback alone', (_, res, n) => void res.end(n.callback('end'))),
  way('end with an encoding and a callback', (_, res, n) => void json(res).end(TEXT, 'utf8', n.callback('end'))),
  way('end of null', (_, res, n) => n.call('end', () => res.end(null as never))),
  way('end of a number', (_, res, n) => {
    n.call('end', () => res.end(5 as never));
    res.end();
  }),
  way('end of an object', (_, res, n) => {
    n.call('end', () => res.end({} as never));
    res.end('text');
  }),
  way('end twice', (_, res, n) => {
    res.end('one', n.callback('first'));
    n.call('second end', () => res.end('two', n.callback('second')));
  }),
  way('end twice without a body', (_, res, n) => {
    res.end('one');
    n.call('second end', () => res.end(n.callback('second')));
  }),
  way('write after end', (_, res, n) => {
    res.end('one');
    n.call('write', () => res.write('two', n.callback('write')));
  }),
  way('a property of every kind', (_, res, n) => {
    const state = () => ({
      writable: res.writable,
      sent: res.headersSent,
      length: res.writableLength > 0,
      mark: res.writableHighWaterMark,
      corked: res.writableCorked,
      ended: res.writableEnded,
      needDrain: res.writableNeedDrain,
      chunked: res.chunkedEncoding,
      close: res.shouldKeepAlive,
      objectMode: res.writableObjectMode,
    });
    n.add('before', state());
    json(res).write(TEXT.slice(0, 10));
    n.add('under way', state());
    res.end(TEXT.slice(10));
    n.add('after', state());
  }),
];

const writes: Way[] = [
  ...[1, 7, 1000].map((size) =>
    way(`writes of ${size} bytes`, (_, res, n) => {
      json(res);
      for (const piece of pieces(size)) n.add('write', res.write(piece));
      res.end();
    }),
  ),
  ...['utf8', 'latin1', 'hex', 'base64', 'ucs2'].map((encoding) =>
    way(`a write in ${encoding}`, (_, res, n) => {
      json(res);
      n.call('write', () => res.write(BYTES.toString(encoding as BufferEncoding), encoding as BufferEncoding));
      res.end();
    }),
  ),
  way('writes with callbacks', (_, res, n) => {
    json(res);
    res.write(TEXT.slice(0, 20), n.callback('first'));
    res.write(TEXT.slice(20), 'utf8', n.callback('second'));
    res.end(n.callback('end'));
  }),
  way('an empty write', (_, res, n) => {
    json(res);
    n.call('write', () => res.write('', n.callback('write')));
    res.end(TEXT);
  }),
  way('an empty write alone', (_, res, n) => {
    n.call('write', () => res.write(Buffer.alloc(0)));
    res.end();
  }),
  ...[null, undefined, 5, {}, true].map((value) =>
    way(`a write of ${JSON.stringify(value)}`, (_, res, n) => {
      n.call('write', () => res.write(value as never));
      res.end('end');
    }),
  ),
  way('a write with an invalid encoding', (_, res, n) => {
    n.call('write', () => res.write('text', 'nonsense' as never));
    res.end('end');
  }),
  way('setHeader after write', (_, res, n) => {
    res.write('x');
    n.call('setHeader', () => res.setHeader('X-Late', '1'));
    n.call('removeHeader', () => res.removeHeader('X-Late'));
    n.call('appendHeader', () => res.appendHeader('X-Late', '1'));
    n.call('status', () => res.status(500));
    n.call('flushHeaders', () => res.flushHeaders());
    n.call('writeHead', () => res.writeHead(404));
    res.end();
  }),
  way('write with a Content-Length', (_, res) => {
    json(res).set('Content-Length', String(BYTES.length));
    res.write(BYTES.subarray(0, 9));
    res.end(BYTES.subarray(9));
  }),
  way('write with a Content-Length that is too long', (_, res) => {
    json(res).set('Content-Length', String(BYTES.length + 9));
    res.end(BYTES);
  }),
  way('write with strictContentLength', (_, res, n) => {
    res.strictContentLength = true;
    res.setHeader('Content-Length', 3);
    n.call('end', () => res.end('abcd'));
    n.call('destroy', () => void res.destroy());
  }),
  way('no Date', (_, res) => {
    res.sendDate = false;
    json(res).end(TEXT);
  }),
  way('writes over several turns', (_, res, n) => {
    json(res);
    const rest = pieces(9);
    const step = (): void => {
      const piece = rest.shift();
      if (piece === undefined) res.end();
      else {
        n.add('write', res.write(piece));
        setImmediate(step);
      }
    };
    step();
  }),
  way('flushHeaders, then writes', (_, res, n) => {
    json(res);
    n.call('flushHeaders', () => res.flushHeaders());
    n.add('sent', res.headersSent);
    n.call('setHeader', () => res.setHeader('X-Late', '1'));
    setImmediate(() => res.end(TEXT));
  }),
  way('flushHeaders without a type', (_, res) => {
    res.flushHeaders();
    setImmediate(() => res.end('plain'));
  }),
  way('flushHeaders twice and no body', (_, res) => {
    res.flushHeaders();
    res.flushHeaders();
    res.end();
  }),
  way(
    'large writes with drain',
    (_, res) => {
      json(res);
      let left = 40;
      const piece = `"${'x'.repeat(65_000)}",`;
      res.write('[');
      const step = (): void => {
        while (left-- > 0) if (!res.write(piece)) return void res.once('drain', step);
        res.end('0]');
      };
      step();
    },
    { depends: 'drain' },
  ),
  way(
    'large writes without waiting',
    (_, res) => {
      res.type('text/csv');
      for (let i = 0; i < 40; i++) res.write('x'.repeat(65_000));
      res.end();
    },
    { depends: 'drain' },
  ),
  way(
    'a client that goes away',
    (_, res, n) => {
      res.type('text/csv');
      res.write('first');
      res.on('close', () => n.call('write', () => res.write('late', () => n.add('late write called back'))));
    },
    { abortAfter: 1 },
  ),
];

const heads: Way[] = [
  ...[200, 201, 204, 205, 304, 400, 404, 429, 500, 504].flatMap((status) => [
    way(`writeHead ${status} without a body`, (_, res, n) => {
      n.call('writeHead', () => res.writeHead(status));
      res.end();
    }),
    way(
      `writeHead ${status} with a type and no body`,
      (_, res) => void res.writeHead(status, { 'Content-Type': 'text/plain' }).end(),
    ),
    way(
      `writeHead ${status} with a text`,
      (_, res) => void res.writeHead(status, { 'Content-Type': 'text/plain' }).end('text'),
    ),
    way(`writeHead ${status} with an untyped text`, (_, res) => void res.writeHead(status).end('text')),
    way(
      `writeHead ${status} with JSON`,
      (_, res) => void res.writeHead(status, { 'Content-Type': 'application/json' }).end(TEXT),
    ),
  ]),
  way('writeHead with a message', (_, res) => void res.writeHead(200, 'Fine').end('text')),
  way('writeHead with a message and headers', (_, res) => void res.writeHead(200, 'Fine', { 'X-A': '1' }).end('text')),
  way('a statusMessage', (_, res) => {
    res.statusMessage = 'Quite Fine';
    res.end('text');
  }),
  way(
    'writeHead with a flat array',
    (_, res) => void res.writeHead(200, ['X-A', '1', 'X-B', '2', 'X-A', '3']).end('text'),
  ),
  way('writeHead with an array of pairs', (_, res, n) => {
    n.call('writeHead', () =>
      res.writeHead(200, [
        ['X-A', '1'],
        ['X-A', '2'],
      ] as never),
    );
    res.end('text');
  }),
  way('writeHead with an array after setHeader', (_, res, n) => {
    res.setHeader('X-A', '0');
    n.call('writeHead', () => res.writeHead(200, ['x-a', '1', 'X-B', '2']));
    res.end('text');
  }),
  way(
    'writeHead with lists of values',
    (_, res) => void res.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'], Link: ['<a>', '<b>'] }).end(),
  ),
  way(
    'writeHead with a Content-Length',
    (_, res) =>
      void res.writeHead(200, { 'Content-Length': BYTES.length, 'Content-Type': 'application/json' }).end(TEXT),
  ),
  way(
    'writeHead with odd names',
    (_, res) => void res.writeHead(200, { 'cOnTeNt-TyPe': 'application/json', ETAG: '"e"' }).end(TEXT),
  ),
  way('writeHead twice', (_, res, n) => {
    res.writeHead(200);
    n.call('second writeHead', () => res.writeHead(404));
    res.end();
  }),
  way('writeHead, then setHeader', (_, res, n) => {
    res.writeHead(200, { 'X-A': '1' });
    n.add('sent', res.headersSent);
    n.add('header', String(res.getHeader('x-a')));
    n.call('setHeader', () => res.setHeader('X-B', '1'));
    res.end('text');
  }),
  ...[0, 99, 1000, '404', '200 OK', 410.1, undefined, null].map((status) =>
    way(`writeHead with the status ${JSON.stringify(status)}`, (_, res, n) => {
      n.call('writeHead', () => res.writeHead(status as never));
      res.end('text');
    }),
  ),
  way('writeHead with an invalid header', (_, res, n) => {
    n.call('name', () => res.writeHead(200, { 'bad name': '1' }));
    res.end('text');
  }),
  way('writeHead with an invalid value', (_, res, n) => {
    n.call('value', () => res.writeHead(200, { 'X-A': 'a\nb' }));
    res.end('text');
  }),
  way('writeHead with an invalid message', (_, res, n) => {
    n.call('message', () => res.writeHead(200, 'a\nb'));
    res.end('text');
  }),
  way('writeHead, then flushHeaders', (_, res, n) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    n.call('flushHeaders', () => res.flushHeaders());
    setImmediate(() => res.end(TEXT));
  }),
  way('writeHead, then end later', (_, res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    setTimeout(() => res.end(TEXT), 5);
  }),
  way('informational responses', (_, res, n) => {
    n.call('writeContinue', () => res.writeContinue());
    n.call('writeProcessing', () => res.writeProcessing());
    n.call('writeEarlyHints', () => res.writeEarlyHints({ link: '</a.css>; rel=preload' }));
    res.end('text');
  }),
  way('an implicit header', (_, res, n) => {
    const bare = res as never as { _implicitHeader(): void; _header: string | null };
    n.call('_implicitHeader', () => bare._implicitHeader());
    res.end('text');
  }),
  way(
    'HTTP/1.0',
    (_, res) => {
      json(res).write(TEXT.slice(0, 9));
      res.end(TEXT.slice(9));
    },
    { version: '1.0' },
  ),
  way('HTTP/1.0 with json', (_, res) => res.json({ turns: [1] }), { version: '1.0' }),
  way('chunked encoding switched off', (_, res) => {
    res.useChunkedEncodingByDefault = false;
    json(res).write(TEXT);
    res.end();
  }),
  way('Connection: keep-alive of the handler', (_, res) => void json(res).set('Connection', 'keep-alive').end(TEXT), {
    headers: { Connection: 'close' },
  }),
  way('setHeaders', (_, res, n) => {
    n.call('setHeaders', () =>
      res.setHeaders(
        new Map([
          ['X-A', '1'],
          ['X-B', '2'],
        ]),
      ),
    );
    res.end('text');
  }),
];

const corks: Way[] = ['application/json', 'text/event-stream', 'application/x-ndjson', 'text/plain'].flatMap((type) => {
  const record =
    type === 'text/event-stream' ? 'data: {"turns":[1]}\n\n' : type === 'application/json' ? '1 ' : '{"turns":[1]}\n';
  return [
    way(`cork and uncork of ${type}`, (_, res, n) => {
      res.setHeader('Content-Type', type);
      n.call('cork', () => res.cork());
      n.add('write', res.write(record));
      n.add('corked', res.writableCorked);
      n.call('uncork', () => res.uncork());
      res.end();
    }),
    way(`uncork in the next tick of ${type}`, (_, res, n) => {
      res.setHeader('Content-Type', type);
      res.cork();
      res.write(record, n.callback('first'));
      if (type !== 'application/json') res.write(record, n.callback('second'));
      process.nextTick(() => res.uncork());
      setImmediate(() => res.end(n.callback('end')));
    }),
    way(`end while corked of ${type}`, (_, res, n) => {
      res.setHeader('Content-Type', type);
      res.cork();
      res.cork();
      res.write(record);
      res.end(n.callback('end'));
      n.add('corked', res.writableCorked);
    }),
  ];
});

const pipes: Way[] = [
  way('pipe', (_, res) => Readable.from(pieces(11)).pipe(json(res))),
  way('pipe with its result', (_, res, n) => n.call('pipe', () => Readable.from(pieces(11)).pipe(json(res)))),
  way('pipe without end', (_, res) => {
    const source = Readable.from([BYTES]);
    source.pipe(json(res), { end: false });
    source.on('end', () => res.end(' '));
  }),
  way('pipe of nothing', (_, res) => Readable.from([]).pipe(json(res))),
  way('pipeline', (_, res, n) => void pipeline(Readable.from(pieces(11)), json(res), n.callback('pipeline'))),
  way('pipeline that fails', (_, res, n) => {
    async function* broken() {
      yield BYTES.subarray(0, 20);
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error('upstream broke');
    }
    pipeline(Readable.from(broken()), json(res), n.callback('pipeline'));
  }),
  way('unpipe', (_, res) => {
    const source = new PassThrough();
    source.pipe(json(res));
    source.write(TEXT);
    setTimeout(() => {
      source.unpipe(res);
      res.end();
    }, 10);
  }),
  way('for await', async (_, res, n) => {
    json(res);
    for await (const piece of Readable.from(pieces(11))) n.add('write', res.write(piece));
    res.end();
  }),
  way('gzip in the handler', (_, res) => {
    const zip = createGzip();
    zip.pipe(json(res).set('Content-Encoding', 'gzip'));
    zip.end(TEXT);
  }),
  ...(
    [
      ['gzip', gzipSync(BYTES)],
      ['br', brotliCompressSync(BYTES)],
      ['deflate', deflateSync(BYTES)],
      ['x-gzip', gzipSync(BYTES)],
      ['gzip, br', brotliCompressSync(gzipSync(BYTES))],
      ['gzip', Buffer.from('not gzip')],
      ['none', BYTES],
      ['identity', BYTES],
      ['', BYTES],
      ['UTF-8', BYTES],
      ['compress', Buffer.from('compressed')],
    ] as const
  ).flatMap(([coding, body]) => [
    way(`the coding "${coding}" of ${body.length} bytes by end`, (_, res) => {
      json(res).setHeader('Content-Encoding', coding);
      res.end(body);
    }),
    way(`the coding "${coding}" of ${body.length} bytes by send`, (_, res) => {
      json(res).setHeader('Content-Encoding', coding);
      res.send(body);
    }),
  ]),
];

const typed: Way[] = [
  [
    'text/event-stream',
    ['event: endpoint\ndata: /messages?sessionId=1\n\n', 'data: {"turns":[1]}\n\n', 'data: 12:00 ping\n\n'],
  ],
  ['text/event-stream', [`:${' '.repeat(2048)}\n`, 'retry: 100\n', ': comment\n\n', 'id: 7\ndata: [DONE]\n\n']],
  ['text/event-stream; charset=utf-8', ['data: no end of event']],
  ['text/event-stream', ['data: {"turns":\ndata: [1]}\n\n', '\r\r', 'nonsense\n\n']],
  ['application/x-ndjson', ['{"turns":[1]}\n', '\n', '{"turns":[2]}\r\n', '{"turns":[3]}']],
  ['application/jsonl', ['{"turns":[1]}\n', '{"turns":[2]}\n']],
  ['application/json-seq', ['\u001e{"turns":[1]}\n', '\u001e{"turns":[2]}\n']],
  ['application/stream+json', ['{"turns":[1]}', '{"turns":[2]}\n']],
  ['application/json', ['{"0":{"result":1}}\n', '{"1":{"result":2}}\n']],
  ['application/json', ['{"turns":[1', ',2']],
  ['application/json', ['not json']],
  ['application/json', ['  ', '\n', '[]', '  ']],
  ['application/json', ['"', '\\u00', 'e9"']],
  ['application/json; charset=utf-16', ['{"turns":[1]}']],
  ['text/html', ['<p>one</p>', '<p>two</p>']],
  ['application/octet-stream', ['\u0000\u0001', '\u0002']],
  ['multipart/x-mixed-replace; boundary=x', ['--x\r\n\r\nframe\r\n', '--x\r\n\r\nframe\r\n']],
  ['application/xml', ['<a>', '</a>']],
  ['application/grpc-web+proto', ['\u0000\u0000', 'x']],
].flatMap(([type, parts], index) => {
  const chunks = parts as readonly string[];
  return [false, true].map((flush) =>
    way(`${flush ? 'flushed ' : ''}chunks of ${type} (${index})`, (_, res: Response, n: Notes) => {
      res.setHeader('Content-Type', type as string);
      if (flush) res.flushHeaders();
      const rest = [...chunks];
      const step = (): void => {
        const next = rest.shift();
        if (next === undefined) return void res.end(n.callback('end'));
        n.add('write', res.write(next, n.callback('write')));
        setImmediate(step);
      };
      step();
    }),
  );
});

const trailers: Way[] = [
  way('trailers', (_, res, n) => {
    json(res).set('Trailer', 'X-Digest, ETag');
    res.write(TEXT);
    n.call('addTrailers', () => res.addTrailers({ 'X-Digest': 'abc', ETag: '"e"', 'Content-MD5': 'x' }));
    res.end();
  }),
  way('trailers in pairs', (_, res, n) => {
    res.set('Trailer', 'X-A');
    res.write('x');
    n.call('addTrailers', () => res.addTrailers([['X-A', '1']] as never));
    res.end();
  }),
  way('digests and lengths in headers', (_, res) =>
    json(res)
      .set({
        'x-amz-checksum-sha256': 'a',
        'x-goog-hash': 'b',
        'Content-Digest': 'c',
        'X-Original-Content-Length': '9',
        'Last-Modified': 'x',
      })
      .send(TEXT),
  ),
];

const ranges: Way[] = [
  way('a Content-Range of items', (_, res) => res.set('Content-Range', 'conversations 0-9/30').json([1])),
  way('a 206 of items', (_, res) => res.status(206).set('Content-Range', 'items 0-9/30').json([1])),
  way('a 206 of bytes', (_, res) => void json(res).status(206).set('Content-Range', 'bytes 0-3/9').end('{"a"')),
  way('a Range of items', (req, res) => res.json({ range: req.get('Range') }), { headers: { Range: 'items=10-14' } }),
  way('a Range of bytes', (req, res) => res.json({ range: req.get('Range') }), { headers: { Range: 'bytes=0-3' } }),
  way('a 416', (_, res) => res.status(416).set('Content-Range', 'bytes */9').end()),
  way('Accept-Ranges', (_, res) => res.set('Accept-Ranges', 'bytes').json([1])),
];

const destroyed: Way[] = [
  way('destroy before the first byte', (_, res, n) => n.call('destroy', () => void res.destroy())),
  way('destroy after the first byte', (_, res, n) => {
    json(res).write('{"turns":', () => {
      n.call('destroy', () => void res.destroy());
      n.call('write', () => res.write('1}'));
      n.call('end', () => void res.end());
    });
  }),
  way('destroy with an error', (_, res) => {
    res.write('x', () => void res.destroy(new Error('mine')));
  }),
  way(
    'a request body',
    (req, res) => {
      req.pipe(json(res));
    },
    { method: 'POST', body: TEXT, headers: { 'Content-Type': 'application/json' } },
  ),
  way('a request body without a reader', (_, res) => res.json({}), { method: 'POST', body: 'x'.repeat(5000) }),
  way('listeners', (_, res, n) => {
    n.add(
      'counts',
      ['finish', 'close', 'error', 'drain'].map((event) => EventEmitter.listenerCount(res, event)),
    );
    n.add('assigned', res.socket !== null);
    res.end();
  }),
];

export const NODE_WAYS: readonly Way[] = [
  ...ends,
  ...writes,
  ...heads,
  ...corks,
  ...pipes,
  ...typed,
  ...trailers,
  ...ranges,
  ...destroyed,
];
