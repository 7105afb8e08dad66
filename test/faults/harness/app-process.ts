import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startGuarded } from '../../support/redis/spawn-server';
import { waitUntil } from '../../support/wait-until';
import type { AppReport, AppSettings } from './app';
import type { Command, Outcome } from './commands';
import type { FloodOrder, FloodResult } from './flood';

export interface Reply {
  /** 0 if there was no response; `error` has the reason. */
  readonly status: number;
  readonly error: string | null;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** Events of a stream. */
export interface StreamListener {
  onLine(line: string): void;
  /** The process has ended the stream, or has denied it. */
  onEnd(): void;
}

/** A process of the app under test. It ends with the process that started it, even while suspended. */
export interface AppProcess {
  get(path: string, token: string): Promise<Reply>;
  /** Opens a stream. Returns a function that closes it, after which there are no events. */
  open(path: string, token: string, listener: StreamListener): () => void;
  run(command: Command): Promise<Outcome>;
  flood(command: FloodOrder): Promise<FloodResult>;
  report(): Promise<AppReport>;
  /** SIGSTOP and SIGCONT. */
  freeze(): void;
  thaw(): void;
  readonly hasEnded: boolean;
  /** Its output, for error messages. */
  output(): string;
  stop(): Promise<void>;
}

const APP = join(__dirname, 'app.ts');
const TSX = pathToFileURL(require.resolve('tsx')).href;

/**
 * Maximum number of unanswered requests of one process, as they accumulate while it is suspended. Each has a connection
 * that was opened before: Node accepts one connection in each turn of its event loop, and a new connection to a busy
 * process would wait hundreds of turns, which would count as a slow response.
 */
export const MAX_UNANSWERED = 200;

/** Timeout of a command, after which its outcome is unknown: a suspended process responds late or never. */
const COMMAND_TIMEOUT = 3000;
const START_TIMEOUT = 30_000;

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
    START_TIMEOUT,
  );
  if (hasEnded) throw new Error(`The app ended before it listened: ${output()}`);

  const requestAgent = new Agent({ keepAlive: true, maxFreeSockets: MAX_UNANSWERED });
  // A second agent, so that commands do not queue behind requests.
  const controlAgent = new Agent({ keepAlive: true });

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

  function open(path: string, token: string, { onLine, onEnd }: StreamListener): () => void {
    let isOpen = true;
    function end(): void {
      if (isOpen) onEnd();
      isOpen = false;
    }
    const headers = { 'x-api-key': token };
    const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (res) => {
      let rest = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop()!;
        if (isOpen && res.statusCode === 200) for (const line of lines) onLine(line);
      });
      res.on('close', end);
    });
    sent.on('error', end);
    sent.end();
    return function close() {
      isOpen = false;
      sent.destroy();
    };
  }

  async function post<T>(path: string, body: unknown): Promise<T> {
    const reply = await send(controlAgent, 'POST', path, { 'content-type': 'application/json' }, JSON.stringify(body));
    if (reply.status !== 200) throw new Error(`${path} received ${reply.status} ${reply.error} ${reply.text}`);
    return JSON.parse(reply.text) as T;
  }

  await Promise.all(Array.from({ length: MAX_UNANSWERED }, () => send(requestAgent, 'GET', '/', {})));
  return {
    get: (path, token) => send(requestAgent, 'GET', path, { 'x-api-key': token }),
    open,
    async run(command) {
      const unknown = (message: string): Outcome => ({ ok: false, code: 'no_answer', message });
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<Outcome>((resolve) => {
        timer = setTimeout(() => resolve(unknown('the process did not respond')), COMMAND_TIMEOUT);
      });
      const exchange = post<Outcome>('/control/command', command).catch((error: Error) => unknown(error.message));
      return Promise.race([exchange, timeout]).finally(() => clearTimeout(timer));
    },
    flood: (command) => post('/control/flood', command),
    async report() {
      return JSON.parse((await send(controlAgent, 'GET', '/control/report', {})).text) as AppReport;
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
      requestAgent.destroy();
      controlAgent.destroy();
      if (!hasEnded) process.kill(pid, 'SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
