// One measured app: `app.mjs <4|5> <variant> <Redis URL>`. Sends { port, path, headers } when it listens, and
// { cpu } in microseconds for each message that it receives.
import { PATH, VARIANTS } from './variants.mjs';

const [major, name, redisUrl] = process.argv.slice(2);
const { default: express } = await import(major === '4' ? 'express4' : 'express');
const { app, headers } = await VARIANTS.find((variant) => variant.name === name).build(express, redisUrl);

process.on('message', ({ collect }) => {
  // Garbage of the sample before is not this sample's to collect.
  if (collect) globalThis.gc();
  const { user, system } = process.cpuUsage();
  process.send({ cpu: user + system });
});
process.on('disconnect', () => process.exit());

const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, path: PATH, headers }));
