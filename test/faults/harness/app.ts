// One process of an app that is protected by keyscope: `app.ts <settings as JSON>`. Says on its standard output where it
// listens. Beside what it protects, it takes orders, tells how it is, and attacks itself when told to.
import express from 'express';
import { type ApiKeys, createApiKeys, type StoreMode } from 'keyscope';
import { ROUTES, type Route, type Time } from '../checker/history';
import { now } from './clock';
import { carryOut, type Order, PERMISSIONS } from './commands';
import { connect, type Habit, type Place } from './connect';
import { type FloodOrder, flood } from './flood';

export interface AppSettings {
  readonly place: Place;
  readonly habit: Habit;
  readonly namespace: string;
  /** More of what `createApiKeys` takes. */
  readonly options: Record<string, unknown>;
}

/** What a process tells of itself. */
export interface AppReport {
  readonly mode: StoreMode;
  /** Why it is not better, where it is known. */
  readonly lastError: string | null;
  /** Each change of the mode. */
  readonly modes: readonly { readonly at: Time; readonly mode: StoreMode }[];
  /** Lookups of keys by requests: answered from memory, or not. */
  readonly hits: number;
  readonly misses: number;
  /** When its event loop has stood still, and for how long, in milliseconds. */
  readonly stalls: readonly { readonly at: Time; readonly lasting: number }[];
  /** Bytes, after a collection where that can be had. */
  readonly heap: number;
}

/** Every metric that a project may let out. A response has them all. */
export const METRICS: readonly string[] = Array.from({ length: 32 }, (_, i) => `m${i}`);
const SAID = [{ user_input: 'said by a customer' }];
const MEASURED = Object.fromEntries(METRICS.map((name) => [name, name]));

/** How often the event loop is looked at. */
const WATCH_INTERVAL = 20;
/** From how many milliseconds on. */
const WORTH_TELLING = 100;

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
    if (lasting > WORTH_TELLING) stalls.push({ at: seen, lasting });
    seen = at;
  }, WATCH_INTERVAL).unref();
  return function report() {
    globalThis.gc?.();
    const { heapUsed: heap } = process.memoryUsage();
    const { mode, lastError } = apiKeys.health();
    return { mode, lastError, modes, hits, misses, stalls, heap };
  };
}

function createApp(apiKeys: ApiKeys<Route>) {
  const app = express();
  const report = observe(apiKeys);
  for (const route of ROUTES) {
    app.get(
      `/${route}/:workspace/:project`,
      apiKeys.requireApiKey(route, { workspace: 'workspace', agent: 'project' }),
      apiKeys.redactResponse(),
      (req, res) => {
        res.json({ name: req.apiKey?.name, turns: SAID, metrics: MEASURED });
      },
    );
  }
  app.post('/control/order', express.json(), async (req, res) => {
    res.json(await carryOut(apiKeys, req.body as Order));
  });
  app.post('/control/flood', express.json(), async (req, res) => {
    res.json(await flood(apiKeys, req.body as FloodOrder));
  });
  app.get('/control/report', (_req, res) => {
    res.json(report());
  });
  return app;
}

async function main({ place, habit, namespace, options }: AppSettings): Promise<void> {
  const redis = connect(place, habit);
  const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, namespace, ...options });
  const app = createApp(apiKeys);
  await apiKeys.ready();
  const server = app.listen(0, '127.0.0.1', () => {
    const address = server.address();
    console.log(`listening on ${typeof address === 'object' ? address?.port : address}`);
  });
  // Connections that wait for their next request must not be ended under it.
  server.keepAliveTimeout = 0;
}

// Whoever reads the types of this file does not want to run it.
if (require.main === module) main(JSON.parse(process.argv[2] ?? '{}') as AppSettings);
