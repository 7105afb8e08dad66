import { randomBytes } from 'node:crypto';
import { createPlatformKeys } from './api-keys';
import { createApp } from './app';
import { createCommands } from './commands';
import { connectRedis, StartError } from './connect-redis';
import { createPlatformData } from './data/platform-data';
import { type Closable, listen } from './listen';
import { SIGN_IN } from './routes/places';
import { seed } from './seed';
import { startUpstream } from './upstream';
import { describeProjects, welcomeText } from './welcome';

export interface StartOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Left out: keys live in memory and end with the process. */
  readonly redisUrl?: string;
  /** What all keys in Redis begin with; lets several demonstrations share one Redis. Default `'keyscope'`. */
  readonly namespace?: string;
  /** Hears of what goes wrong later. */
  readonly complain: (sentence: string) => void;
}

function explainListenError(error: NodeJS.ErrnoException, { host, port }: StartOptions): unknown {
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartError(`Port ${port} is taken. Give another one: PORT=${port + 1} npm start`);
    case 'EACCES':
      return new StartError(`Port ${port} is not for everybody to listen on. Give one above 1023: PORT=3000 npm start`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartError(`This machine has no address ${host}. Leave HOST out to listen on 127.0.0.1.`);
    default:
      return error;
  }
}

/** Starts the example. Rejects with a `StartError` for what the one who starts it can put right. */
export async function start(options: StartOptions): Promise<{ readonly welcome: string } & Closable> {
  const { host, port, redisUrl, namespace, complain } = options;
  const opened: Closable[] = [];

  /** In the reverse order of opening: nothing loses what it stands on. */
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
    const app = createApp({ apiKeys, data, upstream, operatorPassword, exampleUrl, report });
    const server = await listen(app, { host, port }).catch((error) => {
      throw explainListenError(error, options);
    });
    opened.push(server);
    address = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`;

    // Last of all: tokens are shown once, so no key may be made by a start that then fails and shows none.
    const seeded = await seed(apiKeys);
    const welcome = welcomeText({
      address,
      console: `${address}${SIGN_IN}?password=${operatorPassword}`,
      storage: redis
        ? 'Keys are kept in Redis and are there again at the next start.'
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
