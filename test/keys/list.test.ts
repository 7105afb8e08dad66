import type { ApiKey, KeyService, ListKeysInput } from '../../src/keys/types';
import { DAY, refusal, refusedPaths, setup, valid } from './setup';

const namesOf = (keys: readonly ApiKey[]) => keys.map(({ name }) => name);

/** Every page, until the end. */
async function all(keys: KeyService, input: ListKeysInput, between = async (_page: number) => {}): Promise<ApiKey[]> {
  const found: ApiKey[] = [];
  let cursor: string | undefined;
  for (let page = 1; page < 1000; page++) {
    const answer = await keys.list({ ...input, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...answer.keys);
    if (answer.cursor === null) return found;
    cursor = answer.cursor;
    await between(page);
  }
  throw new Error('the list does not end');
}

async function withNames(names: string[]) {
  const made = setup();
  for (const [index, name] of names.entries()) {
    made.clock.advance(1000);
    await made.keys.create({ ...valid, name, expiresIn: (names.length - index) * DAY });
  }
  return made;
}

describe('listing keys', () => {
  test('keys.list returns the newest keys first, masked', async () => {
    const { keys } = await withNames(['a', 'b', 'c']);
    const list = await keys.list();
    expect(namesOf(list.keys)).toEqual(['c', 'b', 'a']);
    expect(list.cursor).toBeNull();
    for (const key of list.keys) {
      expect(key).toEqual(await keys.get(key.id));
      expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['digest']));
    }
  });

  test('sorts by creation, name and expiry, either way round', async () => {
    const { keys } = await withNames(['Beta', 'alpha', 'gamma']);
    const sorted = async (input: ListKeysInput) => namesOf((await keys.list(input)).keys);
    expect(await sorted({ sort: 'created' })).toEqual(['gamma', 'alpha', 'Beta']);
    expect(await sorted({ sort: 'created', order: 'asc' })).toEqual(['Beta', 'alpha', 'gamma']);
    expect(await sorted({ sort: 'name' })).toEqual(['alpha', 'Beta', 'gamma']);
    expect(await sorted({ sort: 'name', order: 'desc' })).toEqual(['gamma', 'Beta', 'alpha']);
    expect(await sorted({ sort: 'expires' })).toEqual(['gamma', 'alpha', 'Beta']);
    expect(await sorted({ sort: 'expires', order: 'desc' })).toEqual(['Beta', 'alpha', 'gamma']);
  });

  test('keys.list returns keys of one millisecond in the order of their creation', async () => {
    const { keys } = setup();
    const names: string[] = [];
    let old: ApiKey | undefined;
    for (let index = 0; index < 60; index++) {
      names.push(`Key ${index}`);
      const { key } = await keys.create({ ...valid, name: `Key ${index}` });
      old ??= key;
    }
    await keys.rotate(old!.id, { overlap: '1h' });
    names.push('Key 0');
    expect(namesOf(await all(keys, { sort: 'created', order: 'asc', limit: 7 }))).toEqual(names);
    expect(namesOf(await all(keys, { limit: 7 }))).toEqual([...names].reverse());
  });

  test('keys.list returns the keys of one workspace', async () => {
    const { keys } = setup();
    await keys.create({ ...valid, name: 'theirs', workspaceId: 'acme' });
    await keys.create({ ...valid, name: 'ours' });
    expect(namesOf((await keys.list()).keys)).toEqual(['ours']);
    expect(namesOf((await keys.list({ workspaceId: 'acme' })).keys)).toEqual(['theirs']);
    expect((await keys.list({ workspaceId: 'globex' })).keys).toEqual([]);
  });

  test('keys.list searches part of the name, in any case and compatibility form', async () => {
    const { keys } = await withNames(['CRM Export', 'Ｆｕｌｌｗｉｄｔｈ', 'Éclair', 'crm import']);
    const search = async (q: string) => namesOf((await keys.list({ q, sort: 'name' })).keys);
    expect(await search('crm')).toEqual(['CRM Export', 'crm import']);
    expect(await search('M EX')).toEqual(['CRM Export']);
    expect(await search('fullwidth')).toEqual(['Ｆｕｌｌｗｉｄｔｈ']);
    expect(await search('E\u0301CLAIR')).toEqual(['Éclair']);
    expect(await search('%')).toEqual([]);
    expect(await search('.*')).toEqual([]);
    expect(await search('')).toHaveLength(4);
  });

  test('keys.list returns disabled and expired keys', async () => {
    const { keys, clock } = await withNames(['a', 'b']);
    await keys.update((await keys.list()).keys[0]!.id, { disabled: true });
    clock.advance(100 * DAY);
    expect((await keys.list()).keys).toHaveLength(2);
  });
});

describe('a cursor', () => {
  const names = Array.from({ length: 23 }, (_, index) => `Key ${String((index * 7) % 23).padStart(2, '0')} 😀`);

  test.each(['created', 'name', 'expires'] as const)(
    'keys.list returns all pages by %s without gap or repetition',
    async (sort) => {
      const { keys } = await withNames(names);
      for (const order of ['asc', 'desc'] as const) {
        const whole = (await keys.list({ sort, order, limit: 200 })).keys;
        for (const limit of [1, 5, 22, 23, 24]) expect(await all(keys, { sort, order, limit })).toEqual(whole);
        expect(await all(keys, { sort, order, limit: 3, q: '1' })).toEqual(
          whole.filter(({ name }) => name.includes('1')),
        );
      }
    },
  );

  test.each(['created', 'name', 'expires'] as const)(
    'keys.list by %s returns every lasting key once while keys are created, deleted and renamed',
    async (sort) => {
      const { keys, clock } = await withNames(names);
      const before = (await keys.list({ sort, limit: 200 })).keys;
      const doomed = [before[7]!, before[3]!, before[12]!];
      const found = await all(keys, { sort, limit: 4 }, async (page) => {
        clock.advance(1);
        const victim = doomed.pop();
        if (victim) await keys.delete(victim.id);
        await keys.create({ ...valid, name: `Key 0${page}`, expiresIn: page * DAY });
      });
      const ids = found.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const key of before) {
        if (![before[7], before[3], before[12]].includes(key)) expect(ids).toContain(key.id);
      }
    },
  );

  test('a cursor is opaque and safe in a URL', async () => {
    const { keys } = await withNames(['secret plan', 'b', 'c']);
    for (const sort of ['created', 'expires'] as const) {
      const { cursor } = await keys.list({ sort, order: 'asc', limit: 1 });
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(Buffer.from(cursor!, 'base64url').toString()).not.toContain('plan');
    }
  });

  test('keys.list rejects a cursor of another list', async () => {
    const { keys } = await withNames(['a', 'b', 'c']);
    const first = { sort: 'name', order: 'asc', q: '', limit: 1, workspaceId: 'default' } as const;
    const cursor = (await keys.list(first)).cursor!;
    expect(namesOf((await keys.list({ ...first, cursor, limit: 50 })).keys)).toEqual(['b', 'c']);
    for (const other of [{ sort: 'created' }, { order: 'desc' }, { q: 'b' }, { workspaceId: 'acme' }] as const) {
      const error = await refusal(keys.list({ ...first, ...other, cursor }));
      expect(error).toMatchObject({ code: 'invalid_request', issues: [{ path: 'cursor' }] });
    }
  });

  test('keys.list rejects an invalid cursor', async () => {
    const { keys } = await withNames(['a', 'b']);
    const { cursor } = await keys.list({ limit: 1 });
    const [version, hash, position] = JSON.parse(Buffer.from(cursor!, 'base64url').toString()) as [
      number,
      string,
      string,
    ];
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(encode([version, hash, position])).toBe(cursor);
    const [time, id] = position.split('\0') as [string, string];
    for (const forged of [
      [2, hash, position],
      [version, hash],
      [version, hash, position, 1],
      [version, hash, 7],
      [version, hash, ''],
      [version, hash, `${time}\0${id}`],
      [version, hash, `${time}\0${id}\0x`],
      [version, hash, `${time}\0${id}x\0`],
      [version, hash, `${time.slice(1)}\0${id}\0`],
      [version, hash, `${time}\0\0${id}`],
      { 0: version, 1: hash, 2: position, length: 3 },
      null,
    ]) {
      expect(await refusedPaths(keys.list({ cursor: encode(forged) }))).toEqual(['cursor']);
    }
    for (const text of ['', 'x', '!', cursor!.slice(1), 'e30', '😀', 'A'.repeat(20_000)]) {
      expect(await refusedPaths(keys.list({ cursor: text }))).toEqual(['cursor']);
    }
  });
});

test('keys.list rejects unknown orders, limits and fields', async () => {
  const { keys } = setup();
  const wrong: [object, string[]][] = [
    [{ limit: 0 }, ['limit']],
    [{ limit: 201 }, ['limit']],
    [{ limit: 1.5 }, ['limit']],
    [{ limit: '10' }, ['limit']],
    [{ sort: 'id', order: 'up' }, ['order', 'sort']],
    [{ workspaceId: '' }, ['workspaceId']],
    [{ q: 7 }, ['q']],
    [{ q: 'x'.repeat(101) }, ['q']],
    [{ search: 'x' }, ['search']],
  ];
  for (const [input, paths] of wrong) expect(await refusedPaths(keys.list(input as ListKeysInput))).toEqual(paths);
  expect((await refusal(keys.list({ sort: 'nmae' as never }))).message).toContain('Did you mean "name"?');
});

test('a page has 50 keys unless told otherwise, and at most 200', async () => {
  const { keys } = setup();
  for (let index = 0; index < 201; index++) await keys.create(valid);
  expect((await keys.list()).keys).toHaveLength(50);
  expect((await keys.list({ limit: 200 })).keys).toHaveLength(200);
  expect(await all(keys, {})).toHaveLength(201);
});
