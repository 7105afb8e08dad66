import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../../sample';
import { createReader, feedsOn, lastCachedAt, type Reader, untilTracking } from './reader';

const LAG = 400;

let server: RedisServer;
let admin: Redis;
let readers: Reader[];
beforeEach(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  readers = [];
});
afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  admin.disconnect();
  await server.stop();
});

const asLimited = () => ({ port: server.port, username: 'limited', password: 'pw' });
const CLIENTS = { 'ioredis 6': () => new Redis(asLimited()), 'ioredis 5': () => new Redis5(asLimited()) };

const REFUSALS: Record<string, string[]> = {
  'CLIENT TRACKING': ['~*', '&*', '+@all', '-client|tracking'],
  'the channel': ['~*', 'resetchannels', '+@all'],
  SUBSCRIBE: ['~*', '&*', '+@all', '-subscribe'],
  'CLIENT altogether': ['~*', '&*', '+@all', '-client'],
};

function open(client: Redis | Redis5): Reader {
  const reader = createReader({ client, maxRevocationLag: LAG });
  readers.push(reader);
  return reader;
}

const modes = (reader: Reader) => reader.events.flatMap((event) => (event.type === 'mode' ? [event.mode] : []));
const refusals = (reader: Reader) =>
  reader.events.flatMap((event) => (event.type === 'warning' && event.code === 'tracking_refused' ? [event] : []));

describe.each(Object.entries(CLIENTS))('with %s', (_, connect) => {
  test.each(Object.entries(REFUSALS))(
    'cached data is used for the lag if an ACL forbids %s, and a warning says what to set',
    async (__, rules) => {
      await admin.call('acl', 'setuser', 'limited', 'on', '>pw', ...rules);
      const reader = open(connect());
      await reader.store.ready();
      expect(modes(reader)).toEqual(['per-entry']);
      expect(refusals(reader).map(({ message }) => message)).toEqual([
        expect.stringMatching(/NOPERM.*used for 400 ms.*\+client\|tracking.*&__redis__:invalidate/s),
      ]);
      expect(reader.store.health()).toMatchObject({ mode: 'per-entry', nodes: [{ feed: 'refused', trusted: false }] });

      const key = await createSample(reader.store, newWorkspace());
      const reading = reader.read(key.id);
      const sent = performance.now();
      await reading;
      expect(reader.getCached(key.id)).toEqual(key);
      const elsewhere = createReader({ client: new Redis(server.url), maxRevocationLag: LAG });
      readers.push(elsewhere);
      await elsewhere.store.updateKey(key.id, { disabled: true }, ORIGIN, {});
      expect(await lastCachedAt(reader, key.id, key, LAG)).toBeLessThanOrEqual(sent + LAG + 1);
      expect(await reader.read(key.id)).toMatchObject({ disabled: true });
    },
  );
});

test('a refusal is reported once, and ends with the next connection that is permitted', async () => {
  await admin.call('acl', 'setuser', 'limited', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking');
  const client = new Redis(asLimited());
  const reader = open(client);
  await reader.store.ready();
  const reconnect = async () => {
    client.disconnect(true);
    await waitUntil('the client is back', () => client.status === 'ready');
  };
  for (let round = 0; round < 3; round++) await reconnect();
  expect(refusals(reader)).toHaveLength(1);
  expect(modes(reader)).toEqual(['per-entry']);

  await admin.call('acl', 'setuser', 'limited', '+client|tracking');
  await reconnect();
  await untilTracking(reader);
  expect(modes(reader)).toEqual(['per-entry', 'tracking']);
  expect(reader.store.health()).toMatchObject({ mode: 'tracking', lastError: null });
  expect(refusals(reader)).toHaveLength(1);
});

test('a server that replies OK and does not track grants no lease', async () => {
  await admin.call('acl', 'setuser', 'limited', 'on', '>pw', '~*', '&*', '+@all');
  const client = new Redis(asLimited());
  const duplicate = client.duplicate.bind(client);
  // A proxy can do this: it replies OK to any CLIENT command that it does not know.
  client.duplicate = (override) => {
    const connection = duplicate(override);
    const call = connection.call.bind(connection) as (...args: string[]) => Promise<unknown>;
    Reflect.set(connection, 'call', (...args: string[]) => {
      return args[1]?.startsWith('TRACKING') ? Promise.resolve('OK') : call(...args);
    });
    return connection;
  };
  const reader = open(client);
  await reader.store.ready();
  expect(modes(reader)).toEqual(['per-entry']);
  await waitUntil('its connection is gone', async () => (await feedsOn(admin)).length === 0);
});

test('a user without INFO receives invalidations', async () => {
  const rules = ['on', '>pw', '~*', '&__redis__:invalidate', '+@all', '-@dangerous', '-@admin'];
  await admin.call('acl', 'setuser', 'limited', 'reset', ...rules);
  const reader = open(new Redis({ ...asLimited(), enableReadyCheck: false }));
  await reader.store.ready();
  await untilTracking(reader);
});
