import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startGuarded } from '../../support/redis/spawn-server';
import { waitUntil } from '../../support/wait-until';
import type { AppReport, AppSettings } from './app';
import type { Order, Outcome } from './commands';
import type { FloodOrder, FloodResult } from './flood';

export interface Reply {
  /** 0 where there was none; `error` says why. */
  readonly status: number;
  readonly error: string | null;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** A process of the app under test. It ends, at the latest, with the process that started it, even while frozen. */
export interface AppProcess {
  get(path: string, token: string): Promise<Reply>;
  order(order: Order): Promise<Outcome>;
  flood(order: FloodOrder): Promise<FloodResult>;
  report(): Promise<AppReport>;
  /** Stops it in its tracks, and lets it go on. */
  freeze(): void;
  thaw(): void;
  readonly hasEnded: boolean;
  /** What it has printed, for whoever has to find out what went wrong. */
  output(): string;
  stop(): Promise<void>;
}

const APP = join(__dirname, 'app.ts');
const TSX = pathToFileURL(require.resolve('tsx')).href;

/**
 * Requests that one process may owe the answer to: as much as comes together while it is frozen for a while. Each has a
 * connection of its own, made beforehand: Node accepts one in each turn of its event loop, so that whoever came on a new
 * one while the process has much to do would wait for hundreds of turns, and that would be held against what is tested.
 */
export const MAX_UNANSWERED = 200;

/** How long an order may take before its outcome counts as unknown: a frozen process answers late, or never. */
const ORDER_PATIENCE = 3000;
const START_PATIENCE = 30_000;

export async function startApp(settings: AppSettings): Promise<AppProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'keyscope-app-'));
  const command = [process.execPath, '--expose-gc', '--import', TSX, APP, JSON.stringify(settings)];
  const { pid, ended } = await startGuarded(dir, command);
  let hasEnded = false;
  ended.then(() => {
    hasEnded = true;
  });
  const output = () => readFileSync(join(dir, 'output'), 'utf8');
  let port = 0;
  await waitUntil(
    'the app listens',
    () => {
      port = Number(/listening on (\d+)/.exec(output())?.[1] ?? 0);
      return port > 0 || hasEnded;
    },
    START_PATIENCE,
  );
  if (hasEnded) throw new Error(`The app ended before it listened: ${output()}`);

  const guests = new Agent({ keepAlive: true, maxFreeSockets: MAX_UNANSWERED });
  // So that orders do not queue behind requests.
  const staff = new Agent({ keepAlive: true });

  function send(
    agent: Agent,
    method: string,
    path: string,
    headers: Record<string, string>,
    body = '',
  ): Promise<Reply> {
    return new Promise((resolve) => {
      const sent = request({ host: '127.0.0.1', port, method, path, headers, agent }, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => {
          text += chunk;
        });
        res.on('close', () => {
          const { statusCode: status = 0, complete } = res;
          const retryAfter = res.headers['retry-after'];
          resolve({ status: complete ? status : 0, error: complete ? null : 'cut off', retryAfter, text });
        });
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        resolve({ status: 0, error: error.code ?? error.message, retryAfter: undefined, text: '' });
      });
      sent.end(body);
    });
  }

  async function post<T>(path: string, body: unknown): Promise<T> {
    const reply = await send(staff, 'POST', path, { 'content-type': 'application/json' }, JSON.stringify(body));
    if (reply.status !== 200) throw new Error(`${path} was answered ${reply.status} ${reply.error} ${reply.text}`);
    return JSON.parse(reply.text) as T;
  }

  await Promise.all(Array.from({ length: MAX_UNANSWERED }, () => send(guests, 'GET', '/', {})));
  return {
    get: (path, token) => send(guests, 'GET', path, { 'x-api-key': token }),
    async order(order) {
      const unknown = (message: string): Outcome => ({ ok: false, code: 'no_answer', message });
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<Outcome>((resolve) => {
        timer = setTimeout(() => resolve(unknown('the process did not answer')), ORDER_PATIENCE);
      });
      const answer = post<Outcome>('/control/order', order).catch((error: Error) => unknown(error.message));
      return Promise.race([answer, patience]).finally(() => clearTimeout(timer));
    },
    flood: (order) => post('/control/flood', order),
    async report() {
      return JSON.parse((await send(staff, 'GET', '/control/report', {})).text) as AppReport;
    },
    freeze: () => {
      process.kill(pid, 'SIGSTOP');
    },
    thaw: () => {
      process.kill(pid, 'SIGCONT');
    },
    get hasEnded() {
      return hasEnded;
    },
    output,
    async stop() {
      guests.destroy();
      staff.destroy();
      if (!hasEnded) process.kill(pid, 'SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
