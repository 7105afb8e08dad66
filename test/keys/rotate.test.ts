import type { Store } from '../../src/store/store';
import { generateToken } from '../../src/token/generate';
import { DAY, NOW, refusal, refusedPaths, setup, valid } from './setup';

/** The store, with something happening right after each read of a key: `interfere` gets how many there have been. */
function interrupted(store: Store, interfere: (reads: number) => Promise<unknown>): Store {
  let reads = 0;
  return {
    ...store,
    async getKey(id) {
      const record = await store.getKey(id);
      await interfere(++reads);
      return record;
    },
  };
}

describe('rotating a key', () => {
  test('keys.rotate creates a key of the same scope, and both keys name each other', async () => {
    const { keys, clock, store, hasher } = setup();
    const { key: old, token: oldToken } = await keys.create({
      workspaceId: 'acme',
      name: 'CRM',
      agents: ['p1', 'p2'],
      permissions: ['handoff', 'conversations'],
      expiresIn: '90d',
      createdBy: 'ops',
    });
    clock.advance(10 * DAY);
    const { key, token } = await keys.rotate(old.id, { overlap: '1d' }, { workspaceId: 'acme', actor: 'bo' });
    const now = NOW + 10 * DAY;
    expect(key).toEqual({
      ...old,
      id: key.id,
      createdAt: new Date(now),
      updatedAt: new Date(now),
      createdBy: 'bo',
      expiresAt: new Date(now + 90 * DAY),
      masked: `ks_${token.slice(3, 11)}************${token.slice(-4)}`,
      rotatedFrom: old.id,
    });
    expect(key.id).not.toBe(old.id);
    expect(token).not.toBe(oldToken);
    expect(hasher.verify(token, (await store.getKey(key.id))!.digest)).toBe(true);
    expect(await keys.get(key.id)).toEqual(key);
    expect(await keys.get(old.id)).toEqual({
      ...old,
      updatedAt: new Date(now),
      expiresAt: new Date(now + DAY),
      revision: 2,
      rotatedTo: key.id,
    });
  });

  test('keys.rotate keeps the old key valid for the overlap, and revokes it at once for 0', async () => {
    const { keys } = setup();
    const overlaps: [number | string, number][] = [
      [0, NOW],
      ['0d', NOW],
      [1500, NOW + 1500],
      ['2w', NOW + 14 * DAY],
    ];
    for (const [overlap, end] of overlaps) {
      const { key } = await keys.create(valid);
      await keys.rotate(key.id, { overlap });
      expect((await keys.get(key.id)).expiresAt?.getTime()).toBe(end);
    }
  });

  test('keys.rotate never extends the old key', async () => {
    const { keys } = setup();
    const { key } = await keys.create({ ...valid, expiresIn: '1d' });
    await keys.rotate(key.id, { overlap: '30d' });
    expect((await keys.get(key.id)).expiresAt?.getTime()).toBe(NOW + DAY);
    const { key: last } = await keys.create({ ...valid, expiresAt: '9999-12-31T23:59:59.999Z' });
    await keys.rotate(last.id, { overlap: Number.MAX_SAFE_INTEGER });
    expect((await keys.get(last.id)).expiresAt?.toISOString()).toBe('9999-12-31T23:59:59.998Z');
  });

  test('keys.rotate gives the new key the requested lifetime', async () => {
    const { keys } = setup();
    const expiry = async (given: object) => {
      const { key } = await keys.create({ ...valid, expiresIn: '7d' });
      return (await keys.rotate(key.id, { overlap: 0, ...given })).key.expiresAt!.getTime();
    };
    expect(await expiry({})).toBe(NOW + 7 * DAY);
    expect(await expiry({ expiresIn: '30d' })).toBe(NOW + 30 * DAY);
    expect(await expiry({ expiresAt: new Date(NOW + 5) })).toBe(NOW + 5);
  });

  test('rotate rejects with conflict when the key is disabled or has expired', async () => {
    const { keys, clock } = setup();
    const { key } = await keys.create({ ...valid, expiresIn: '1d' });
    await keys.update(key.id, { disabled: true });
    const disabled = await refusal(keys.rotate(key.id, { overlap: '1d' }));
    expect([disabled.code, disabled.message]).toEqual(['conflict', expect.stringContaining('disabled')]);
    await keys.update(key.id, { disabled: false });
    clock.advance(DAY);
    const expired = await refusal(keys.rotate(key.id, { overlap: 0 }));
    expect([expired.code, expired.message]).toEqual(['conflict', expect.stringContaining('expired')]);
    expect((await keys.list()).keys).toHaveLength(1);
  });

  test('keys.rotate rejects an overlap or an expiry that is no duration', async () => {
    const { keys } = setup();
    const { key } = await keys.create(valid);
    const wrong: [unknown, string[]][] = [
      [{}, ['overlap']],
      [undefined, ['']],
      [{ overlap: -1 }, ['overlap']],
      [{ overlap: '-1d' }, ['overlap']],
      [{ overlap: 'soon', expiresIn: 0 }, ['expiresIn', 'overlap']],
      [{ overlap: null }, ['overlap']],
      [{ overlap: 0, expiresAt: NOW }, ['expiresAt']],
      [{ overlap: 0, expiresAt: NOW + 1, expiresIn: '1ms' }, ['expiresIn']],
      [{ overlap: 0, agents: 'all' }, ['agents']],
    ];
    for (const [input, paths] of wrong) {
      const error = await refusal(keys.rotate(key.id, input as never));
      expect(error.code).toBe('invalid_request');
      expect(error.issues.map(({ path }) => path).sort()).toEqual(paths);
    }
    expect(await keys.get(key.id)).toEqual(key);
    expect((await keys.list()).keys).toHaveLength(1);
  });

  test('keys.rotate rejects conflict with the id of the successor when the key was rotated before', async () => {
    const { keys } = setup();
    const { key: old } = await keys.create(valid);
    const { key } = await keys.rotate(old.id, { overlap: '1d' });
    const error = await refusal(keys.rotate(old.id, { overlap: '1d' }));
    expect(error).toMatchObject({ code: 'conflict', status: 409 });
    expect(error.message).toContain(key.id);
    expect((await keys.list()).keys).toHaveLength(2);
    await keys.rotate(key.id, { overlap: 0 });
  });

  test('concurrent rotations create one new key', async () => {
    const { keys } = setup();
    const { key: old } = await keys.create(valid);
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => keys.rotate(old.id, { overlap: 0 })));
    const won = results.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect((await keys.list()).keys).toHaveLength(2);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
    }
  });
});

describe('an edit while a key is being rotated', () => {
  test('keys.rotate copies the current record when it changes during the rotation', async () => {
    const { keys, store } = setup();
    const { key: old } = await keys.create({ ...valid, permissions: ['conversations', 'handoff'] });
    const slow = setup({
      store: interrupted(store, async (reads) => {
        if (reads === 1) await keys.update(old.id, { permissions: ['handoff'], name: 'Narrowed' });
        if (reads === 2) await keys.update(old.id, { name: 'Renamed' });
      }),
    });
    const { key } = await slow.keys.rotate(old.id, { overlap: '1d' });
    expect(key).toMatchObject({ permissions: ['handoff'], name: 'Renamed' });
    expect(await keys.get(old.id)).toMatchObject({ rotatedTo: key.id, revision: 4 });
    expect((await keys.list()).keys).toHaveLength(2);
  });

  test('rotate rejects with conflict when the key is disabled between its read and its write', async () => {
    const { keys, store } = setup();
    const { key: old } = await keys.create(valid);
    const slow = setup({
      store: interrupted(store, async (reads) => {
        if (reads === 1) await keys.update(old.id, { disabled: true });
      }),
    });
    expect((await refusal(slow.keys.rotate(old.id, { overlap: '1d' }))).code).toBe('conflict');
    expect((await keys.list()).keys).toHaveLength(1);
  });

  test('keys.rotate rejects conflict and leaves no new key when the record keeps changing', async () => {
    const { keys, store } = setup();
    const { key: old } = await keys.create(valid);
    let edits = 0;
    const slow = setup({
      store: interrupted(store, async (reads) => {
        edits = reads;
        await keys.update(old.id, { name: `Edit ${reads}` });
      }),
    });
    expect((await refusal(slow.keys.rotate(old.id, { overlap: 0 }))).code).toBe('conflict');
    expect(edits).toBeLessThan(20);
    expect((await keys.list()).keys.map(({ id }) => id)).toEqual([old.id]);
    expect((await keys.get(old.id)).rotatedTo).toBeNull();
  });

  test('keys.rotate does not bring back a key that is deleted during the rotation', async () => {
    const { keys, store } = setup();
    const { key: old } = await keys.create(valid);
    const slow = setup({ store: interrupted(store, async (reads) => reads === 1 && keys.delete(old.id)) });
    expect((await refusal(slow.keys.rotate(old.id, { overlap: 0 }))).code).toBe('key_not_found');
    expect((await keys.list()).keys).toEqual([]);
  });

  test('keys.rotate rejects conflict when the revision is not the latest', async () => {
    const { keys, store } = setup();
    const { key: old } = await keys.create(valid);
    const slow = setup({
      store: interrupted(store, async (reads) => reads === 1 && keys.update(old.id, { name: 'New' })),
    });
    expect((await refusal(slow.keys.rotate(old.id, { overlap: 0 }, { revision: 1 }))).code).toBe('conflict');
    expect((await keys.list()).keys).toHaveLength(1);
    expect((await keys.rotate(old.id, { overlap: 0 }, { revision: 2 })).key.name).toBe('New');
  });
});

test('a new id that is taken is replaced by another', async () => {
  const { keys, store } = setup();
  const { key: taken } = await keys.create(valid);
  const { key: old } = await keys.create(valid);
  let calls = 0;
  const colliding = setup({
    store,
    generate: (...args) => ({ ...generateToken(...args), ...(calls++ === 0 ? { id: taken.id } : {}) }),
  });
  const { key } = await colliding.keys.rotate(old.id, { overlap: 0 });
  expect(key.id).not.toBe(taken.id);
  expect(await keys.get(taken.id)).toEqual(taken);
});

test('keys.rotate rejects with the error of the store, and does not take it for a taken id', async () => {
  const { keys, store } = setup();
  const { key } = await keys.create(valid);
  const failing = setup({ store: { ...store, rotateKey: () => Promise.reject(new Error('cut off')) } });
  await expect(failing.keys.rotate(key.id, { overlap: 0 })).rejects.toThrow('cut off');
  expect(await refusedPaths(keys.rotate(key.id, { overlap: 0 }, { actor: '' }))).toEqual(['actor']);
});
