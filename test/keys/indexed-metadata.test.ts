import type { ApiKeys, ApiKeysOptions, ListKeysInput } from 'keyscope';
import { createKeyNames } from '../../src/store/redis/key-names';
import { waitUntil } from '../support/wait-until';
import { redisApps } from './redis-apps';
import { refusal } from './setup';

type Keys = ApiKeys<'conversations'>['keys'];

const apps = redisApps();

function start(isRedis: boolean, options: Partial<ApiKeysOptions<'conversations'>> = {}): Keys {
  return apps.start({ metadata: { indexed: ['plan', 'customer'] }, ...options }, isRedis).keys;
}

/** Names of the keys on all pages. */
async function namesOf(keys: Keys, input: ListKeysInput<'conversations'>): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await keys.list({ limit: 2, ...input, ...(cursor !== null && { cursor }) });
    names.push(...page.keys.map(({ name }) => name));
    ({ cursor } = page);
  } while (cursor !== null);
  return names;
}

const create = (keys: Keys, name: string, metadata: Record<string, string>, more: object = {}) =>
  keys.create({ name, permissions: ['conversations'], metadata, ...more });
const removeSpaces = (name: string) => name.replaceAll(' ', '');

describe.each([
  ['memory', false],
  ['Redis', true],
] as const)('in %s', (_, isRedis) => {
  test('keys.list finds keys by an indexed name in each order, on pages, and beside other filters', async () => {
    const keys = start(isRedis);
    for (const name of ['Key 10', 'key 9', 'Ähre', 'zeta', 'Key 1']) {
      await create(keys, name, { customer: 'c-1' }, { expiresIn: `${removeSpaces(name).length}d` });
      await create(keys, `other ${name}`, { customer: 'c-2', plan: 'x' });
    }
    const filter = { metadata: { customer: 'c-1' } };
    expect(await namesOf(keys, { ...filter, sort: 'name' })).toEqual(['Key 1', 'key 9', 'Key 10', 'zeta', 'Ähre']);
    expect((await namesOf(keys, filter)).toReversed()).toEqual(await namesOf(keys, { ...filter, order: 'asc' }));
    expect((await namesOf(keys, { ...filter, sort: 'expires' })).at(-1)).toBe('Key 10');
    expect(await namesOf(keys, { ...filter, q: 'key' })).toHaveLength(3);
    expect(await namesOf(keys, { metadata: { customer: 'c-2', plan: 'x' } })).toHaveLength(5);
    expect(await namesOf(keys, { metadata: { customer: 'c-1', plan: 'x' } })).toEqual([]);
    expect(await namesOf(keys, { metadata: { customer: 'c-3' } })).toEqual([]);
    expect(await keys.list({ metadata: { plan: 'x' } })).toMatchObject({ matching: 5, total: 10 });
  });

  test('the index follows each change of a key', async () => {
    const keys = start(isRedis);
    const filter = { metadata: { customer: 'c-1' } };
    const { key } = await create(keys, 'one', { customer: 'c-1' });
    const { key: other } = await create(keys, 'two', {});
    expect(await namesOf(keys, filter)).toEqual(['one']);
    await keys.update(key.id, { name: 'renamed' });
    await keys.update(other.id, { metadata: { customer: 'c-1' } });
    expect(await namesOf(keys, { ...filter, sort: 'name' })).toEqual(['renamed', 'two']);
    await keys.rotate(key.id, { overlap: '1d' });
    expect(await namesOf(keys, { ...filter, sort: 'expires' })).toEqual(['renamed', 'two', 'renamed']);
    await keys.update(other.id, { metadata: { customer: 'c-2' } });
    expect(await namesOf(keys, filter)).toEqual(['renamed', 'renamed']);
    expect(await namesOf(keys, { metadata: { customer: 'c-2' } })).toEqual(['two']);
    await keys.delete(key.id);
    expect(await namesOf(keys, filter)).toEqual(['renamed']);
    expect(await keys.revokeAll(filter)).toMatchObject({ count: 1 });
    expect(await namesOf(keys, filter)).toEqual([]);
  });

  test('keys of another workspace are never found', async () => {
    const keys = start(isRedis);
    await create(keys, 'ours', { customer: 'c-1' });
    await create(keys, 'theirs', { customer: 'c-1' }, { workspaceId: 'other' });
    expect(await namesOf(keys, { metadata: { customer: 'c-1' } })).toEqual(['ours']);
    expect(await namesOf(keys, { metadata: { customer: 'c-1' }, workspaceId: 'other' })).toEqual(['theirs']);
  });
});

test('keys.list in memory finds the only match among more keys than a page examines', async () => {
  const [keys, unindexed] = [start(false), start(false, { metadata: {} })];
  for (const each of [keys, unindexed]) {
    await create(each, 'rare', { customer: 'c-1' });
    for (let i = 0; i < 10_001; i++) await create(each, `key ${i}`, {});
  }
  const input = { metadata: { customer: 'c-1' } };
  expect(await keys.list(input)).toMatchObject({ keys: [{ name: 'rare' }], cursor: null, matching: 1 });
  expect(await unindexed.list(input)).toMatchObject({ keys: [], cursor: expect.any(String), matching: null });
}, 60_000);

describe('in Redis', () => {
  const filter = { metadata: { customer: 'c-1' } };
  const index = () => createKeyNames(apps.namespace).metadataIndex('default', 'customer');
  const auditLog = () => `${apps.namespace}:audit:{${tag}}:default`;
  let tag: string;

  async function createMany(keys: Keys, count: number, customer = 'c-1') {
    const created = await Promise.all(
      Array.from({ length: count }, (_, i) => create(keys, `${customer} ${i}`, { customer })),
    );
    tag = created[0]!.key.id.slice(0, 4);
    return created.map(({ key }) => key);
  }

  /** Lists once, and waits until the index is complete. */
  async function complete(keys: Keys): Promise<void> {
    await keys.list(filter);
    await waitUntil('the index is complete', async () => {
      const [mark, walk] = await apps.client.hmget(index().state, 'mark', 'walk');
      return mark !== null && walk === null;
    });
  }

  test('a list reads the index of a declared name, and no other keys', async () => {
    const keys = start(true);
    await createMany(keys, 3);
    await complete(keys);
    await apps.client.del(`${apps.namespace}:index:{${tag}}:default:created`);
    expect((await keys.list(filter)).keys).toHaveLength(3);
    expect((await keys.list({ status: 'active' })).keys).toEqual([]);
  });

  test('keys that existed before the name was declared, and changes of processes without the option, are found', async () => {
    const older = start(true, { metadata: {} });
    const before = await createMany(older, 450);
    const keys = start(true);
    expect(await namesOf(keys, { ...filter, limit: 200 })).toHaveLength(450);
    await complete(keys);
    await older.delete(before[0]!.id);
    await older.update(before[1]!.id, { metadata: {} });
    await older.rotate(before[2]!.id, { overlap: '1d' });
    await createMany(older, 1);
    expect(await namesOf(keys, { ...filter, limit: 200 })).toHaveLength(450);
    expect(await namesOf(keys, { ...filter, sort: 'name' })).toEqual(await namesOf(older, { ...filter, sort: 'name' }));
  });

  test('an index whose part of the audit log is gone is built again, without keys that were deleted since', async () => {
    const keys = start(true);
    const created = await createMany(keys, 300);
    await complete(keys);
    const older = start(true, { metadata: {} });
    await Promise.all(created.slice(0, 290).map(({ id }) => older.delete(id)));
    await createMany(older, 5, 'c-2');
    await apps.client.xtrim(auditLog(), 'MAXLEN', 1);
    expect(await namesOf(keys, filter)).toHaveLength(10);
    await complete(keys);
    expect(await namesOf(keys, filter)).toHaveLength(10);
    expect(await apps.client.hlen(index().entries)).toBe(15);
    await apps.client.del(auditLog());
    expect(await namesOf(keys, filter)).toHaveLength(10);
  });

  test('a list examines all keys if Redis does not store the index', async () => {
    const keys = start(true);
    await createMany(keys, 3);
    await apps.client.set(index().state, 'of another type');
    expect(await namesOf(keys, filter)).toHaveLength(3);
  });

  test('the index gives what an examination of all keys gives, after many changes of two processes', async () => {
    const processes = [start(true), start(true, { metadata: {} })] as const;
    const ids: string[] = [];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let step = 0; step < 300; step++) {
      const keys = processes[random(2)]!;
      const id = ids[random(ids.length || 1)];
      const metadata: Record<string, string> = random(4) === 0 ? {} : { customer: `c-${random(3)}` };
      const what = random(6);
      if (what < 2 || id === undefined) {
        ids.push((await create(keys, `key ${random(40)}`, metadata, { expiresIn: `${1 + random(9)}d` })).key.id);
      } else if (what === 2) await keys.update(id, { metadata });
      else if (what === 3) await keys.update(id, { name: `name ${random(40)}` });
      else if (what === 4) {
        const rotated = await keys.rotate(id, { overlap: `${random(3)}h` }).catch(() => null);
        if (rotated) ids.push(rotated.key.id);
      } else {
        await keys.delete(id);
        ids.splice(ids.indexOf(id), 1);
      }
      if (step % 10 !== 0) continue;
      for (const sort of ['created', 'name', 'expires'] as const) {
        const input = { metadata: { customer: `c-${random(3)}` }, sort, limit: 7 };
        expect(await namesOf(processes[0], input)).toEqual(await namesOf(processes[1], input));
      }
    }
  }, 60_000);
});

test('createApiKeys rejects names of metadata that are invalid, repeated or too many', async () => {
  const nine = Array.from({ length: 9 }, (_, i) => `name${i}`);
  for (const indexed of [['a b'], ['a', 'a'], nine, ['constructor']]) {
    const error = await refusal(Promise.resolve().then(() => start(false, { metadata: { indexed } })));
    expect(error).toMatchObject({
      code: 'invalid_options',
      issues: [{ message: expect.stringContaining('at most 8') }],
    });
  }
});
