import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';

/** A free port. If another program takes it before Redis does, Redis reports that and another port is tried. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.on('error', () => settle(false));
  });
}

async function launch() {
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), 'keyscope-bench-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  // If a suite throws, its server must not stay behind.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let failure = null;
  const ended = new Promise((resolve) => {
    const fail = (error) => {
      failure ??= error;
      resolve();
    };
    child.on('error', fail);
    child.on('exit', (code) => fail(new Error(`redis-server ended with status ${code}.`)));
  });
  while (failure === null && !(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 10));
  if (failure !== null) {
    process.off('exit', kill);
    await rm(folder, { recursive: true, force: true });
    throw failure;
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      process.off('exit', kill);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A redis-server of our own on a free port, without persistence. `stop` ends it and removes its folder. */
export async function startRedis() {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch();
    } catch (error) {
      if (error.code === 'ENOENT' || attempt === 3) throw error;
    }
  }
}

/** A client as an app would have it. Commands of one turn of the event loop go out together. */
export function connectRedis({ url }, options = {}) {
  return new Redis(url, { enableAutoPipelining: true, ...options });
}

/** How often the server has been given each command since it started, by name. */
export async function commandCalls(client) {
  const calls = new Map();
  for (const line of (await client.info('commandstats')).split('\r\n')) {
    const match = /^cmdstat_([^:]+):calls=(\d+)/.exec(line);
    if (match) calls.set(match[1].toLowerCase(), Number(match[2]));
  }
  return calls;
}

/** Commands that read or run something of the data, as opposed to looking after the connection. */
const UPKEEP =
  /^(?:info|ping|hello|auth|select|client|config|subscribe|unsubscribe|command|cluster|memory|role|script)(?:\||$)/;

/** How many commands the server was given while `work` ran, by name; commands that look after a connection left out. */
export async function commandsDuring(client, work) {
  const before = await commandCalls(client);
  await work();
  const after = await commandCalls(client);
  const during = {};
  for (const [name, calls] of after) {
    const added = calls - (before.get(name) ?? 0);
    if (added > 0 && !UPKEEP.test(name)) during[name] = added;
  }
  return during;
}
