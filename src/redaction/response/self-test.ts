import { createServer, type RequestListener } from 'node:http';
import { Duplex, Readable } from 'node:stream';
import type { Application, Response } from 'express';
import { KeyscopeError } from '../../errors';
import { NOTHING_ENABLED } from '../../features';
import { createRedactResponse } from './redact-response';

const SECRET = 'keyscope-canary';
const CANARY = { id: 'canary', turns: [{ user_input: SECRET }], metrics: { CANARY: SECRET } };
const REDACTED = '{"id":"canary","turns":[],"metrics":{}}';
const TEXT = JSON.stringify(CANARY);
/** All of it happens in this process; this long only where that stands still. */
const PATIENCE_MS = 30_000;

/** The ways in which a handler answers with Express. */
const WAYS: Readonly<Record<string, (res: Response) => unknown>> = {
  'res.json(object)': (res) => res.json(CANARY),
  'res.jsonp(object)': (res) => res.jsonp(CANARY),
  'res.send(object)': (res) => res.send(CANARY),
  'res.send(text)': (res) => res.type('json').send(TEXT),
  'res.send(buffer)': (res) => res.type('json').send(Buffer.from(TEXT)),
  'res.end(text)': (res) => res.type('json').end(TEXT),
  'res.write(text)': (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    for (const character of TEXT) res.write(character);
    res.end();
  },
  'stream.pipe(res)': (res) => Readable.from([Buffer.from(TEXT)]).pipe(res.type('json')),
};

/** The whole response to one GET, without a network: the server is given a connection that lives in memory. */
function request(listener: RequestListener, path: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    });
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    // A connection that is cut shows in what has come until then.
    socket.on('error', () => {});
    socket.on('finish', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString());
    });
    createServer(listener).emit('connection', socket);
    socket.push(`GET ${path} HTTP/1.0\r\n\r\n`);
  });
}

/** What is wrong with the answer to one way of answering; null where nothing is. */
async function failing(app: Application, path: string): Promise<string | null> {
  const response = await request(app, path);
  if (response.includes(SECRET)) return 'what should have been withheld left';
  if (!response.startsWith('HTTP/1.1 200 ')) return `the answer was ${response.split('\r\n', 1)[0] || 'cut off'}`;
  if (!response.endsWith(`\r\n\r\n${REDACTED}`)) return 'the body was not what it should have been';
  return null;
}

/** The Express that is installed beside this package: the one an application uses, unless it has several. */
function installedExpress(): (() => Application) | undefined {
  try {
    return require('express') as () => Application;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * Sends a canary through `express` in each way that handlers answer, and refuses to go on where one gets past the
 * redaction: a new version of Express or Node, or something that has patched them, may do what this package does not know.
 *
 * Left out, `express` is the one installed beside this package; where there is none, there is nothing to test.
 *
 * @throws KeyscopeError `invalid_options`, naming the way
 */
export async function selfTest(express: (() => Application) | undefined = installedExpress()): Promise<void> {
  if (express === undefined) return;
  const redactResponse = createRedactResponse({
    subjectFor: () => ({ routeProject: 'canary', featuresFor: () => NOTHING_ENABLED }),
    keyHeader: 'x-api-key',
    failsByItself: true,
    fail: (_error, _req, res) => {
      res.statusCode = 500;
      res.end();
    },
  });
  const app = express();
  const ways = Object.entries(WAYS);
  for (const [index, [, answer]] of ways.entries()) {
    app.get(`/${index}`, redactResponse(), (_req, res) => void answer(res));
  }
  for (const [index, [way]] of ways.entries()) {
    const wrong = await failing(app, `/${index}`);
    if (wrong === null) continue;
    throw new KeyscopeError(
      'invalid_options',
      `The redaction does not work with the Express and Node that run here: with ${way}, ${wrong}. ` +
        'Use versions this package supports, and look for what else patches http.ServerResponse.',
    );
  }
}
