// An app with open responses: `app.mjs <Redis URL> <variant>`. Responses begin with one line and stay open. Reports the
// number of open responses, the memory in use, and the longest time for which the event loop was blocked.
import express from 'express';
import { createApiKeys } from 'keyscope';
import { connectRedis } from '../lib/redis.mjs';

const PERMISSIONS = { conversations: { label: 'Conversations data' } };

const [, , url, variant] = process.argv;
const redis = connectRedis({ url });
const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, storeTimeout: 1000 });
/** Middleware of each variant. `watched`: responses end with their key. */
const VARIANTS = {
  plain: () => [],
  key: () => [apiKeys.requireApiKey('conversations', { endOnRevocation: false })],
  'key, watched': () => [apiKeys.requireApiKey('conversations', { endOnRevocation: true })],
  redacted: () => [apiKeys.requireApiKey('conversations', { endOnRevocation: false }), apiKeys.redactResponse()],
  'redacted, watched': () => [apiKeys.requireApiKey('conversations'), apiKeys.redactResponse()],
};

let open = 0;
const reasons = {};
apiKeys.on('ended', ({ reason }) => {
  reasons[reason] = (reasons[reason] ?? 0) + 1;
});
const app = express();
app.get('/', VARIANTS[variant](), (_req, res) => {
  open += 1;
  res.on('close', () => {
    open -= 1;
  });
  res.type('application/x-ndjson');
  res.write('{"id":1}\n');
});

function memory() {
  for (let i = 0; i < 4; i++) gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Longest turns of the event loop since the last look: on the wall clock, and in CPU time of the process. */
let longest = { wall: 0, cpu: 0 };
let last = performance.now();
let lastCpu = process.cpuUsage();
setInterval(() => {
  const wall = performance.now() - last;
  const { user, system } = process.cpuUsage(lastCpu);
  longest = { wall: Math.max(longest.wall, wall), cpu: Math.max(longest.cpu, Math.min(wall, (user + system) / 1000)) };
  last = performance.now();
  lastCpu = process.cpuUsage();
}, 1);

process.on('message', ({ type }) => {
  if (type === 'memory') process.send({ type, bytes: memory() });
  else if (type === 'look') {
    process.send({ type, open, longest, reasons });
    longest = { wall: 0, cpu: 0 };
  } else if (type === 'end') process.exit();
});
process.on('disconnect', () => process.exit());
await apiKeys.ready();
const server = app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.send({ type: 'ready', port: server.address().port });
});
server.timeout = 0;
server.requestTimeout = 0;
