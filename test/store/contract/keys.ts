import fc from 'fast-check';
import type { KeyRecord } from '../../../src/store/records';
import type { Store } from '../../../src/store/store';
import { unicodeText } from '../../support/unicode-text';
import {
  auditOf,
  createSample,
  keyQuery,
  listAll,
  newId,
  newWorkspace,
  ORIGIN,
  SORTS,
  sampleKey,
  twoWorkspacesWithOneTag,
} from '../sample';

/** Text of all of Unicode but NUL, which is refused before it gets to a store, and the words that trap objects. */
const hostileText = (maxLength: number) =>
  fc.oneof(
    unicodeText({ minLength: 1, maxLength }),
    fc.constantFrom(
      '__proto__',
      'constructor',
      '{}',
      '{tag}',
      'a:b',
      '"',
      '\\',
      "'; DROP",
      '%s',
      '\r\n',
      'null',
      '*',
      '[',
    ),
  );

const time = fc.oneof(
  fc.integer({ min: 0, max: 8.64e15 }),
  fc.constantFrom(0, 1, 35, 36, 8.64e15, 8.64e15 - 1, 36 ** 10 - 1, 36 ** 10),
);

const recordFields = fc.record({
  name: hostileText(100),
  agents: fc.oneof(fc.constant('all' as const), fc.array(hostileText(40), { maxLength: 5 })),
  permissions: fc.array(hostileText(40), { maxLength: 5 }),
  createdAt: time,
  createdBy: fc.option(hostileText(60)),
  updatedAt: time,
  expiresAt: time,
  disabled: fc.boolean(),
  revision: fc.integer({ min: 1, max: 1e9 }),
  prefix: fc.constantFrom('ks', 'ks_live'),
});

export function keysContract(getStore: () => Store): void {
  describe('a key', () => {
    test('getKey returns the stored record for all texts and times', async () => {
      const store = getStore();
      await fc.assert(
        fc.asyncProperty(recordFields, hostileText(40), async (fields, workspacePart) => {
          const workspaceId = newWorkspace() + workspacePart;
          const key = await createSample(store, workspaceId, { ...fields, rotatedFrom: newId(workspaceId) });
          expect(await store.getKey(key.id)).toEqual(key);
          for (const sort of SORTS) {
            expect(await listAll(store, keyQuery(workspaceId, { sort }))).toEqual([key]);
          }
          expect((await store.deleteKey(key.id, ORIGIN, { workspaceId })).ok).toBe(true);
          for (const sort of SORTS) expect(await listAll(store, keyQuery(workspaceId, { sort }))).toEqual([]);
        }),
        { numRuns: 40 },
      );
    });

    test('getKey returns null when no key has the id', async () => {
      const store = getStore();
      for (const id of [newId(newWorkspace()), '', 'x', '__proto__', '{', '}{', `${newId(newWorkspace())}\n`]) {
        expect(await store.getKey(id)).toBeNull();
        expect(await store.getCredential(id)).toBeNull();
      }
    });

    test('getKey returns frozen records that share nothing with their input', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const agents = ['sales'];
      const permissions = ['conversations'];
      const { id } = await createSample(store, workspaceId, { agents, permissions });
      agents.push('support');
      permissions.push('handoff');
      const read = (await store.getKey(id)) as KeyRecord;
      expect(read).toMatchObject({ agents: ['sales'], permissions: ['conversations'] });
      expect(() => (read.agents as string[]).push('x')).toThrow(TypeError);
      expect(() => (read.permissions as string[]).push('x')).toThrow(TypeError);
      expect(() => Object.assign(read, { disabled: true })).toThrow(TypeError);
    });

    test('createKey does not replace a key with the same id', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId);
      expect(await store.createKey(sampleKey(workspaceId, { id: key.id, name: 'Another' }), ORIGIN)).toBe(false);
      expect(await store.getKey(key.id)).toEqual(key);
      expect(await listAll(store, keyQuery(workspaceId, { sort: 'name' }))).toEqual([key]);
      expect(await auditOf(store, workspaceId)).toHaveLength(1);
    });
  });

  describe('an update', () => {
    test('updateKey changes the given fields, the time and the revision', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const steps = [
        { name: 'Ключ 🔑' },
        { permissions: ['handoff', 'conversations'] },
        { disabled: true },
        { permissions: [] },
      ];
      let expected = key;
      for (const [i, changes] of steps.entries()) {
        const origin = { ...ORIGIN, at: ORIGIN.at + i };
        expected = { ...expected, ...changes, updatedAt: origin.at, revision: i + 2 };
        expect(await store.updateKey(key.id, changes, origin, {})).toEqual({ ok: true, key: expected });
        expect(await store.getKey(key.id)).toEqual(expected);
        const { id, workspaceId, name, agents, permissions, digest, expiresAt, disabled } = expected;
        const credential = { id, workspaceId, name, agents, permissions, digest, expiresAt, disabled };
        expect(await store.getCredential(key.id)).toMatchObject(credential);
      }
    });

    test('updateKey changes no revision, time or audit log when every value is the same', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const same = { name: key.name, permissions: [...key.permissions], disabled: key.disabled };
      const later = { ...ORIGIN, at: ORIGIN.at + 1 };
      expect(await store.updateKey(key.id, same, later, {})).toEqual({ ok: true, key });
      expect(await store.updateKey(key.id, {}, later, {})).toEqual({ ok: true, key });
      expect(await auditOf(store, key.workspaceId)).toHaveLength(1);
    });

    test('updateKey keeps the key in every index once, under its new name', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace(), { name: 'zebra' });
      const other = await createSample(store, key.workspaceId, { name: 'mule', createdAt: key.createdAt + 1 });
      await store.updateKey(key.id, { name: 'Ant' }, ORIGIN, {});
      const ids = async (fields: object) =>
        (await listAll(store, keyQuery(key.workspaceId, fields))).map(({ id }) => id);
      expect(await ids({ sort: 'name' })).toEqual([key.id, other.id]);
      expect(await ids({ sort: 'created' })).toEqual([key.id, other.id]);
      expect(await ids({ q: 'ant', sort: 'expires' })).toEqual([key.id]);
      expect(await ids({ q: 'zebra' })).toEqual([]);
    });
  });

  describe('a precondition', () => {
    const mutations = {
      update: (store: Store, key: KeyRecord, precondition: object) =>
        store.updateKey(key.id, { name: 'New' }, ORIGIN, precondition),
      delete: (store: Store, key: KeyRecord, precondition: object) => store.deleteKey(key.id, ORIGIN, precondition),
      rotate: (store: Store, key: KeyRecord, precondition: object) =>
        store.rotateKey(key.id, sampleKey(key.workspaceId), ORIGIN.at, ORIGIN, precondition),
    };

    test.each(Object.entries(mutations))(
      'a precondition of %s rejects another workspace and an unknown key as not found',
      async (_, mutate) => {
        const store = getStore();
        const [workspaceId, alike] = twoWorkspacesWithOneTag();
        const key = await createSample(store, workspaceId);
        const notFound = { ok: false, reason: 'not_found' };
        expect(await mutate(store, key, { workspaceId: newWorkspace() })).toEqual(notFound);
        expect(await mutate(store, { ...key, workspaceId: alike }, { workspaceId: alike })).toEqual(notFound);
        expect(await mutate(store, sampleKey(key.workspaceId), {})).toEqual(notFound);
        expect(await mutate(store, sampleKey(key.workspaceId), { workspaceId: key.workspaceId })).toEqual(notFound);
        expect(await mutate(store, { ...key, id: 'nonsense' }, {})).toEqual(notFound);
        expect(await store.getKey(key.id)).toEqual(key);
        expect(await auditOf(store, key.workspaceId)).toHaveLength(1);
      },
    );

    test.each(Object.entries(mutations))(
      'a precondition of %s changes nothing for another revision',
      async (_, mutate) => {
        const store = getStore();
        const key = await createSample(store, newWorkspace());
        expect(await mutate(store, key, { revision: 2 })).toEqual({ ok: false, reason: 'revision' });
        expect(await store.getKey(key.id)).toEqual(key);
        expect(await auditOf(store, key.workspaceId)).toHaveLength(1);
        expect(await mutate(store, key, { revision: 1, workspaceId: key.workspaceId })).toMatchObject({ ok: true });
      },
    );
  });

  describe('a deletion', () => {
    test('deleteKey returns the record and removes it from every list', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      expect(await store.deleteKey(key.id, ORIGIN, {})).toEqual({ ok: true, key });
      expect(await store.getKey(key.id)).toBeNull();
      for (const sort of SORTS) expect(await listAll(store, keyQuery(key.workspaceId, { sort }))).toEqual([]);
      expect(await store.deleteKey(key.id, ORIGIN, {})).toEqual({ ok: false, reason: 'not_found' });
    });
  });

  describe('a rotation', () => {
    test('rotateKey stores the successor and lets the old key expire', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const successor = sampleKey(key.workspaceId, { rotatedFrom: key.id, createdAt: ORIGIN.at });
      const expiresAt = key.expiresAt - 5000;
      const rotated = { ...key, expiresAt, rotatedTo: successor.id, updatedAt: ORIGIN.at, revision: 2 };
      expect(await store.rotateKey(key.id, successor, expiresAt, ORIGIN, {})).toEqual({ ok: true, key: rotated });
      expect(await store.getKey(key.id)).toEqual(rotated);
      expect(await store.getKey(successor.id)).toEqual(successor);
      const listed = await listAll(store, keyQuery(key.workspaceId, { sort: 'expires' }));
      expect(listed).toEqual([rotated, successor]);
    });

    test('rotateKey revokes the old key at the time of the change when there is no overlap', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const successor = sampleKey(key.workspaceId, { rotatedFrom: key.id });
      const revoked = { expiresAt: ORIGIN.at, revoked: true, rotatedTo: successor.id, revision: 2 };
      expect(await store.rotateKey(key.id, successor, null, ORIGIN, {})).toMatchObject({ ok: true, key: revoked });
      expect(await store.getKey(key.id)).toMatchObject(revoked);
      expect(await store.getCredential(key.id)).toMatchObject({ revoked: true });
      expect(await store.getKey(successor.id)).toEqual(successor);
      const enabled = await store.updateKey(key.id, { disabled: false }, ORIGIN, {});
      expect(enabled).toMatchObject({ ok: true, key: { revoked: true } });
    });

    test('rotateKey keeps an earlier expiry when it revokes the old key', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace(), { expiresAt: 5 });
      const result = await store.rotateKey(key.id, sampleKey(key.workspaceId), null, ORIGIN, {});
      expect(result).toMatchObject({ ok: true, key: { expiresAt: 5, revoked: true } });
    });

    test('rotateKey never extends the old key', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const result = await store.rotateKey(key.id, sampleKey(key.workspaceId), key.expiresAt + 1, ORIGIN, {});
      expect(result).toMatchObject({ ok: true, key: { expiresAt: key.expiresAt } });
    });

    test('rotateKey rotates a key once', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      await store.rotateKey(key.id, sampleKey(key.workspaceId), ORIGIN.at, ORIGIN, {});
      const again = sampleKey(key.workspaceId);
      expect(await store.rotateKey(key.id, again, ORIGIN.at, ORIGIN, {})).toEqual({ ok: false, reason: 'rotated' });
      expect(await store.getKey(again.id)).toBeNull();
    });

    test('rotateKey changes nothing when the id of the successor is taken', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const other = await createSample(store, key.workspaceId, { name: 'Other' });
      const successor = sampleKey(key.workspaceId, { id: other.id });
      await expect(store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {})).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await store.getKey(key.id)).toEqual(key);
      expect(await store.getKey(other.id)).toEqual(other);
    });
  });

  describe('an exposure', () => {
    const report = { source: 'github', url: 'https://example.com/é' };

    test('exposeKey revokes the key at the time of the report, in all lists', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace(), { name: 'Zoë' });
      const other = await createSample(store, key.workspaceId, { expiresAt: key.expiresAt - 1 });
      const exposure = { ...report, policy: 'revoke' } as const;
      const revoked = {
        ...key,
        revoked: true,
        exposure: { ...exposure, at: ORIGIN.at },
        expiresAt: ORIGIN.at,
        updatedAt: ORIGIN.at,
        revision: 2,
      };
      expect(await store.exposeKey(key.id, exposure, ORIGIN, {})).toEqual({ ok: true, key: revoked });
      expect(await store.getKey(key.id)).toEqual(revoked);
      expect(await listAll(store, keyQuery(key.workspaceId, { sort: 'expires' }))).toEqual([revoked, other]);
      const [entry] = await auditOf(store, key.workspaceId);
      expect(entry).toMatchObject({ action: 'key.exposed', target: key.id, name: 'Zoë', actor: ORIGIN.actor });
      expect(entry).toMatchObject({
        before: { expiresAt: key.expiresAt },
        after: { expiresAt: ORIGIN.at, exposure },
      });
      expect(await store.exposeKey(key.id, exposure, ORIGIN, {})).toEqual({ ok: false, reason: 'revoked' });
      expect(await auditOf(store, key.workspaceId)).toHaveLength(3);
    });

    test('exposeKey keeps an earlier expiry when it revokes', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace(), { expiresAt: 5 });
      const result = await store.exposeKey(key.id, { ...report, policy: 'revoke' }, ORIGIN, {});
      expect(result).toMatchObject({ ok: true, key: { expiresAt: 5, revoked: true } });
      expect(await store.exposeKey(key.id, { ...report, policy: 'notify' }, ORIGIN, {})).toMatchObject({ ok: false });
    });

    test('exposeKey disables a key once, only stores the report to notify, and records both', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const exposure = { ...report, policy: 'notify', at: ORIGIN.at } as const;
      const reported = { ...key, exposure, updatedAt: ORIGIN.at, revision: 2 };
      const disabled = { ...reported, exposure: { ...exposure, policy: 'disable' }, disabled: true, revision: 3 };
      const expose = (policy: 'disable' | 'notify') => store.exposeKey(key.id, { ...report, policy }, ORIGIN, {});
      expect(await expose('notify')).toEqual({ ok: true, key: reported });
      expect(await expose('notify')).toEqual({ ok: true, key: reported });
      expect(await expose('disable')).toEqual({ ok: true, key: disabled });
      expect(await expose('disable')).toEqual({ ok: true, key: disabled });
      expect(await store.getKey(key.id)).toEqual(disabled);
      const entries = await auditOf(store, key.workspaceId);
      expect(entries.map(({ before, after }) => [before, after])).toEqual([
        [{}, { exposure: { policy: 'disable', ...report } }],
        [{ disabled: false }, { disabled: true, exposure: { policy: 'disable', ...report } }],
        [{}, { exposure: { policy: 'notify', ...report } }],
        [{}, { exposure: { policy: 'notify', ...report } }],
        [null, expect.anything()],
      ]);
    });

    test('exposeKey changes nothing when the precondition fails', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const exposure = { ...report, policy: 'revoke' } as const;
      const failures = [
        [{ workspaceId: newWorkspace() }, 'not_found'],
        [{ workspaceId: key.workspaceId, revision: 0 }, 'revision'],
      ] as const;
      for (const [precondition, reason] of failures) {
        expect(await store.exposeKey(key.id, exposure, ORIGIN, precondition)).toEqual({ ok: false, reason });
      }
      expect(await store.getKey(key.id)).toEqual(key);
    });
  });
}
