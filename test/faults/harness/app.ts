// One process of an app that uses keyscope: `app.ts <settings as JSON>`. Prints its port. Beside the routes under test it
// has control routes that run commands, report its state, and send it forged tokens.
import express, { type Request, type Response } from 'express';
import { type ApiKeys, createApiKeys, type StoreMode } from 'keyscope';
import { ROUTES, type Route, type Time } from '../checker/history';
import { now } from './clock';
import { type Command, PERMISSIONS, runCommand } from './commands';
import { type ClientProfile, connect, type RedisLocation } from './connect';
import { type FloodOrder, flood } from './flood';

export interface AppSettings {
  readonly location: RedisLocation;
  readonly profile: ClientProfile;
  readonly namespace: string;
  /** Further options of `createApiKeys`. */
  readonly options: Record<string, unknown>;
}

/** State that a process reports. */
export interface AppReport {
  readonly mode: StoreMode;
  /** Last error of the store, if any. */
  readonly lastError: string | null;
  /** Each change of the mode. */
  readonly modes: readonly { readonly at: Time; readonly mode: StoreMode }[];
  /** Key lookups by requests: cache hits and misses. */
  readonly hits: number;
  readonly misses: number;
  /** When the event loop was blocked, and for how many milliseconds. */
  readonly stalls: readonly { readonly at: Time; readonly lasting: number }[];
  /** Heap size in bytes, after a garbage collection if that is exposed. */
  readonly heap: number;
}

/** All metrics that a project may enable. A response has all of them. */
export const METRICS: readonly string[] = Array.from({ length: 32 }, (_, i) => `m${i}`);
const SAID = [{ user_input: 'said by a customer' }];
const MEASURED = Object.fromEntries(METRICS.map((name) => [name, name]));

/** Interval of the lines of a stream. Milliseconds. */
const LINE_INTERVAL = 50;
/** Interval at which event loop stalls are detected. Milliseconds. */
const WATCH_INTERVAL = 20;
/** Shortest stall that is reported. Milliseconds. */
const REPORTED_FROM = 100;

function observe(apiKeys: ApiKeys<Route>): () => AppReport {
  const modes: { at: Time; mode: StoreMode }[] = [];
  let hits = 0;
  let misses = 0;
  const stalls: { at: Time; lasting: number }[] = [];
  apiKeys.on('store', (event) => {
    if (event.type === 'mode') modes.push({ at: now(), mode: event.mode });
  });
  apiKeys.on('cache', ({ subject, outcome }) => {
    if (subject !== 'key') return;
    if (outcome === 'hit') hits += 1;
    else misses += 1;
  });
  let seen = now();
  setInterval(() => {
    const at = now();
    const lasting = at - seen - WATCH_INTERVAL;
    if (lasting > REPORTED_FROM) stalls.push({ at: seen, lasting });
    seen = at;
  }, WATCH_INTERVAL).unref();
  return function report() {
    globalThis.gc?.();
    const { heapUsed: heap } = process.memoryUsage();
    const { mode, lastError } = apiKeys.health();
    return { mode, lastError, modes, hits, misses, stalls, heap };
  };
}

/** Streams lines with the time of each, until the connection is closed. */
function streamLines(_req: Request, res: Response): void {
  res.type('application/x-ndjson');
  const write = () => res.write(`${JSON.stringify({ at: now(), turns: SAID })}\n`);
  write();
  const timer = setInterval(write, LINE_INTERVAL);
  res.on('close', () => clearInterval(timer));
}

function createApp(apiKeys: ApiKeys<Route>) {
  const app = express();
  const report = observe(apiKeys);
  for (const route of ROUTES) {
    const guards = [
      apiKeys.requireApiKey(route, { workspace: 'workspace', agent: 'project' }),
      apiKeys.redactResponse(),
    ];
    app.get(`/${route}/:workspace/:project`, guards, (req: Request, res: Response) => {
      res.json({ name: req.apiKey?.name, turns: SAID, metrics: MEASURED });
    });
    app.get(`/stream/${route}/:workspace/:project`, guards, streamLines);
  }
  app.post('/control/command', express.json(), async (req, res) => {
    res.json(await runCommand(apiKeys, req.body as Command));
  });
  app.post('/control/flood', express.json(), async (req, res) => {
    res.json(await flood(apiKeys, req.body as FloodOrder));
  });
  app.get('/control/report', (_req, res) => {
    res.json(report());
  });
  return app;
}

async function main({ location, profile, namespace, options }: AppSettings): Promise<void> {
  const redis = connect(location, profile);
  const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, namespace, ...options });
  const app = createApp(apiKeys);
  await apiKeys.ready();
  const server = app.listen(0, '127.0.0.1', () => {
    const address = server.address();
    console.log(`listening on ${typeof address === 'object' ? address?.port : address}`);
  });
  // Keep-alive connections stay open for the next request.
  server.keepAliveTimeout = 0;
}

// Other files import the types of this file.
if (require.main === module) main(JSON.parse(process.argv[2] ?? '{}') as AppSettings);
