import http from 'node:http';
import express, { type Application, type RequestHandler } from 'express';
import { createApiKeys, type RedactOptions } from '../../src';
import { listen } from '../redaction/response/harness';

/** In everything that a project with nothing enabled must not send. */
export const SECRET = 'tr4nscr1pt';
export const CONVERSATION = { id: 'CA1', num_turns: 1, turns: [{ user_input: SECRET }], metrics: { CSAT: SECRET } };
export const REDACTED = { id: 'CA1', num_turns: 1, turns: [], metrics: {} };

/** `plain`: without keyscope. `on`: key and redaction, everything enabled. `off`: the same, nothing enabled. */
export type Mode = 'plain' | 'on' | 'off';
export const MODES: readonly Mode[] = ['plain', 'on', 'off'];

export interface GuardedApp {
  /** `http://127.0.0.1:<port>/<mode>` is what `mount` was given the guards of that mode for. */
  url(mode: Mode): string;
  readonly headers: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export interface Mount {
  readonly app: Application;
  readonly path: string;
  readonly guards: RequestHandler[];
}

/** One Express app with the same routes three times, once for each mode. */
export async function startApp(
  mount: (mount: Mount) => unknown,
  redact?: RedactOptions,
  express_: () => Application = express,
): Promise<GuardedApp> {
  const apiKeys = createApiKeys({ permissions: { read: { label: 'Read' } } });
  await apiKeys.projects.set('on', { transcript: true, metrics: 'all' });
  const { token } = await apiKeys.keys.create({ name: 'caller', agents: 'all', permissions: ['read'] });
  const app = express_();
  const server = http.createServer(app);
  const port = await listen(server);
  for (const mode of MODES) {
    const guards =
      mode === 'plain'
        ? []
        : [apiKeys.requireApiKey('read', { agent: () => mode }), apiKeys.redactResponse(redact) as RequestHandler];
    await mount({ app, path: `/${mode}`, guards: [...guards, (_req, _res, next) => next()] });
  }
  return {
    url: (mode) => `http://127.0.0.1:${port}/${mode}`,
    headers: { 'x-api-key': token },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await apiKeys.close();
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const PER_REQUEST = ['date', 'cache-control', 'vary', 'ratelimit-reset'];

/** A request that ends, with what differs from request to request left out of the headers. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init, signal: AbortSignal.timeout(20_000) });
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !PER_REQUEST.includes(name)));
  return { status: response.status, headers, body: await response.text() };
}
