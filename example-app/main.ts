import { StartError } from './connect-redis';
import { start } from './start';

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return 3000;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new StartError(`PORT is ${JSON.stringify(text)}. Give a number from 0 (any free port) to 65535.`);
}

async function main(): Promise<void> {
  const { PORT, HOST, REDIS_URL, KEYSCOPE_NAMESPACE } = process.env;
  const running = await start({
    host: HOST || '127.0.0.1',
    port: readPort(PORT),
    ...(REDIS_URL && { redisUrl: REDIS_URL }),
    ...(KEYSCOPE_NAMESPACE && { namespace: KEYSCOPE_NAMESPACE }),
    complain: (sentence) => console.error(sentence),
  });

  function stop(signal: NodeJS.Signals): void {
    // A second signal ends the process at once, because this listener is gone.
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    running.close().catch((error: unknown) => {
      console.error(`Could not close cleanly after ${signal}:`, error);
      process.exitCode = 1;
    });
  }
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  console.log(running.welcome);
}

main().catch((error: unknown) => {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 1;
});
