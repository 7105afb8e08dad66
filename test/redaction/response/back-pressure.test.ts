import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextRound } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';
import { expresses } from '../../support/express-versions';
import { liveMemory } from '../../support/live-memory';
import { waitUntil } from '../../support/wait-until';
import { ask, closeAll, conversation, redactedPage, serve } from './harness';

// A thousand responses, or hundreds of megabytes, take longer on a busy machine.
jest.setTimeout(180_000);

const MEGABYTE = 1024 * 1024;

function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  return waitUntil(`this holds: ${condition}`, condition);
}

afterEach(closeAll);

/** A client that reads nothing until it is told to. */
async function slowReader(
  port: number,
  path = '/',
  headers = '',
): Promise<{ socket: net.Socket; read(): Promise<Buffer> }> {
  const socket = net.connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`);
  return {
    socket,
    read: () =>
      new Promise((resolve) => {
        const chunks: Buffer[] = [];
        socket.on('data', (chunk) => chunks.push(chunk));
        socket.on('close', () => resolve(Buffer.concat(chunks)));
        socket.resume();
      }),
  };
}

/** Waits until a number has stopped growing, and returns it. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  await until(async () => {
    const now = value();
    for (let i = 0; i < 50; i++) await nextRound();
    const stable = now === last && value() === now && now > 0;
    last = value();
    return stable;
  });
  return last;
}

function bodyOf(raw: Buffer): string {
  let at = raw.indexOf('\r\n\r\n') + 4;
  const parts: Buffer[] = [];
  for (;;) {
    const end = raw.indexOf('\r\n', at);
    const length = Number.parseInt(raw.toString('latin1', at, end), 16);
    if (!(length > 0)) return Buffer.concat(parts).toString();
    parts.push(raw.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}

describe.each(expresses)('%s: back-pressure', (_name, express) => {
  type Handler = (req: Request, res: Response) => unknown;
  async function answering(handler: Handler, ...before: RequestHandler[]) {
    return serve(express, (app, redact) => app.get('/', ...before, redact(), (req, res) => void handler(req, res)));
  }

  describe('back-pressure', () => {
    const CONVERSATION = Buffer.from(`${conversation(1).replace(`"note":"`, `"note":"${'y'.repeat(20_000)}`)},`);
    const TIMES = 1200;

    function* bigPage(times = TIMES): Generator<Buffer> {
      yield Buffer.from('{"conversations":[');
      for (let i = 0; i < times; i++) yield CONVERSATION;
      yield Buffer.from('{}]}');
    }

    const ways: Record<string, { handler: Handler; before?: RequestHandler }> = {
      'write and drain': {
        handler: async (_req, res) => {
          res.type('json');
          for (const chunk of bigPage()) {
            if (!res.write(chunk)) await new Promise<void>((resolve) => res.once('drain', resolve));
          }
          res.end();
        },
      },
      pipe: { handler: (_req, res) => Readable.from(bigPage(), { objectMode: false }).pipe(res.type('json')) },
      pipeline: { handler: (_req, res) => pipeline(bigPage(), res.type('json')) },
      'gzip, piped': {
        handler: (_req, res) =>
          Readable.from(bigPage(), { objectMode: false })
            .pipe(zlib.createGzip({ level: 1 }))
            .pipe(res.type('json').set('Content-Encoding', 'gzip')),
      },
      'gzip, from a generator': {
        handler: (_req, res) =>
          pipeline(bigPage(), zlib.createGzip({ level: 1 }), res.type('json').set('Content-Encoding', 'gzip')),
      },
      'pipe into compression': {
        handler: (_req, res) => Readable.from(bigPage(), { objectMode: false }).pipe(res.type('json')),
        before: compression({ level: 0 }),
      },
      'gzip, piped into compression': {
        handler: (_req, res) =>
          Readable.from(bigPage(), { objectMode: false })
            .pipe(zlib.createGzip({ level: 1 }))
            .pipe(res.type('json').set('Content-Encoding', 'gzip')),
        before: compression({ level: 0 }),
      },
      'gzip, from a generator into compression': {
        handler: (_req, res) =>
          pipeline(bigPage(), zlib.createGzip({ level: 1 }), res.type('json').set('Content-Encoding', 'gzip')),
        before: compression({ level: 0 }),
      },
    };

    test.each(Object.keys(ways))(
      'the source waits while the client does not read, and then sends everything (%s)',
      async (name) => {
        const { handler, before } = ways[name]!;
        let response: Response | undefined;
        const served = await answering(
          (req, res) => {
            response = res;
            return handler(req, res);
          },
          ...(before ? [before] : []),
        );
        const { socket, read } = await slowReader(served.port, '/', before ? 'Accept-Encoding: gzip\r\n' : '');
        let sockets = 0;
        served.server.on('connection', () => sockets++);
        await settled(() => response?.writableLength ?? 0);
        // About 24 MB are to come. A few buffers wait here, and the sent bytes are in the kernel's.
        expect(response!.writableLength).toBeLessThan(2 * MEGABYTE);
        expect(response!.socket!.bytesWritten).toBeLessThan(12 * MEGABYTE);
        const raw = await read();
        expect(socket.bytesRead).toBe(raw.length);
        const body = before
          ? await new Promise<string>((resolve) => {
              const at = raw.indexOf('\r\n\r\n') + 4;
              resolve(zlib.gunzipSync(unchunked(raw.subarray(at))).toString());
            })
          : bodyOf(raw);
        const redacted = redactedPage(1)
          .slice('{"conversations":['.length)
          .split('],"cursor"')[0]!
          .replace('CA0', 'CA1')
          .replace(`"note":"`, `"note":"${'y'.repeat(20_000)}`);
        expect(body === `{"conversations":[${`${redacted},`.repeat(TIMES)}{}]}`).toBe(true);
      },
    );

    function unchunked(raw: Buffer): Buffer {
      const parts: Buffer[] = [];
      let at = 0;
      for (;;) {
        const end = raw.indexOf('\r\n', at);
        const length = Number.parseInt(raw.toString('latin1', at, end), 16);
        if (!(length > 0)) return Buffer.concat(parts);
        parts.push(raw.subarray(end + 2, end + 2 + length));
        at = end + 2 + length + 2;
      }
    }

    test('a source waits for the decoder alone where nothing of its body leaves, also above compression()', async () => {
      const noise = Array.from({ length: 40 }, () => JSON.stringify(randomBytes(65_536).toString('base64')));
      const packed = zlib.gzipSync(`{"turns":[${noise.join(',')}],"id":1}`);
      for (const before of [[], [compression({ threshold: 0 })]]) {
        const served = await answering(
          (_req, res) => {
            function* parts(): Generator<Buffer> {
              for (let at = 0; at < packed.length; at += 65_536) yield packed.subarray(at, at + 65_536);
            }
            void pipeline(parts(), res.type('json').set('Content-Encoding', 'gzip'));
          },
          ...before,
        );
        const { body, headers } = await ask(served.url, { headers: { 'accept-encoding': 'gzip' } });
        const text = headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(body) : body;
        expect(text.toString()).toBe('{"turns":[],"id":1}');
      }
    });

    test('a small body that unpacks to a huge one takes time, not memory', async () => {
      const size = 120 * MEGABYTE;
      const bomb = await new Promise<Buffer>((resolve) => {
        const chunks: Buffer[] = [];
        const gzip = zlib.createGzip({ level: 1 }).on('data', (chunk) => chunks.push(chunk));
        gzip.on('end', () => resolve(Buffer.concat(chunks)));
        function* filler(): Generator<Buffer> {
          yield Buffer.from('{"turns":["x"],"kept":"');
          for (let i = 0; i < size; i += MEGABYTE) yield Buffer.alloc(MEGABYTE, 0x61);
          yield Buffer.from('"}');
        }
        Readable.from(filler(), { objectMode: false }).pipe(gzip);
      });
      expect(bomb.length).toBeLessThan(4 * MEGABYTE);
      let response: Response | undefined;
      const served = await answering((_req, res) => {
        response = res;
        res.type('json').set('Content-Encoding', 'gzip').end(bomb);
      });
      const { socket } = await slowReader(served.port);
      await settled(() => response?.socket?.bytesWritten ?? 0);
      const before = liveMemory();
      expect(response!.writableLength).toBeLessThan(MEGABYTE);
      let most = 0;
      let read = 0;
      let memory = before;
      socket.on('data', (chunk) => {
        if (read < size / 2 && read + chunk.length >= size / 2) memory = liveMemory();
        read += chunk.length;
        most = Math.max(most, response!.writableLength);
      });
      await new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        socket.resume();
      });
      expect(read).toBeGreaterThan(size);
      expect(most).toBeLessThan(MEGABYTE);
      expect(memory - before).toBeLessThan(8 * MEGABYTE);
    });
  });
});
