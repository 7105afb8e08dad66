import { Redis } from 'ioredis';
import { createApiKeys } from '../../src';
import { waitUntil } from '../support/wait-until';
import { createWorld, MINIMUM, type World } from './harness';

const PEPPER = 'the pepper of the app';

let world: World;
let client: Redis;
let apiKeys: ReturnType<typeof createApiKeys>;

beforeAll(async () => {
  world = await createWorld();
  client = new Redis(world.redis.url);
  apiKeys = createApiKeys({
    permissions: { orders: { label: 'Orders' } },
    redis: client,
    namespace: world.redis.namespace,
    prefix: 'shop_live',
    pepper: PEPPER,
    keysWithoutExpiry: true,
  });
  await apiKeys.ready();
  await waitUntil('the settings are recorded', async () => (await client.exists(`${world.redis.namespace}:app`)) === 1);
});
afterAll(async () => {
  await apiKeys.close();
  client.disconnect();
  await world.end();
});

const CREATE = ['keys', 'create', '--name', 'CRM', '--permissions', 'orders'];
const env = { KEYSCOPE_PERMISSIONS: undefined, KEYSCOPE_PEPPER: PEPPER };

describe('the settings that the app has recorded', () => {
  test("keys create uses the app's prefix and permissions, and the app accepts the token", async () => {
    const { code, stdout, stderr } = await world.run([...CREATE, '--quiet'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^shop_live_/);
    expect(await apiKeys.verify(stdout.trim())).toMatchObject({ ok: true });
  });

  test('keys create makes a key that never expires, because the app allows it', async () => {
    const { code, stdout } = await world.run([...CREATE, '--expires-in', 'never', '--json'], { env });
    expect(code).toBe(0);
    const { key } = JSON.parse(stdout);
    expect(key.expiresAt).toBeNull();
    expect((await world.run(['keys', 'show', key.id], { env })).stdout).toMatch(/^expires +never$/m);
    expect((await world.run(['keys', 'list'], { env })).stdout).toMatch(/ never /);
  });

  test.each([
    ['the prefix', [...CREATE, '--prefix', 'ks'], env, '--prefix'],
    ['the pepper', CREATE, { ...env, KEYSCOPE_PEPPER: 'another pepper, as long' }, 'KEYSCOPE_PEPPER'],
    ['no pepper', CREATE, { ...env, KEYSCOPE_PEPPER: undefined }, 'KEYSCOPE_PEPPER'],
  ])("keys create creates nothing when %s is not the app's", async (_, argv, given, setting) => {
    const { total: before } = await count();
    const { code, stdout, stderr } = await world.run(argv, { env: given });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('The app would reject this key.');
    expect(stderr).toContain(setting);
    expect((await count()).total).toBe(before);
  });

  test('keys create suggests a permission of the app when one is misspelt', async () => {
    const { code, stderr } = await world.run([...CREATE.slice(0, -1), 'ordres'], { env });
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean "orders"?');
  });

  test("keys rotate and import are refused when the prefix or pepper is not the app's", async () => {
    const input = 'token,name\nlegacy_0123456789abcdefghij,Old\n';
    for (const argv of [
      ['keys', 'rotate', '0000000000000000', '--overlap', '1h'],
      ['import', '-', '--permissions', 'orders', '--agents', 'all'],
    ]) {
      const refused = await world.run(argv, { env: { ...env, KEYSCOPE_PEPPER: undefined }, input });
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain('KEYSCOPE_PEPPER');
    }
  });

  test('keys list notes a difference and doctor exits 1 with it', async () => {
    const given = { env: { ...env, KEYSCOPE_PREFIX: 'ks' } };
    const list = await world.run(['keys', 'list'], given);
    expect(list.code).toBe(0);
    expect(list.stderr).toContain('"shop_live"');
    const doctor = await world.run(['doctor', '--json'], given);
    expect(doctor.code).toBe(1);
    const { warnings } = JSON.parse(doctor.stdout);
    expect(warnings.map(({ code }: { code: string }) => code)).toContain('prefix_differs');
  });

  test('keys create is refused and doctor exits 1 when the app has another version of the format', async () => {
    const name = `${world.redis.namespace}:app`;
    const recorded = (await client.get(name)) as string;
    await client.set(name, JSON.stringify({ ...JSON.parse(recorded), format: 2 }));
    const created = await world.run(CREATE, { env });
    expect(created).toMatchObject({ code: 2, stdout: '' });
    expect(created.stderr).toContain("Use the app's version of keyscope.");
    const doctor = await world.run(['doctor', '--json'], { env });
    expect(JSON.parse(doctor.stdout).warnings).toContainEqual(expect.objectContaining({ code: 'format_differs' }));
    await client.set(name, recorded);
  });

  test('a command line does not change them', async () => {
    await world.run(['keys', 'list', '--prefix', 'other'], { env: { ...env, KEYSCOPE_PERMISSIONS: 'x' } });
    const recorded = JSON.parse((await client.get(`${world.redis.namespace}:app`)) as string);
    expect(recorded).toMatchObject({ prefix: 'shop_live', permissions: ['orders'] });
  });
});

test('keys create notes that settings are unchecked when no app has recorded any', async () => {
  const { code, stderr } = await world.run(['keys', 'create', ...MINIMUM], {
    env: { KEYSCOPE_NAMESPACE: `${world.redis.namespace}-new` },
  });
  expect(code).toBe(0);
  expect(stderr).toContain('no app has recorded its settings');
});

async function count() {
  const { keys } = await apiKeys.keys.list({ limit: 200 });
  return { total: keys.length };
}
