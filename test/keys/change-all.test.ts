import type { KeySelection } from '../../src/keys/selection';
import { createMemoryStore } from '../../src/store/memory';
import type { KeyRecord } from '../../src/store/records';
import type { Store } from '../../src/store/store';
import { fakeClock } from '../support/clock';
import { NOW, refusal, refusedPaths, setup, valid } from './setup';

const ANA = { kind: 'user', id: 'ana' } as const;

async function filled(count = 3) {
  const made = setup();
  for (let i = 0; i < count; i++) await made.keys.create({ ...valid, name: `ana ${i}`, owner: ANA });
  await made.keys.create({ ...valid, name: 'other' });
  await made.keys.create({ ...valid, name: 'elsewhere', owner: ANA, workspaceId: 'acme' });
  const names = async (workspaceId = 'default') => (await made.keys.list({ workspaceId })).keys.map(({ name }) => name);
  const actions = async () =>
    (await made.store.listAudit({ workspaceId: 'default', limit: 1000, before: null })).entries.map(
      ({ action, actor }) => `${action} ${actor}`,
    );
  return { ...made, names, actions };
}

test('keys.revokeAll deletes the keys of an owner in one workspace, with an audit entry each', async () => {
  const { keys, names, actions } = await filled();
  const { count, sample, cursor, dryRun } = await keys.revokeAll({ owner: ANA }, { actor: 'ops', source: '10.0.0.1' });
  expect({ count, cursor, dryRun }).toEqual({ count: 3, cursor: null, dryRun: false });
  expect(sample.map(({ name }) => name)).toEqual(['ana 0', 'ana 1', 'ana 2']);
  expect(await names()).toEqual(['other']);
  expect(await names('acme')).toEqual(['elsewhere']);
  expect((await actions()).filter((action) => action === 'key.deleted ops')).toHaveLength(3);
  expect(await keys.revokeAll({ owner: ANA })).toMatchObject({ count: 0, sample: [], cursor: null });
});

test('keys.disableAll disables keys, and leaves disabled ones out', async () => {
  const { keys } = await filled();
  const [first] = (await keys.list({ q: 'ana 0' })).keys;
  await keys.update(first!.id, { disabled: true });
  expect((await keys.disableAll({ owner: 'user:ana' })).count).toBe(2);
  expect((await keys.list({ status: 'disabled' })).matching).toBe(3);
  expect((await keys.get(first!.id)).revision).toBe(2);
  expect(await keys.list({ q: 'other', status: 'active' })).toMatchObject({ matching: 1 });
});

test('keys.revokeAll counts and changes nothing if dryRun is set', async () => {
  const { keys, actions, names } = await filled(25);
  const before = await actions();
  const { count, sample, dryRun } = await keys.revokeAll({ owner: ANA }, { dryRun: true });
  expect({ count, dryRun }).toEqual({ count: 25, dryRun: true });
  expect(sample).toHaveLength(20);
  expect(await names()).toHaveLength(26);
  expect(await actions()).toEqual(before);
});

test('keys.revokeAll stops at the limit, and goes on at the cursor', async () => {
  const { keys, names } = await filled(5);
  const first = await keys.revokeAll({ owner: ANA }, { limit: 2 });
  expect(first).toMatchObject({ count: 2, cursor: expect.any(String) });
  expect(await names()).toEqual(['other', 'ana 4', 'ana 3', 'ana 2']);
  const rest = await keys.revokeAll({ owner: ANA }, { cursor: first.cursor as string });
  expect(rest).toMatchObject({ count: 3, cursor: null });
  expect(await refusedPaths(keys.revokeAll({ permission: 'handoff' }, { cursor: first.cursor as string }))).toEqual([
    'cursor',
  ]);
});

test('keys.revokeAll changes every key of more than one page', async () => {
  const { keys, names } = await filled(450);
  expect((await keys.revokeAll({ all: true })).count).toBe(451);
  expect(await names()).toEqual([]);
  expect(await names('acme')).toEqual(['elsewhere']);
});

test.each([{}, { q: '' }, { all: true, owner: null }, { all: false }, undefined])(
  'keys.revokeAll and keys.disableAll reject the selection %j',
  async (selection) => {
    const { keys } = await filled();
    for (const call of [keys.revokeAll, keys.disableAll]) {
      expect((await refusal(call(selection as KeySelection))).code).toBe('invalid_request');
    }
    expect((await keys.list()).total).toBe(4);
  },
);

/** A store in which something happens before the first change of a key. */
function interrupted(before: (store: Store, id: string) => Promise<unknown>): Store {
  const store = createMemoryStore({ clock: fakeClock(NOW) });
  const seen = new Set<string>();
  return {
    ...store,
    async deleteKey(id, origin, precondition) {
      if (!seen.has(id)) {
        seen.add(id);
        await before(store, id);
      }
      return store.deleteKey(id, origin, precondition);
    },
  };
}

const ORIGIN = { actor: null, source: null, at: NOW };

test('keys.revokeAll keeps a key that stops to match between its read and its change', async () => {
  const store = interrupted((inner, id) => inner.updateKey(id, { owner: null }, ORIGIN, {}));
  const { keys } = setup({ store });
  await keys.create({ ...valid, owner: ANA });
  expect((await keys.revokeAll({ owner: ANA })).count).toBe(0);
  expect((await keys.list()).total).toBe(1);
});

test('keys.revokeAll deletes a key that changed and still matches, and skips one that is gone', async () => {
  const store = interrupted((inner, id) => inner.updateKey(id, { name: 'renamed' }, ORIGIN, {}));
  const { keys } = setup({ store });
  await keys.create({ ...valid, owner: ANA });
  expect((await keys.revokeAll({ owner: ANA })).count).toBe(1);
  expect((await keys.list()).total).toBe(0);

  const gone = setup({ store: interrupted((inner, id) => inner.deleteKey(id, ORIGIN, {})) });
  await gone.keys.create({ ...valid, owner: ANA });
  expect((await gone.keys.revokeAll({ owner: ANA })).count).toBe(0);
});

/** Another process, whose clock is an hour behind: its keys are created before the ones that have been read. */
function anotherProcess(store: Store) {
  return setup({ store, clock: fakeClock(NOW - 3_600_000) }).keys;
}

test.each([
  ['with an overlap', { overlap: '10m' }],
  ['without an overlap', { overlap: 0 }],
] as const)(
  'keys.revokeAll deletes the successors of keys that another process rotates %s before their change',
  async (_, how) => {
    const store = interrupted(async (inner, id) => {
      const { rotatedFrom } = (await inner.getKey(id)) as KeyRecord;
      if (rotatedFrom === null) await anotherProcess(inner).rotate(id, how);
    });
    const { keys } = setup({ store });
    for (let i = 0; i < 20; i++) await keys.create({ ...valid, owner: ANA });
    await keys.revokeAll({ owner: ANA, status: 'active' });
    expect(await keys.list({ status: 'active' })).toMatchObject({ keys: [] });
  },
);

test('keys.revokeAll ends when another process rotates each successor before its change', async () => {
  const store = interrupted((inner, id) => anotherProcess(inner).rotate(id, { overlap: '10m' }));
  const { keys } = setup({ store });
  await keys.create({ ...valid, owner: ANA });
  expect(await keys.revokeAll({ owner: ANA, status: 'active' })).toMatchObject({ cursor: null });
});

test('keys.disableAll disables the successors of keys that another process rotated', async () => {
  const inner = createMemoryStore({ clock: fakeClock(NOW) });
  let rotates = true;
  const store: Store = {
    ...inner,
    async updateKey(id, ...rest) {
      if (rotates) {
        rotates = false;
        await anotherProcess(inner).rotate(id, { overlap: '10m' });
      }
      return inner.updateKey(id, ...rest);
    },
  };
  const { keys } = setup({ store });
  await keys.create({ ...valid, owner: ANA });
  const { count, sample } = await keys.disableAll({ owner: ANA });
  expect((await keys.list()).keys.map(({ disabled }) => disabled)).toEqual([true, true]);
  expect([count, sample.length]).toEqual([2, 2]);
});

test('keys.revokeAll deletes matching keys that another process creates during the call', async () => {
  let created = 0;
  const store = interrupted(async (inner) => {
    if (created++ < 3) await setup({ store: inner, clock: fakeClock(NOW + 1) }).keys.create({ ...valid, owner: ANA });
  });
  const { keys } = setup({ store });
  await keys.create({ ...valid, owner: ANA });
  expect((await keys.revokeAll({ owner: ANA })).count).toBe(4);
  expect((await keys.list()).total).toBe(0);
});
