import { Redis } from 'ioredis';
import { type ApiKeysOptions, createApiKeys } from '../../../src';
import { recordAppSettings } from '../../../src/store/redis/app-settings';
import { type TestRedis, testRedis } from '../../support/redis/test-redis';

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis();
});
afterAll(() => redis.stop());

let count = 0;
function fixture() {
  count += 1;
  const namespace = `${redis.namespace}-app-${count}`;
  /** Starts an app, and resolves with the warnings about settings that it emitted. */
  async function start(options: Partial<ApiKeysOptions<string>> = {}): Promise<string[]> {
    const client = new Redis(redis.url);
    const apiKeys = createApiKeys({ permissions: { calls: { label: 'Calls' } }, redis: client, namespace, ...options });
    const warnings: string[] = [];
    apiKeys.on('store', (event) => {
      if (event.type === 'warning' && event.code === 'settings_differ') warnings.push(event.message);
    });
    try {
      await apiKeys.ready();
      return warnings;
    } finally {
      await apiKeys.close();
      client.disconnect();
    }
  }
  async function recorded() {
    const client = new Redis(redis.url);
    const text = await client.get(`${namespace}:app`);
    client.disconnect();
    return text;
  }
  async function record(settings: object) {
    const client = new Redis(redis.url);
    await client.set(`${namespace}:app`, JSON.stringify(settings));
    client.disconnect();
  }
  return { namespace, start, recorded, record };
}

test('an app records prefix, permissions and pepper fingerprints, and no pepper', async () => {
  const { start, recorded } = fixture();
  await start({ prefix: 'shop', pepper: ['correct horse battery staple', null] });
  const text = await recorded();
  expect(JSON.parse(text as string)).toEqual({
    format: 1,
    prefix: 'shop',
    permissions: ['calls'],
    peppers: [expect.stringMatching(/^[\w-]{6}$/), 'none'],
  });
  expect(text).not.toContain('horse');
});

test.each<[string, Partial<ApiKeysOptions<string>>, RegExp]>([
  ['another prefix', { prefix: 'shop' }, /prefix is "ks", the prefix here is "shop"/],
  [
    'another permission',
    { permissions: { orders: { label: 'Orders' } } },
    /missing here: "calls"; only here: "orders"/,
  ],
  ['a pepper', { pepper: 'a long random text, or so it seems' }, /pepper for new keys here is not among/],
])('a second app with %s emits a store warning', async (_, options, message) => {
  const { start } = fixture();
  expect(await start()).toEqual([]);
  expect(await start(options)).toEqual([expect.stringMatching(message)]);
});

test('an app emits a store warning when another version of keyscope has recorded another format', async () => {
  const { start, recorded, record } = fixture();
  await start();
  await record({ ...JSON.parse((await recorded()) as string), format: 2 });
  expect(await start()).toEqual([expect.stringContaining('The recorded format is 2, the format of this version')]);
});

test('a second app with the same settings emits no warning', async () => {
  const { start } = fixture();
  await start();
  expect(await start()).toEqual([]);
});

test('an app with recordSettings: false records nothing and emits no warning', async () => {
  const { start, recorded } = fixture();
  await start({ recordSettings: false });
  expect(await recorded()).toBeNull();
  await start();
  expect(await start({ prefix: 'shop', recordSettings: false })).toEqual([]);
});

test('settings are recorded in the database of the client when the app has selected another', async () => {
  const { recorded, namespace } = fixture();
  const client = new Redis(redis.url);
  try {
    await client.call('SELECT', '3');
    const settings = { prefix: 'shop', permissions: ['calls'], peppers: ['none'] };
    expect(await recordAppSettings(client, namespace, settings, 5000)).toBeNull();
    expect(await client.exists(`${namespace}:app`)).toBe(0);
    expect(JSON.parse((await recorded()) as string)).toEqual({ format: 1, ...settings });
    expect(await recordAppSettings(client, namespace, { ...settings, prefix: 'ks' }, 5000)).toMatchObject(settings);
  } finally {
    client.disconnect();
  }
});
