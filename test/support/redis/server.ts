import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../wait-until';
import { freePort } from './free-port';
import { type Guarded, startGuarded } from './spawn-server';

export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** More of redis-server's arguments, e.g. `['--maxmemory', '5mb']`. */
  readonly args?: readonly string[];
  /** Keeps an append-only file, so that `restart` finds the data again. Default false. */
  readonly persistent?: boolean;
}

/** A redis-server of our own, in a temporary folder. It ends, at the latest, with the process that started it. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Changes with `restart`. */
  readonly pid: number;
  /** Sends a signal; `SIGSTOP` freezes the server, `SIGCONT` resumes it. Waits for the end where the signal is one. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts again, with the data if `persistent`, after ending what still runs. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** Whether a server answers PING; NOAUTH and LOADING are answers too, but not the one we wait for. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const settle = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => settle(false));
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}

/** Where there is one, a file system in memory: what a busy disk does to servers is nobody's subject here. */
const MEMORY = '/dev/shm';

const ENDING: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];

export async function startRedis({
  port,
  args = [],
  persistent = false,
}: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'keyscope-redis-'));
  const chosen = port ?? (await freePort());
  const settings = ['--port', String(chosen), '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
  const command = ['redis-server', ...settings, '--appendonly', persistent ? 'yes' : 'no', ...args];
  let running: Guarded | null = null;

  async function start(): Promise<void> {
    const guarded = await startGuarded(dir, command);
    running = guarded;
    let hasEnded = false;
    guarded.ended.then(() => {
      hasEnded = true;
      if (running === guarded) running = null;
    });
    await waitUntil(`redis-server answers on port ${chosen}`, () => {
      if (hasEnded) throw new Error(readFileSync(join(dir, 'output'), 'utf8'));
      return answers(chosen);
    });
  }

  async function kill(signal: NodeJS.Signals): Promise<void> {
    if (!running) return;
    const { pid, ended } = running;
    process.kill(pid, signal);
    if (ENDING.includes(signal)) await ended;
  }

  await start();
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    get pid() {
      if (!running) throw new Error('The server does not run.');
      return running.pid;
    },
    kill,
    async restart() {
      await kill('SIGKILL');
      await start();
    },
    async stop() {
      await kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
