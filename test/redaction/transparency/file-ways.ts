import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import express, { type RequestHandler } from 'express';
import type { Way } from './observe';

/** Ways to answer with files: `sendFile`, `download` and `express.static`, with ranges and conditional requests. */

const FILES: Readonly<Record<string, Buffer>> = {
  'page.json': Buffer.from('{"conversations":[{"turns":[1,2,3]}]}'),
  'audio.wav': Buffer.from(`RIFF${'x'.repeat(3000)}`),
  'a b.txt': Buffer.from('text'),
  'empty.json': Buffer.alloc(0),
  'index.html': Buffer.from('<p>index</p>'),
  '.hidden': Buffer.from('hidden'),
};
const MODIFIED = new Date('2026-01-01T00:00:00.000Z');

const REQUESTS: readonly (readonly [string, Partial<Way>])[] = [
  ['', {}],
  [' of HEAD', { method: 'HEAD' }],
  [' with a range', { headers: { Range: 'bytes=0-9' } }],
  [' with a range from the end', { headers: { Range: 'bytes=-5' } }],
  [' with an open range', { headers: { Range: 'bytes=3-' } }],
  [' with two ranges', { headers: { Range: 'bytes=0-1,4-5' } }],
  [' with a range that is not satisfiable', { headers: { Range: 'bytes=90000-' } }],
  [' with a range in another unit', { headers: { Range: 'items=0-1' } }],
  [' with an old If-Range', { headers: { Range: 'bytes=0-9', 'If-Range': '"old"' } }],
  [' with If-Modified-Since', { headers: { 'If-Modified-Since': MODIFIED.toUTCString() } }],
  [' with an older If-Modified-Since', { headers: { 'If-Modified-Since': new Date(0).toUTCString() } }],
  [' with If-None-Match: *', { headers: { 'If-None-Match': '*' } }],
  [' with an If-Match that fails', { headers: { 'If-Match': '"other"' } }],
  [' with an If-Unmodified-Since that fails', { headers: { 'If-Unmodified-Since': new Date(0).toUTCString() } }],
];

function serveStatic(root: string, options?: Parameters<typeof express.static>[1]): RequestHandler {
  return express.static(root, options) as RequestHandler;
}

function waysIn(root: string): Way[] {
  return [
    ...Object.keys(FILES).flatMap((file) =>
      REQUESTS.map(
        ([name, more]): Way => ({
          name: `sendFile of ${file}${name}`,
          handler: (_req, res, notes, next) => {
            res.sendFile(file, { root, dotfiles: 'allow' }, (error?: Error) => {
              notes.add('sendFile called back', error?.message ?? 'without error');
              if (error && !res.headersSent) next(error);
            });
          },
          setUp: (app) => app.set('env', 'production'),
          ...more,
        }),
      ),
    ),
    ...REQUESTS.map(
      ([name, more]): Way => ({
        name: `express.static${name}`,
        path: '/v1/PROJECT-1/files/audio.wav',
        handler: (req, res, _notes, next) => serveStatic(root)(req, res, next),
        setUp: (app) => app.set('env', 'production'),
        ...more,
      }),
    ),
    ...(
      [
        'files',
        'files/',
        'files/missing',
        'files/a%20b.txt',
        'files/.hidden',
        'files/%2e%2e/x',
        'files/%00',
        'files/sub',
      ] as const
    ).flatMap((file) =>
      ['GET', 'POST'].map(
        (method): Way => ({
          name: `express.static of ${method} ${file}`,
          method,
          path: `/v1/PROJECT-1/${file}`,
          handler: (req, res, _notes, next) =>
            serveStatic(root, { fallthrough: file !== 'files/sub', maxAge: 60_000 })(req, res, next),
          setUp: (app) => app.set('env', 'production'),
        }),
      ),
    ),
    {
      name: 'download',
      handler: (_req, res, notes) =>
        void res.download(path.join(root, 'page.json'), 'résumé.json', notes.callback('download')),
    },
    {
      name: 'sendFile of a missing file',
      handler: (_req, res) => res.sendFile('missing', { root }),
      setUp: (app) => app.set('env', 'production'),
    },
    {
      name: 'sendFile with options',
      handler: (_req, res) =>
        res.sendFile('page.json', {
          root,
          maxAge: 9000,
          immutable: true,
          lastModified: false,
          headers: { 'X-A': '1' },
        }),
    },
    {
      name: 'sendFile with a status',
      handler: (_req, res) => res.status(404).sendFile('index.html', { root }),
    },
  ];
}

/** The ways, and what removes the files they send. */
export function createFileWays(): { ways: readonly Way[]; remove: () => void } {
  const root = mkdtempSync(path.join(tmpdir(), 'keyscope-'));
  for (const [name, bytes] of Object.entries(FILES)) {
    const file = path.join(root, name);
    writeFileSync(file, bytes);
    utimesSync(file, MODIFIED, MODIFIED);
  }
  return { ways: waysIn(root), remove: () => rmSync(root, { recursive: true, force: true }) };
}
