import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import * as zlib from 'node:zlib';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { expresses } from '../../support/express-versions';
import {
  ask,
  closeAll,
  EVERYTHING,
  page,
  redactedPage,
  SECRET,
  type Served,
  SOME_METRICS,
  serve,
  upstream,
} from './harness';

const PAGE = page();
const folder = mkdtempSync(join(tmpdir(), 'keyscope-'));
const FILE = join(folder, 'page.json');
writeFileSync(FILE, PAGE);
let origin: Served;

beforeAll(async () => {
  origin = await upstream((req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.setHeader('ETag', '"upstream"');
    const coding = /coding=(\w+)/.exec(req.url ?? '')?.[1];
    const coded = coding && CODINGS[coding]?.(Buffer.from(PAGE));
    if (coding) res.setHeader('Content-Encoding', coding === 'rawdeflate' ? 'deflate' : coding);
    res.end(coded || PAGE);
  });
});
afterAll(async () => {
  await closeAll();
  rmSync(folder, { recursive: true });
});

const CODINGS: Record<string, (plain: Buffer) => Buffer> = {
  gzip: (plain) => zlib.gzipSync(plain),
  br: (plain) => zlib.brotliCompressSync(plain),
  deflate: (plain) => zlib.deflateSync(plain),
  rawdeflate: (plain) => zlib.deflateRawSync(plain),
};

type Way = (req: Request, res: Response) => unknown;

function pieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Ways of sending the text of a page. The response is the same text, redacted. */
const TEXT_WAYS: Record<string, Way> = {
  'send(string)': (_req, res) => res.type('json').send(PAGE),
  'send(Buffer)': (_req, res) => res.type('json').send(Buffer.from(PAGE)),
  'send(string) with a +json type': (_req, res) => res.type('application/vnd.api+json').send(PAGE),
  'end(string)': (_req, res) => res.type('json').end(PAGE),
  'end(Buffer)': (_req, res) => res.type('json').end(Buffer.from(PAGE)),
  'end(string) without a type': (_req, res) => res.end(PAGE),
  'end(string, encoding)': (_req, res) => res.type('json').end(Buffer.from(PAGE).toString('base64'), 'base64'),
  'setHeader and end, as without Express': (_req, res) => {
    res.setHeader('content-type', ['application/json']);
    res.end(PAGE);
  },
  'writeHead and end': (_req, res) => res.writeHead(200, { 'Content-Type': 'application/json' }).end(PAGE),
  'one write and end': (_req, res) => {
    res.type('json').write(PAGE);
    res.end();
  },
  'a write for every byte': (_req, res) => {
    res.type('json');
    for (const byte of pieces(Buffer.from(PAGE), 1)) res.write(byte);
    res.end();
  },
  'write in pieces, the last with end': (_req, res) => {
    const parts = pieces(Buffer.from(PAGE), 100);
    res.type('json');
    for (const part of parts.slice(0, -1)) res.write(part);
    res.end(parts.at(-1));
  },
  'write(Uint8Array)': (_req, res) => {
    const bytes = new TextEncoder().encode(PAGE);
    res.type('json').write(bytes.subarray(0, 50));
    res.end(bytes.subarray(50));
  },
  'write of latin1, hex, base64 and utf16le text': (_req, res) => {
    const parts = pieces(Buffer.from(PAGE), 120);
    res.type('json');
    for (const [i, part] of parts.entries()) {
      const encoding = (['latin1', 'hex', 'base64'] as const)[i % 3]!;
      res.write(part.toString(encoding), encoding);
    }
    res.end();
  },
  'a file stream piped': (_req, res) => createReadStream(FILE, { highWaterMark: 64 }).pipe(res.type('json')),
  'a Readable piped': (_req, res) => Readable.from(pieces(Buffer.from(PAGE), 33)).pipe(res.type('json')),
  'stream.pipeline': (_req, res) => pipeline(Readable.from(pieces(Buffer.from(PAGE), 33)), res.type('json')),
  'stream.pipeline from a generator': (_req, res) =>
    pipeline(async function* parts() {
      yield* pieces(Buffer.from(PAGE), 50);
    }, res.type('json')),
  sendFile: (_req, res) => res.sendFile(FILE),
  download: (_req, res) => res.download(FILE),
  'a fetched body piped': async (_req, res) => {
    const { body } = await fetch(origin.url);
    Readable.fromWeb(body as ReadableStream).pipe(res.type('json'));
  },
  'a body compressed with gzip': (_req, res) =>
    res.type('json').set('Content-Encoding', 'gzip').end(zlib.gzipSync(PAGE)),
  'a body compressed with gzip, in single bytes': (_req, res) => {
    res.type('json').set('Content-Encoding', 'gzip');
    for (const byte of pieces(zlib.gzipSync(PAGE), 1)) res.write(byte);
    res.end();
  },
  'a body compressed with gzip, through send': (_req, res) =>
    res.type('json').set('Content-Encoding', 'gzip').send(zlib.gzipSync(PAGE)),
  'a gzip stream piped': (_req, res) =>
    createReadStream(FILE).pipe(zlib.createGzip()).pipe(res.type('json').set('Content-Encoding', 'gzip')),
};

/** Ways of sending the objects of a page. The response is their JSON text, redacted. */
const OBJECT_WAYS: Record<string, Way> = {
  'json(object)': (_req, res) => res.json(JSON.parse(PAGE)),
  'send(object)': (_req, res) => res.send(JSON.parse(PAGE)),
  'jsonp(object) without a callback': (_req, res) => res.jsonp(JSON.parse(PAGE)),
  'json(object) with a status': (_req, res) => res.status(404).json(JSON.parse(PAGE)),
  'json(object) with a +json type': (_req, res) => res.type('application/hal+json').json(JSON.parse(PAGE)),
  'json of an object with a toJSON': (_req, res) => res.json({ toJSON: () => JSON.parse(PAGE) }),
  'json of a class instance': (_req, res) =>
    res.json(
      new (class Page {
        conversations = JSON.parse(PAGE).conversations;
        cursor = null;
        big = 12345678901234567000;
        one = 1;
      })(),
    ),
};

const ALL_WAYS = { ...TEXT_WAYS, ...OBJECT_WAYS };

const MIDDLEWARE: Record<string, { before?: RequestHandler; after?: RequestHandler }> = {
  alone: {},
  'compression() before': { before: compression({ threshold: 0 }) },
  'compression() after': { after: compression({ threshold: 0 }) },
};

function decoded(body: Buffer, coding: string | undefined): string {
  if (coding === 'gzip') return zlib.gunzipSync(body).toString();
  if (coding === 'br') return zlib.brotliDecompressSync(body).toString();
  if (coding === 'deflate') return (body[0] === 0x78 ? zlib.inflateSync(body) : zlib.inflateRawSync(body)).toString();
  expect(coding).toBeUndefined();
  return body.toString();
}

describe.each(expresses)('%s', (_name, express) => {
  describe.each(Object.entries(MIDDLEWARE))('redactResponse, %s', (around, { before, after }) => {
    let some: Served;
    let all: Served;

    beforeAll(async () => {
      const build: Parameters<typeof serve>[1] = (app, redact) => {
        if (before) app.use(before);
        app.use(redact());
        if (after) app.use(after);
        app.get('/way', (req, res) => void ALL_WAYS[String(req.query.name)]!(req, res));
        app.use('/proxied', createProxyMiddleware({ target: origin.url }));
      };
      some = await serve(express, build, { features: () => SOME_METRICS });
      all = await serve(express, build, { features: () => EVERYTHING });
    });
    afterAll(async () => {
      await some.close();
      await all.close();
    });

    async function check(path: string, wantSome: string, wantAll: string): Promise<void> {
      for (const accept of ['gzip', 'br', 'identity', undefined]) {
        const headers = accept ? { 'accept-encoding': accept } : {};
        const redacted = await ask(some.url + path, { headers });
        const text = decoded(redacted.body, redacted.headers['content-encoding']);
        expect(text).not.toContain(SECRET);
        expect(text).toBe(wantSome);
        expect(redacted.cut).toBe(false);
        expect(redacted.headers.redacted).toBe('transcript, metrics');
        const length = redacted.headers['content-length'];
        if (length !== undefined) expect(Number(length)).toBe(redacted.body.length);
        const typed = typeof redacted.headers['content-type'] === 'string' && !path.includes('setHeader');
        if (around.endsWith('before') && typed && (accept === 'gzip' || accept === 'br')) {
          expect(redacted.headers['content-encoding']).toBe(accept);
        }

        const full = await ask(all.url + path, { headers });
        expect(decoded(full.body, full.headers['content-encoding'])).toBe(wantAll);
        expect(full.headers.redacted).toBeUndefined();
      }
      expect(some.failures).toEqual([]);
    }

    test.each(Object.keys(TEXT_WAYS))('redactResponse redacts %s and keeps every other byte', async (name) => {
      await check(`/way?name=${encodeURIComponent(name)}`, redactedPage(), PAGE);
    });

    test.each(Object.keys(OBJECT_WAYS))('redactResponse redacts the JSON text of %s', async (name) => {
      const plain = JSON.stringify(JSON.parse(PAGE));
      await check(`/way?name=${encodeURIComponent(name)}`, JSON.stringify(JSON.parse(redactedPage())), plain);
    });

    test.each([undefined, ...Object.keys(CODINGS)])(
      'redactResponse redacts a proxied body (coding: %s)',
      async (coding) => {
        await check(`/proxied/page${coding ? `?coding=${coding}` : ''}`, redactedPage(), PAGE);
      },
    );
  });
});
