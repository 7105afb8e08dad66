import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextRound } from 'node:timers/promises';
import { types } from 'node:util';
import type { Request, RequestHandler, Response } from 'express';
import { CODINGS, SECRET } from './bodies';
import { codeOf, type HandlerLog } from './handler-log';
import type { HeadStep, LateStep, Plan, Way } from './plan';

/** One response that a handler is about to send. */
export interface Sending {
  readonly plan: Plan;
  /** The body in its coding. */
  readonly bytes: Buffer;
  readonly value: unknown;
  /** A file with the body. */
  readonly file: string;
  readonly upstream: string;
  readonly proxy: RequestHandler;
  readonly req: Request;
  readonly res: Response;
  readonly next: (error?: unknown) => void;
  readonly log: HandlerLog;
}

const MOST_PIECES = 200;

function pieceSizeOf({ bytes, plan }: Sending): number {
  return Math.max(plan.pieceSize, Math.ceil(bytes.length / MOST_PIECES));
}

function piecesOf(sending: Sending): Buffer[] {
  const { bytes } = sending;
  const size = pieceSizeOf(sending);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

async function write(sending: Sending, between: (res: Response, more: boolean) => unknown): Promise<void> {
  const { res, log } = sending;
  for (const piece of piecesOf(sending)) {
    const more = log.attempt('write', () => res.write(piece, log.callback('write')));
    await between(res, more !== false);
  }
  log.attempt('end', () => res.end(log.callback('end')));
}

function writeAll({ res, log }: Sending, pieces: readonly (string | Buffer)[]): void {
  for (const piece of pieces) log.attempt('write', () => res.write(piece, log.callback('write')));
}

const closed = (res: Response) => (res.closed || res.destroyed ? Promise.resolve() : once(res, 'close'));

const SEND: Record<Way, (sending: Sending) => unknown> = {
  json: ({ res, value }) => res.json(value),
  'send object': ({ res, value }) => res.send(value),
  jsonp: ({ res, value }) => res.jsonp(value),
  'send string': ({ res, bytes, plan }) => res.send(plan.coding === 'none' ? bytes.toString() : bytes),
  'send bytes': ({ res, bytes }) => res.send(bytes),
  'end string': ({ res, bytes, log }) => res.end(bytes.toString('latin1'), 'latin1', log.callback('end')),
  'end bytes': ({ res, bytes, log }) => res.end(bytes, log.callback('end')),
  'end hex': ({ res, bytes, log }) => res.end(bytes.toString('hex'), 'hex', log.callback('end')),
  writes: (sending) => {
    writeAll(sending, piecesOf(sending));
    sending.res.end(sending.log.callback('end'));
  },
  'writes and pauses': (sending) => write(sending, () => nextRound()),
  'writes and callbacks': async (sending) => {
    const { res, log } = sending;
    for (const piece of piecesOf(sending)) {
      await new Promise<void>((resolve) => {
        const called = log.callback('write');
        const done = (error?: Error | null) => {
          called(error);
          resolve();
        };
        if (log.attempt('write', () => res.write(piece, done)) === undefined) resolve();
      });
    }
    await new Promise<void>((resolve) => {
      if (log.attempt('end', () => res.end(resolve)) === undefined) resolve();
    });
  },
  'writes and drain': (sending) =>
    write(sending, async (res, more) => {
      if (!more && !res.destroyed) await Promise.race([once(res, 'drain'), closed(res)]);
    }),
  'corked writes': (sending) => {
    const { res, log } = sending;
    log.attempt('cork', () => res.cork());
    writeAll(sending, piecesOf(sending));
    process.nextTick(() => {
      log.attempt('uncork', () => res.uncork());
      log.attempt('end', () => res.end(log.callback('end')));
    });
  },
  'text writes': (sending) => {
    const { res, log, bytes } = sending;
    const text = bytes.toString('latin1');
    const size = pieceSizeOf(sending);
    for (let at = 0; at < text.length; at += size) {
      log.attempt('write', () => res.write(text.slice(at, at + size), 'latin1', log.callback('write')));
    }
    res.end();
  },
  pipe: (sending) => void Readable.from(piecesOf(sending)).pipe(sending.res),
  'pipe of a failing source': (sending) => {
    const { res } = sending;
    const pieces = piecesOf(sending);
    const source = Readable.from(
      (async function* fail() {
        yield* pieces.slice(0, Math.ceil(pieces.length / 2));
        throw new Error('The source failed.');
      })(),
    );
    source.on('error', (error) => void res.destroy(error));
    source.pipe(res);
  },
  pipeline: (sending) => pipeline(Readable.from(piecesOf(sending)), sending.res),
  'pipeline of a generator': (sending) =>
    pipeline(async function* generate() {
      for (const piece of piecesOf(sending)) {
        yield piece;
        await nextRound();
      }
    }, sending.res),
  'for await': async (sending) => {
    const { res, log } = sending;
    for await (const piece of Readable.from(piecesOf(sending))) log.attempt('write', () => res.write(piece));
    log.attempt('end', () => res.end());
  },
  'web stream': (sending) => {
    const pieces = piecesOf(sending);
    const stream = new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
    Readable.fromWeb(stream as import('node:stream/web').ReadableStream).pipe(sending.res);
  },
  'file stream': ({ res, file }) => void createReadStream(file).pipe(res),
  sendFile: ({ res, file, log }) => {
    const sent = log.callback('sendFile');
    res.sendFile(file, (error) => sent(error ?? null));
  },
  download: ({ res, file, log }) => {
    const sent = log.callback('download');
    res.download(file, 'page', (error) => sent(error ?? null));
  },
  proxy: ({ proxy, req, res, next }) => void proxy(req, res, next),
  'piped request': ({ upstream, req, res }) => {
    http
      .get(upstream, { headers: { 'x-case': req.headers['x-case'] }, agent: false }, (incoming) => {
        res.statusCode = incoming.statusCode!;
        for (const [name, value] of Object.entries(incoming.headers)) if (!res.headersSent) res.setHeader(name, value!);
        incoming.pipe(res);
      })
      .on('error', () => res.destroy());
  },
  redirect: ({ res }) => res.redirect('/elsewhere?a=<b>'),
  sendStatus: ({ res, plan }) => void res.sendStatus(plan.status),
  'no handler': ({ next }) => next(),
  'next error': ({ next }) => next(Object.assign(new Error('refused'), { status: 409 })),
  throw: () => {
    throw Object.assign(new Error('refused'), { status: 422 });
  },
  'destroy in the middle': async (sending) => {
    writeAll(sending, piecesOf(sending).slice(0, 2));
    await nextRound();
    sending.res.destroy();
  },
  'end without a body': ({ res, log }) => res.end(log.callback('end')),
  'methods of the prototype': ({ res, value }) => {
    const { json } = Object.getPrototypeOf(Object.getPrototypeOf(res)) as Response;
    return (typeof json === 'function' ? json : res.json).call(res, value);
  },
};

/** Ways whose handler sets no type of its own. */
const OWN_TYPE: readonly Way[] = [
  'proxy',
  'piped request',
  'redirect',
  'sendStatus',
  'no handler',
  'next error',
  'throw',
];

function prepare({ plan, res, bytes, log }: Sending): void {
  if (OWN_TYPE.includes(plan.way)) return;
  log.attempt('status', () => void res.status(plan.status));
  const { type } = plan;
  if (type !== undefined) log.attempt('type', () => void res.setHeader('Content-Type', type));
  const { header } = CODINGS[plan.coding]!;
  if (header !== undefined) log.attempt('coding', () => void res.setHeader('Content-Encoding', header));
  if (plan.head.includes('a length')) {
    log.attempt('length', () => void res.setHeader('Content-Length', bytes.length));
  }
}

const HEAD: Record<HeadStep, (sending: Sending) => unknown> = {
  none: () => {},
  writeHead: ({ res, plan }) => res.writeHead(plan.status),
  'writeHead with headers': ({ res, plan }) => res.writeHead(plan.status, { 'X-Own': '1', ETag: '"v1"' }),
  'writeHead with a list': ({ res, plan }) => res.writeHead(plan.status, ['X-Own', '1', 'X-Other', '2']),
  flushHeaders: ({ res }) => res.flushHeaders(),
  'flushHeaders later': ({ res, log }) =>
    void setImmediate(() => log.attempt('flushHeaders', () => res.flushHeaders())),
  'early hints': ({ res }) => res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }),
  measures: ({ res }) =>
    res.set({ ETag: '"v1"', 'Last-Modified': 'Sun, 22 Nov 2026 00:00:00 GMT', 'x-amz-checksum-sha256': 'YWJj' }),
  trailers: ({ res, plan }) => {
    // With a length, Node rejects the header. It is for bodies in chunks.
    const hasBody = plan.method !== 'HEAD' && plan.status !== 204 && plan.status !== 304;
    const isChunked = hasBody && (plan.way.includes('pip') || plan.way.includes('writes')) && plan.version === '1.1';
    if (isChunked && !plan.head.includes('a length')) res.setHeader('Trailer', 'X-Own');
    res.addTrailers({ 'X-Own': '1', 'Content-MD5': 'YWJj' });
  },
  'a length': () => {},
  'an empty write': ({ res, log }) => res.write('', log.callback('empty write')),
  'a blank write': ({ res, log }) => res.write('\n', log.callback('blank write')),
};

/** Sent after the body, or in the middle of it. In the middle it can get a place where nothing is redacted. */
function lateText({ plan }: Sending, isAfter: boolean): string {
  return JSON.stringify({ turns: [isAfter && plan.hasSecret ? SECRET : 'late'] });
}

const LATE: Record<LateStep, (sending: Sending, text: string) => unknown> = {
  write: ({ res, log }, text) => res.write(text, log.callback('late write')),
  end: ({ res }, text) => res.end(text),
  'end with a callback': ({ res, log }, text) => res.end(text, log.callback('late end')),
  json: ({ res }, text) => res.json(JSON.parse(text)),
  send: ({ res }, text) => res.send(text),
  setHeader: ({ res }) => res.setHeader('X-Late', '1'),
  writeHead: ({ res }) => res.writeHead(500),
  destroy: ({ res }) => res.destroy(),
};

/** Runs the handler of a plan. */
export async function send(sending: Sending): Promise<void> {
  const { plan, log, next, res } = sending;
  prepare(sending);
  if (!OWN_TYPE.includes(plan.way)) for (const step of plan.head) log.attempt(step, () => HEAD[step](sending));
  const runLate = (isAfter: boolean) => {
    const text = lateText(sending, isAfter);
    log.wasEnded = res.writableEnded;
    for (const step of plan.late) log.attempt(`late ${step}`, () => LATE[step](sending, text));
  };
  let result: unknown;
  try {
    result = SEND[plan.way](sending);
  } catch (error) {
    log.exceptions.add(`${plan.way}: ${codeOf(error)}`);
    next(error);
  }
  const settled = types.isPromise(result) ? log.settle(plan.way, result) : undefined;
  if (!plan.isLateAfter) {
    await nextRound();
    runLate(false);
    return;
  }
  await settled;
  if (!res.writableEnded && !res.destroyed) await Promise.race([once(res, 'finish'), closed(res)]).catch(() => {});
  runLate(true);
}
