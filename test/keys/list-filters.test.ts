import type { ApiKey, CreateKeyInput, KeyService, ListKeysInput } from '../../src/keys/types';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { fakeClock } from '../support/clock';
import { DAY, NOW, refusal, refusedPaths, setup, valid } from './setup';

const names = (keys: readonly ApiKey[]) => keys.map(({ name }) => name).sort();

async function used(store: Store, id: string, at: number): Promise<void> {
  const delta = { keyId: id, number: 1, counts: new Map([['2030-01-01:allowed', 1]]), lastUsedAt: at };
  expect((await store.addUsage('p', [delta])).settled.has(id)).toBe(true);
}

/** A service with keys that differ in one way each. */
async function filled() {
  const clock = fakeClock(NOW);
  const store = createMemoryStore({ clock });
  const { keys } = setup({ clock, store });
  const make = async (name: string, input: Partial<CreateKeyInput> = {}) =>
    (await keys.create({ ...valid, name, ...input })).key;
  await make('plain');
  await make('short', { expiresIn: '10d' });
  await make('past', { expiresIn: '1h' });
  await make('handoff', { permissions: ['conversations', 'handoff'] });
  await make('one agent', { agents: ['a', 'b'] });
  await make('ana', { owner: { kind: 'user', id: 'ana' }, createdBy: 'eve@acme.test' });
  await make('crm', { owner: { kind: 'service', id: 'ana' }, metadata: { team: 'billing', ticket: 'OPS=1' } });
  await make('other team', { metadata: { team: 'sales' } });
  const off = await make('off');
  await keys.update(off.id, { disabled: true });
  const old = await make('old');
  await keys.rotate(old.id, { overlap: '2h' });
  clock.advance(DAY / 12 - 1);
  const list = async (input: ListKeysInput) => names((await keys.list(input)).keys);
  return { clock, store, keys, list, make };
}

test('keys.list filters by status', async () => {
  const { list, keys } = await filled();
  expect(await list({ status: 'disabled' })).toEqual(['off']);
  expect(await list({ status: 'expired' })).toEqual(['past']);
  expect(await list({ status: 'rotated' })).toEqual(['old']);
  const active = await list({ status: 'active' });
  expect(active).not.toContain('off');
  expect(active).not.toContain('past');
  expect(active).toHaveLength((await keys.list()).total - 2);
});

test('keys.list filters by expiry, permission, agent, owner, metadata and creator', async () => {
  const { list } = await filled();
  expect(await list({ expiringWithin: '10d' })).toEqual(['old', 'short']);
  expect(await list({ expiringWithin: 10 * DAY, status: 'rotated' })).toEqual(['old']);
  expect(await list({ permission: 'handoff' })).toEqual(['handoff']);
  expect(await list({ agent: 'a' })).toEqual(['one agent']);
  expect(await list({ agent: 'all' })).not.toContain('one agent');
  expect(await list({ owner: { kind: 'user', id: 'ana' } })).toEqual(['ana']);
  expect(await list({ owner: 'service:ana' })).toEqual(['crm']);
  expect(await list({ owner: null, metadata: { team: 'sales' } })).toEqual(['other team']);
  expect(await list({ metadata: ['team=billing', 'ticket=OPS=1'] })).toEqual(['crm']);
  expect(await list({ metadata: { team: 'billing', ticket: 'OPS-2' } })).toEqual([]);
  expect(await list({ createdBy: 'eve@acme.test' })).toEqual(['ana']);
  expect(await list({ createdBy: 'eve@acme.test', q: 'crm' })).toEqual([]);
  expect(await list({ environment: 'live' })).toEqual([]);
  expect(await list({ environment: null, q: 'plain' })).toEqual(['plain']);
});

test('keys.list filters by the last use, and leaves out keys that are too new to be unused', async () => {
  const { list, keys, store, clock, make } = await filled();
  clock.advance(40 * DAY);
  const recent = (await keys.list({ q: 'plain' })).keys[0] as ApiKey;
  await used(store, recent.id, clock.wall() - 10 * DAY);
  await make('new');
  const unused = await list({ unusedFor: '30d' });
  expect(unused).toContain('crm');
  expect(unused).not.toContain('plain');
  expect(unused).not.toContain('new');
  expect(await list({ unusedFor: '5d' })).toContain('plain');
});

async function pages(keys: KeyService, input: ListKeysInput): Promise<ApiKey[][]> {
  const found: ApiKey[][] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<KeyService['list']>> = await keys.list({ ...input, ...(cursor && { cursor }) });
    found.push(page.keys);
    cursor = page.cursor;
  } while (cursor !== null && found.length < 100);
  return found;
}

test('keys.list returns every match once, page by page, and binds the cursor to the filter', async () => {
  const { keys } = await filled();
  for (const sort of ['created', 'name', 'expires'] as const) {
    for (const limit of [1, 2, 3, 200]) {
      const found = await pages(keys, { sort, limit, owner: null, status: 'active' });
      expect(names(found.flat())).toHaveLength(7);
    }
  }
  const { cursor } = await keys.list({ limit: 1, status: 'active' });
  expect(await refusedPaths(keys.list({ limit: 1, cursor: cursor as string, status: 'disabled' }))).toEqual(['cursor']);
  expect(await refusedPaths(keys.list({ limit: 1, cursor: cursor as string }))).toEqual(['cursor']);
});

test('keys.list reports the number of matches if one page has them all', async () => {
  const { keys } = await filled();
  const { total } = await keys.list();
  expect(await keys.list({ limit: 1 })).toMatchObject({ total, matching: total });
  expect(await keys.list({ owner: 'user:ana' })).toMatchObject({ total, matching: 1 });
  expect(await keys.list({ status: 'active', limit: 1 })).toMatchObject({ total, matching: null });
});

test('keys.list rejects invalid filters', async () => {
  const { keys } = setup();
  for (const [field, wrong] of [
    ['status', 'revoked'],
    ['expiringWithin', 30],
    ['unusedFor', 'soon'],
    ['owner', 'ana'],
    ['owner', {}],
    ['metadata', {}],
    ['metadata', 'billing'],
    ['environment', 'none at all'],
    ['agent', ''],
    ['permission', ''],
  ] as const) {
    expect(await refusedPaths(keys.list({ [field]: wrong } as ListKeysInput))).toEqual([field]);
  }
  expect((await refusal(keys.list({ owner: 'ana' }))).message).toContain("'user:u-17'");
});

test('keys.list ends a page after a bounded number of keys if the filter or the search matches none', async () => {
  const store = createMemoryStore();
  const { keys } = setup({ store });
  for (let i = 0; i < 10_001; i++) await keys.create(valid);
  for (const input of [{ createdBy: 'absent' }, { q: 'absent' }]) {
    const first = await keys.list(input);
    expect(first).toMatchObject({ keys: [], matching: null, cursor: expect.any(String) });
    expect(await keys.list({ ...input, cursor: first.cursor as string })).toMatchObject({ keys: [], cursor: null });
  }
});
