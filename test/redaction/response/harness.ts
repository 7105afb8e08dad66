import http from 'node:http';
import net from 'node:net';
import type expressModule from 'express';
import type { Application, RequestHandler } from 'express';
import type { KeyscopeError } from '../../../src/errors';
import { type Features, NOTHING_ENABLED } from '../../../src/features';
import { problemOf } from '../../../src/http/problem-response';
import type { RedactOptions } from '../../../src/redaction/options';
import type { Withheld } from '../../../src/redaction/policy';
import { createRedactResponse, type RedactDeps } from '../../../src/redaction/response';

/** For routes without `mode: 'report'`. */
export const NO_REPORTS: RedactDeps['reports'] = { resolvePolicy: () => undefined, onReport() {}, onError() {} };

export type Express = typeof expressModule;

/** Stands in everything that may not leave, so that looking for it in the bytes of a response is enough. */
export const SECRET = 'tr4nscr1pt';

export const EVERYTHING: Features = { transcript: true, metrics: 'all' };
export const SOME_METRICS: Features = { transcript: false, metrics: ['CALL_COMPLETED'] };

/** A page of conversations like the example's, with non-ASCII text, escapes, numbers that a round trip would change. */
export function page(count = 3, project = 'PROJECT-1'): string {
  const conversations = Array.from({ length: count }, (_, i) => conversation(i, project));
  return `{"conversations":[${conversations.join(',')}],"cursor":null,"big":12345678901234567890,"one":1.0}`;
}

export function conversation(i: number, project = 'PROJECT-1'): string {
  return (
    `{"id":"CA${i}","project_id":"${project}","num_turns":2,"note":"naïve \\u00e9 \\/ 🙂",` +
    `"turns":[{"user_input":"${SECRET} héllo"},{"agent_response":"${SECRET} \\"ok\\" ]}"}],` +
    `"metrics":{"CALL_COMPLETED":"yes","HANDOFF_TO":["${SECRET}","x"]},"total_duration":1.50}`
  );
}

/** A page redacted for a project that has only the metric CALL_COMPLETED enabled. */
export function redactedPage(count = 3, project = 'PROJECT-1'): string {
  return page(count, project)
    .replaceAll(/"turns":\[\{.*?\}\],"metrics"/g, '"turns":[],"metrics"')
    .replaceAll(/,"HANDOFF_TO":\[.*?\]/g, '');
}

export interface Served {
  readonly app: Application;
  readonly url: string;
  readonly port: number;
  readonly server: http.Server;
  /** The errors that requests were refused with, in order. */
  readonly failures: KeyscopeError[];
  /** The features that were reported as withheld, one array for each response. */
  readonly withheld: (readonly Withheld[])[];
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Default {@link SOME_METRICS}, whatever the project. */
  features?: (projectId: string | undefined) => Features;
  /** The agent the route is about. Default `'PROJECT-1'`; null if the route has none. */
  routeProject?: string | null;
  deps?: Partial<Omit<RedactDeps, 'reports'>>;
  server?: http.ServerOptions;
}

export type Redact = (options?: RedactOptions) => RequestHandler;

const open = new Set<Served>();

/** Closes the servers that a test has started. */
export async function closeAll(): Promise<void> {
  await Promise.all([...open].map((served) => served.close()));
}

export function listen(server: http.Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** A plain server of its own, for upstreams. */
export async function upstream(listener: http.RequestListener): Promise<Served> {
  return started(http.createServer(listener), undefined as never, [], []);
}

async function started(server: http.Server, app: Application, failures: KeyscopeError[], withheld: Served['withheld']) {
  const port = await listen(server);
  const served: Served = {
    app,
    port,
    server,
    url: `http://127.0.0.1:${port}`,
    failures,
    withheld,
    close: () =>
      new Promise((resolve) => {
        open.delete(served);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  open.add(served);
  return served;
}

/** An application that answers with a redactor of its own, on a free port. */
export async function serve(
  express: Express,
  build: (app: Application, redact: Redact) => void,
  options: ServeOptions = {},
): Promise<Served> {
  const { features = () => SOME_METRICS, routeProject = 'PROJECT-1', deps } = options;
  const failures: KeyscopeError[] = [];
  const withheld: (readonly Withheld[])[] = [];
  const redact = createRedactResponse({
    resolvePolicy: () => ({
      routeProject: routeProject ?? undefined,
      featuresFor: (id) => (id === undefined ? NOTHING_ENABLED : features(id)),
    }),
    vary: 'x-api-key',
    usesDefaultErrorBody: deps?.fail === undefined,
    checkInterval: 250,
    reports: NO_REPORTS,
    onRedacted: (_req, names) => withheld.push(names),
    fail(error, req, res) {
      failures.push(error);
      if (res.headersSent) {
        res.destroy(error);
        return;
      }
      res.statusCode = error.status;
      res.setHeader('Cache-Control', 'no-store');
      res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
      res.end(req.method === 'HEAD' ? undefined : JSON.stringify(problemOf(error)));
    },
    ...deps,
  });
  const app = express();
  build(app, redact);
  return started(http.createServer(options.server ?? {}, app), app, failures, withheld);
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  readonly trailers: NodeJS.Dict<string>;
  /** Whether the connection was cut before the body was whole. */
  readonly cut: boolean;
}

export interface Ask {
  method?: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string;
}

/** One request on a connection of its own; nothing is decoded, followed or retried. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let cut = false;
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('aborted', () => {
        cut = true;
      });
      response.on('error', () => {
        cut = true;
      });
      response.on('close', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: bytes,
          text: bytes.toString(),
          trailers: response.trailers,
          cut,
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Every byte that a server sends for a request, as latin1 text, until it closes the connection. */
export function bytesOf(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? undefined : reject(error)));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}
