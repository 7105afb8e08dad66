import { randomBytes } from 'node:crypto';
import { createPlatformKeys } from './api-keys';
import { createApp } from './app';
import { createCommands } from './commands';
import { connectRedis, StartError } from './connect-redis';
import { createPlatformData } from './data/platform-data';
import { type Closable, listen } from './listen';
import { createRequestLog } from './logging';
import { SIGN_IN } from './routes/places';
import { seed } from './seed';
import { startUpstream } from './upstream';
import { describeProjects, welcomeText } from './welcome';

export interface StartOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Left out: keys live in memory and end with the process. */
  readonly redisUrl?: string;
  /** Prefix of all Redis keys; several demonstrations can share one Redis. Default `'keyscope'`. */
  readonly namespace?: string;
  /** Receives errors after the start. */
  readonly complain: (sentence: string) => void;
}

function explainListenError(error: NodeJS.ErrnoException, { host, port }: StartOptions): unknown {
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartError(`Port ${port} is taken. Give another one: PORT=${port + 1} npm start`);
    case 'EACCES':
      return new StartError(
        `Port ${port} needs the rights of an administrator. Give one above 1023: PORT=3000 npm start`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartError(`This machine has no address ${host}. Leave HOST out to listen on 127.0.0.1.`);
    default:
      return error;
  }
}

/** Starts the example. Rejects with a `StartError` for mistakes in the environment. */
export async function start(options: StartOptions): Promise<{ readonly welcome: string } & Closable> {
  const { host, port, redisUrl, namespace, complain } = options;
  const opened: Closable[] = [];

  /** In the reverse order of opening. */
  async function close(): Promise<void> {
    for (const each of opened.reverse()) await each.close();
    opened.length = 0;
  }

  try {
    const redis = redisUrl === undefined ? undefined : await connectRedis(redisUrl, complain);
    if (redis) opened.push({ close: async () => redis.disconnect() });
    const apiKeys = createPlatformKeys({ ...(redis && { redis }), ...(namespace && { namespace }) });
    opened.push(apiKeys);
    await apiKeys.ready();

    const data = createPlatformData();
    const upstream = await startUpstream(data);
    opened.push(upstream);

    const operatorPassword = randomBytes(12).toString('base64url');
    const report = (error: unknown) =>
      complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
    let address = '';
    const exampleUrl = () => `${address}/v1/agents`;
    const requestLog = createRequestLog(apiKeys);
    const app = createApp({ apiKeys, data, upstream, operatorPassword, exampleUrl, report, requestLog });
    const server = await listen(app, { host, port }).catch((error) => {
      throw explainListenError(error, options);
    });
    opened.push(server);
    address = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`;

    // Last: tokens are shown once, so a start that fails must not create keys.
    const seeded = await seed(apiKeys);
    const welcome = welcomeText({
      address,
      console: `${address}${SIGN_IN}?password=${operatorPassword}`,
      storage: redis
        ? 'Keys are kept in Redis across starts.'
        : 'Keys are kept in memory and end with this process. REDIS_URL=redis://127.0.0.1:6379 npm start keeps them.',
      projects: await describeProjects(apiKeys, data),
      seeded,
      commands: createCommands(address, data, seeded, operatorPassword),
    });
    return { welcome, close };
  } catch (error) {
    await close();
    throw error;
  }
}
