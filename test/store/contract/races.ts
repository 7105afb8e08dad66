import type { MutationResult, Store } from '../../../src/store/store';
import { auditOf, createSample, keyQuery, listAll, newWorkspace, ORIGIN, SORTS, sampleKey } from '../sample';

const succeeded = (results: readonly MutationResult[]) => results.filter(({ ok }) => ok);

export function racesContract(getStore: () => Store): void {
  describe('when changes race', () => {
    test('an edit never brings a deleted key back', async () => {
      const store = getStore();
      for (let round = 0; round < 20; round++) {
        const workspaceId = newWorkspace();
        const key = await createSample(store, workspaceId);
        const edits = Array.from(
          { length: 8 },
          (_, i) => () => store.updateKey(key.id, { name: `Name ${i}` }, ORIGIN, {}),
        );
        const remove = () => store.deleteKey(key.id, ORIGIN, {});
        const racers = [...edits.slice(0, round % 9), remove, ...edits.slice(round % 9)];
        await Promise.all(racers.map((race) => race()));
        expect(await store.getKey(key.id)).toBeNull();
        for (const sort of SORTS) expect((await store.listKeys(keyQuery(workspaceId, { sort }))).keys).toEqual([]);
        expect((await auditOf(store, workspaceId))[0]?.action).toBe('key.deleted');
      }
    });

    test('one of several rotations wins, and the others leave nothing behind', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const successors = Array.from({ length: 8 }, () => sampleKey(key.workspaceId, { rotatedFrom: key.id }));
      const results = await Promise.all(successors.map((next) => store.rotateKey(key.id, next, ORIGIN.at, ORIGIN, {})));
      expect(succeeded(results)).toHaveLength(1);
      expect(results.filter((result) => !result.ok && result.reason === 'rotated')).toHaveLength(7);
      const winner = (await store.getKey(key.id))?.rotatedTo;
      const listed = await listAll(store, keyQuery(key.workspaceId));
      expect(listed.map(({ id }) => id).sort()).toEqual([key.id, winner].sort());
    });

    test('one of several changes of the same revision wins', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      const results = await Promise.all([
        ...Array.from({ length: 5 }, (_, i) => store.updateKey(key.id, { name: `Name ${i}` }, ORIGIN, { revision: 1 })),
        ...Array.from({ length: 5 }, () =>
          store.rotateKey(key.id, sampleKey(key.workspaceId), ORIGIN.at, ORIGIN, { revision: 1 }),
        ),
      ]);
      expect(succeeded(results)).toHaveLength(1);
      expect((await store.getKey(key.id))?.revision).toBe(2);
    });

    test('every change without a revision counts, one after the other', async () => {
      const store = getStore();
      const key = await createSample(store, newWorkspace());
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => store.updateKey(key.id, { name: `Name ${i}` }, ORIGIN, {})),
      );
      expect((await store.getKey(key.id))?.revision).toBe(51);
      expect(await listAll(store, keyQuery(key.workspaceId, { sort: 'name' }))).toHaveLength(1);
    });

    test('a read that begins after a deletion was acknowledged finds nothing, and others find the key or nothing', async () => {
      const store = getStore();
      for (let round = 0; round < 20; round++) {
        const key = await createSample(store, newWorkspace());
        const early = Array.from({ length: 5 }, () => store.getKey(key.id));
        const late = store.deleteKey(key.id, ORIGIN, {}).then(() => store.getKey(key.id));
        for (const read of await Promise.all(early)) if (read !== null) expect(read).toEqual(key);
        expect(await late).toBeNull();
      }
    });

    test('a thousand keys created at once are all there, each once in every list', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const keys = Array.from({ length: 1000 }, (_, i) =>
        sampleKey(workspaceId, { name: `Key ${i % 10}`, createdAt: i % 7 }),
      );
      const created = await Promise.all(keys.map((key) => store.createKey(key, ORIGIN)));
      expect(created.every(Boolean)).toBe(true);
      for (const sort of SORTS) {
        const listed = await listAll(store, keyQuery(workspaceId, { sort, limit: 300 }));
        expect(listed.map(({ id }) => id).sort()).toEqual(keys.map(({ id }) => id).sort());
      }
    });

    test('listeners receive a change before its caller', async () => {
      const store = getStore();
      const changed = new Set<string>();
      store.onChange({
        keyChanged: (id) => changed.add(id),
        projectsChanged: (workspaceId) => changed.add(workspaceId),
        allChanged() {},
      });
      // At least once, because a store with invalidations also receives those of its own changes.
      function expectHeard(...expected: string[]): void {
        expect([...changed]).toEqual(expect.arrayContaining(expected));
        changed.clear();
      }
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId);
      expectHeard(key.id);
      await store.updateKey(key.id, { disabled: true }, ORIGIN, {});
      expectHeard(key.id);
      const successor = sampleKey(workspaceId);
      await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {});
      expectHeard(key.id, successor.id);
      await store.deleteKey(key.id, ORIGIN, {});
      expectHeard(key.id);
      await store.setProject(workspaceId, 'p', { transcript: true, metrics: [] }, ORIGIN);
      expectHeard(workspaceId);
      await store.clearProject(workspaceId, 'p', ORIGIN);
      expectHeard(workspaceId);
    });
  });
}
