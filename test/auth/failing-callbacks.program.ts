// Runs in a process of its own, which a rejection without a handler would end. Prints what came of each request, as JSON.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import express5, { type NextFunction, type Request, type Response } from 'express';
import { type ApiKeysOptions, createApiKeys, type EventName } from '../../src';

const express4: typeof express5 = require('express4');

const ERROR = new Error('The log service is away.');
const UNREADABLE = Object.defineProperty(new Error(), 'stack', {
  get() {
    throw new Error('no stack');
  },
});

type Then = (resolve: unknown, reject: (error: Error) => void) => void;
const thenable = (value: Then): unknown => Object.defineProperty({}, 'then', { value });

/** Ways in which a function of the application can fail. */
const FAULTS: Record<string, () => unknown> = {
  'throws an error': () => {
    throw ERROR;
  },
  'throws undefined': () => {
    throw undefined;
  },
  'throws the word route': () => {
    throw 'route';
  },
  'throws an error without a readable stack': () => {
    throw UNREADABLE;
  },
  'throws an object that cannot be printed': () => {
    throw Object.create(null);
  },
  'is async and throws': async () => {
    throw ERROR;
  },
  'rejects with undefined': () => Promise.reject(),
  'rejects with the word route': () => Promise.reject('route'),
  'rejects with an object that cannot be printed': () => Promise.reject(Object.create(null)),
  'rejects with an error without a readable stack': () => Promise.reject(UNREADABLE),
  'rejects later': () => new Promise((_, reject) => setTimeout(reject, 5, ERROR)),
  'returns a thenable that rejects': () => thenable((_, reject) => reject(ERROR)),
  'returns a thenable that rejects later': () => thenable((_, reject) => void setTimeout(reject, 5, ERROR)),
  'returns a thenable that throws': () =>
    thenable(() => {
      throw ERROR;
    }),
  'returns an object whose member then throws': () =>
    Object.defineProperty({}, 'then', {
      get() {
        throw ERROR;
      },
    }),
};

const EVENTS: readonly EventName[] = ['authenticated', 'denied', 'ended', 'redacted', 'cache', 'store', 'error'];

interface Setup {
  readonly options?: Partial<ApiKeysOptions<'read'>>;
  readonly agent?: () => never;
  readonly listener?: () => unknown;
}

/** Status and body of each request: without a key, with one, of a body that is rejected, and of a route with `agent`. */
async function ask(express: typeof express5, { options, agent, listener }: Setup): Promise<string[]> {
  const apiKeys = createApiKeys({ permissions: { read: { label: 'Read' } }, ...options });
  for (const event of listener ? EVENTS : []) apiKeys.on(event, listener!);
  const { token } = await apiKeys.keys.create({ name: 'caller', agents: 'all', permissions: ['read'] });
  const app = express();
  app.get('/agent', apiKeys.requireApiKey('read', { agent }), (_req, res) => void res.send('reached'));
  app.use(apiKeys.requireApiKey('read', { agent: () => 'PROJECT-1' }), apiKeys.redactResponse());
  app.get('/csv', (_req, res) => void res.type('csv').send('reached'));
  app.get('/', (_req, res) => void res.json({ turns: ['reached'] }));
  app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    if (res.headersSent) res.destroy();
    else res.status(500).json({ handled: true });
  });
  const server = http.createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    const text = await response.text();
    return `${response.status} ${text.includes('detail') ? JSON.parse(text).code : text}`;
  };
  const key = { 'x-api-key': token };
  try {
    const paths = [['/', {}], ['/', key], ['/csv', key], ...(agent ? [['/agent', key]] : [])] as const;
    const seen: string[] = [];
    for (const [path, headers] of paths) seen.push(await get(path as string, headers as Record<string, string>));
    // Time for a rejection that comes later.
    await new Promise((resolve) => setTimeout(resolve, 10));
    return seen;
  } finally {
    server.closeAllConnections();
    server.close();
    await apiKeys.close();
  }
}

async function main(): Promise<void> {
  let warnings = 0;
  process.on('warning', ({ name }) => {
    if (name === 'KeyscopeWarning') warnings += 1;
  });
  const results: Record<string, unknown> = {};
  for (const [version, express] of Object.entries({ 'Express 5': express5, 'Express 4': express4 })) {
    for (const [name, fault] of Object.entries(FAULTS)) {
      // A promise is no agent, and only its author can catch it.
      const agent = name.startsWith('throws') ? (fault as () => never) : undefined;
      const onError = await ask(express, { options: { onError: fault }, agent });
      warnings = 0;
      const listeners = await ask(express, { listener: fault });
      results[`${version}: ${name}`] = { onError, listeners, hasWarned: warnings > 0 };
    }
  }
  process.stdout.write(JSON.stringify(results));
}

void main();
