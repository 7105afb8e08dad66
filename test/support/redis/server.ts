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

/** A redis-server in a temporary folder. It ends, at the latest, with the process that started it. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Changes with `restart`. */
  readonly pid: number;
  /** Sends a signal; `SIGSTOP` freezes the server, `SIGCONT` resumes it. Waits for the end if the signal causes it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts again, with the data if `persistent`, after ending a running server. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** True if the process `pid` answers PONG on the port. NOAUTH and LOADING do not count, nor does another server's PONG. */
function answers(port: number, pid: number): Promise<boolean> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\nINFO server\r\n'));
    const settle = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => settle(false));
    socket.on('data', (data) => {
      reply += data;
      const owner = /^process_id:(\d+)\r$/m.exec(reply);
      if (owner) settle(reply.startsWith('+PONG') && Number(owner[1]) === pid);
      else if (reply.startsWith('-')) settle(false);
    });
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}

/** A file system in memory, if there is one: a busy disk is no subject of these tests. */
const MEMORY = '/dev/shm';

const ENDING: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];

/** Another program took the port, or its Cluster bus port, after it had been found free. */
const PORT_TAKEN = /Address already in use|Failed listening on port/i;
const PORT_ATTEMPTS = 5;

export async function startRedis({
  port,
  args = [],
  persistent = false,
}: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'keyscope-redis-'));
  let chosen = port ?? (await freePort());
  let running: Guarded | null = null;

  async function start(): Promise<void> {
    const settings = ['--port', String(chosen), '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
    const command = ['redis-server', ...settings, '--appendonly', persistent ? 'yes' : 'no', ...args];
    const guarded = await startGuarded(dir, command);
    running = guarded;
    let hasEnded = false;
    guarded.ended.then(() => {
      hasEnded = true;
      if (running === guarded) running = null;
    });
    await waitUntil(`redis-server answers on port ${chosen}`, () => hasEnded || answers(chosen, guarded.pid));
    if (hasEnded) throw new Error(readFileSync(join(dir, 'output'), 'utf8'));
  }

  async function startOnFreePort(attempt = 1): Promise<void> {
    try {
      await start();
    } catch (error) {
      const taken = error instanceof Error && PORT_TAKEN.test(error.message);
      if (port !== undefined || !taken || attempt === PORT_ATTEMPTS) throw error;
      chosen = await freePort();
      await startOnFreePort(attempt + 1);
    }
  }

  async function kill(signal: NodeJS.Signals): Promise<void> {
    if (!running) return;
    const { pid, ended } = running;
    process.kill(pid, signal);
    if (ENDING.includes(signal)) await ended;
  }

  async function stop(): Promise<void> {
    await kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }

  try {
    await startOnFreePort();
  } catch (error) {
    await stop();
    throw error;
  }
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
    stop,
  };
}
