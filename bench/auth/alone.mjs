// A cached key over `next()` on bare requests, where nothing else has run: `alone.mjs <Redis URL> <rounds>`. In the big
// process every function has met Express' requests, each of which is a shape of its own to V8, and reads all objects as if
// they were such. Sends what was measured to its parent.
import { createApiKeys } from 'keyscope';
import { createBareExchange, drive } from '../lib/exchange.mjs';
import { measure } from '../lib/measure.mjs';
import { connectRedis } from '../lib/redis.mjs';

const [url, rounds] = process.argv.slice(2);
const HEADER = 'X-API-Key';
const NEXT = 'next()';
const CACHED = 'cached key';

const redis = connectRedis({ url });
const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations data' } }, redis });
await apiKeys.ready();
const { token } = await apiKeys.keys.create({
  workspaceId: 'ws-fd112d8f',
  name: 'CRM',
  agents: ['PROJECT-58RP822I'],
  permissions: ['conversations'],
});

function variant(name, middleware) {
  return {
    name,
    baseline: NEXT,
    requests: 5000,
    batchSize: 250,
    async prepare(size) {
      const exchanges = Array.from({ length: size }, () => createBareExchange(HEADER, token));
      await apiKeys.verify(token);
      return () => drive(middleware, exchanges, { concurrency: 16, expected: 'next' });
    },
  };
}

const rows = await measure(
  [
    variant(NEXT, (_req, _res, next) => next()),
    variant(CACHED, apiKeys.requireApiKey('conversations', { workspace: 'account_id', agent: 'project_id' })),
  ],
  { rounds: Number(rounds) },
);
process.send(rows.find(({ name }) => name === CACHED));
await apiKeys.close();
redis.disconnect();
process.disconnect();
