import http from 'node:http';
import net from 'node:net';
import type expressModule from 'express';
import type { Application, NextFunction, Request, RequestHandler, Response } from 'express';
import { createApiKeys, type Features, type RedactOptions } from '../../../src';
import { listen } from '../response/harness';

export type Express = typeof expressModule;

/** The values that a handler sees, in the order in which it sees them. */
export class Notes {
  readonly list: string[] = [];
  readonly #res: Response;

  constructor(res: Response) {
    this.#res = res;
  }

  add(name: string, value?: unknown): void {
    this.list.push(value === undefined ? name : `${name}: ${this.#text(value)}`);
  }

  /** A callback that notes that it is called. */
  callback(name: string): (error?: unknown) => void {
    return (error) => this.add(`${name} called`, error ?? 'without error');
  }

  /** Notes what a call returns or throws. */
  call(name: string, work: () => unknown): void {
    try {
      this.add(name, work() ?? 'undefined');
    } catch (error) {
      this.add(`${name} throws`, error);
    }
  }

  #text(value: unknown): string {
    if (value === this.#res) return 'the response';
    if (value instanceof Error) return `${value.name} ${(value as NodeJS.ErrnoException).code}: ${value.message}`;
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  }
}

export type Handler = (req: Request, res: Response, notes: Notes, next: NextFunction) => unknown;

export interface Way {
  readonly name: string;
  readonly handler: Handler;
  /** The request line and headers after it. Default: `GET /v1/PROJECT-1/item HTTP/1.1`. */
  readonly method?: string;
  readonly path?: string;
  readonly version?: '1.0' | '1.1';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Middleware between redaction and the handler, and changes to the app before its first middleware. */
  readonly between?: RequestHandler;
  readonly setUp?: (app: Application) => void;
  readonly onError?: (error: Error & { status?: number }, res: Response, next: NextFunction) => void;
  /** Bytes of the response after which the client destroys the connection. */
  readonly abortAfter?: number;
  /** Whether when the socket drains decides about return values of `write` and `drain` events. */
  readonly depends?: 'drain';
  readonly redact?: RedactOptions;
}

export interface Observation {
  /** Every byte of the connection, as latin1. `Date`, `Cache-Control` and `Vary` are left out. */
  readonly wire: string;
  readonly notes: readonly string[];
}

const EVENTS = ['pipe', 'unpipe', 'drain', 'prefinish', 'finish', 'error', 'close'];
const HANG = 3000;

function noteEnd(res: Response, notes: Notes): void {
  const { statusCode, headersSent, writableEnded, writableFinished, finished, destroyed } = res;
  notes.add('state', { statusCode, headersSent, writableEnded, writableFinished, finished, destroyed });
  const isErrorPage = res.getHeader('content-security-policy') === "default-src 'none'";
  const ignored = ['cache-control', 'vary', ...(isErrorPage ? ['content-length'] : [])];
  const headers = Object.entries(res.getHeaders()).filter(([name]) => !ignored.includes(name));
  notes.add(
    'headers',
    headers.sort().map(([name, value]) => `${name}=${value}`),
  );
}

/**
 * Notes a response's events. Resolves when it is closed or has failed. One listener for each event: `pipeline` and
 * `compression` add so many that Node warns of more than ten.
 */
function watch(res: Response, notes: Notes): Promise<void> {
  return new Promise((resolve) => {
    for (const event of EVENTS) {
      res.on(event, (value: unknown) => {
        notes.add(`event ${event}`, value instanceof Error ? value : undefined);
        if (event === 'close') noteEnd(res, notes);
        if (event === 'close' || event === 'error') resolve();
      });
    }
  });
}

/** Everything that a way comes to in an app with or without keyscope. */
export interface Server {
  observe(way: Way): Promise<Observation>;
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly express: Express;
  /** The features of the route's project; undefined if there is no keyscope at all. */
  readonly features?: Features;
  /** Middleware before keyscope. */
  readonly before?: readonly RequestHandler[];
}

/** The text of the request, with the same headers whether or not there is a keyscope to read the key. */
function requestText(way: Way, token: string): string {
  const { method = 'GET', path = '/v1/PROJECT-1/item', version = '1.1', headers = {}, body } = way;
  const all: Record<string, string> = { Host: 'api.example.com', 'X-API-Key': token, Connection: 'close', ...headers };
  if (body !== undefined) all['Content-Length'] = String(Buffer.byteLength(body));
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

function exchange(port: number, way: Way, text: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    socket.setTimeout(HANG, () => {
      chunks.push(Buffer.from('<no byte for 3 seconds>'));
      socket.destroy();
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      received += chunk.length;
      if (way.abortAfter !== undefined && received >= way.abortAfter) socket.destroy();
    });
    socket.on('error', () => chunks.push(Buffer.from('<reset>')));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** A stack trace has frames of keyscope: in the error page of Express and in the page's length. */
const STACK = /(?:<br> &nbsp; &nbsp;at .*?)+(?=<\/pre>)/;

function withoutChanging(wire: string): string {
  const same = wire.replace(/^(?:Date|Cache-Control|Vary): .*\r\n/gim, '');
  return STACK.test(same) ? same.replace(STACK, '').replace(/^Content-Length: .*\r\n/im, '') : same;
}

export async function startServer({ express, features, before = [] }: ServerOptions): Promise<Server> {
  const apiKeys = createApiKeys({ permissions: { read: { label: 'Read' } } });
  const { token } = await apiKeys.keys.create({ name: 'caller', agents: 'all', permissions: ['read'] });
  if (features !== undefined) await apiKeys.projects.set('PROJECT-1', features);
  let app: Application;
  const server = http.createServer((req, res) => app(req, res));
  const port = await listen(server);

  function build(way: Way, started: (notes: Notes, closed: Promise<unknown>) => void): Application {
    const built = express();
    way.setUp?.(built);
    built.use((_req, res, next) => {
      const notes = new Notes(res);
      res.locals.notes = notes;
      started(notes, watch(res, notes));
      next();
    });
    built.use(...([...before, (_req, _res, next) => next()] as RequestHandler[]));
    const guards =
      features === undefined
        ? []
        : [apiKeys.requireApiKey('read', { agent: () => 'PROJECT-1' }), apiKeys.redactResponse(way.redact)];
    built.use('/v1/:project', ...([...guards, (_req, _res, next) => next()] as RequestHandler[]));
    if (way.between !== undefined) built.use(way.between);
    built.get('/v1/:project/item', (req, res, next) => way.handler(req, res, res.locals.notes, next));
    built.post('/v1/:project/item', (req, res, next) => way.handler(req, res, res.locals.notes, next));
    built.use('/v1/:project/files', (req, res, next) => way.handler(req, res, res.locals.notes, next));
    const { onError } = way;
    if (onError !== undefined) {
      built.use((error: Error, _req: Request, res: Response, next: NextFunction) => onError(error, res, next));
    }
    return built;
  }

  return {
    async observe(way) {
      const all: Notes[] = [];
      const closed: Promise<unknown>[] = [];
      app = build(way, (notes, close) => {
        all.push(notes);
        closed.push(close);
      });
      const wire = await exchange(port, way, requestText(way, token));
      await Promise.all(closed);
      const notes = all.flatMap(({ list }) => list);
      const relevant = way.depends === 'drain' ? notes.filter((note) => !/^(?:event drain|write)/.test(note)) : notes;
      return { wire: way.abortAfter === undefined ? withoutChanging(wire) : '', notes: relevant };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await apiKeys.close();
    },
  };
}
