import { randomBytes } from 'node:crypto';
import type { Store } from '../../../src/store/store';
import { auditOf, createSample, keyQuery, listAll, newId, newWorkspace, ORIGIN, sampleKey } from '../sample';

const newAlias = () => randomBytes(16).toString('hex');

export function importedTokenContract(getStore: () => Store): void {
  describe('aliases of imported tokens', () => {
    test('an alias finds nothing, then its key, and no other key replaces it', async () => {
      const store = getStore();
      const [alias, id, other] = [newAlias(), newId(newWorkspace()), newId(newWorkspace())];
      expect(await store.getAlias(alias)).toBeNull();
      expect(await store.linkAlias(alias, id)).toBe(id);
      expect(await store.linkAlias(alias, id)).toBe(id);
      expect(await store.linkAlias(alias, other)).toBe(id);
      expect(await store.linkAlias(alias, other, newId(newWorkspace()))).toBe(id);
      expect(await store.getAlias(alias)).toBe(id);
    });

    test('an alias is replaced by one of many concurrent calls when it has the expected value', async () => {
      const store = getStore();
      const [alias, id] = [newAlias(), newId(newWorkspace())];
      await store.linkAlias(alias, id);
      const others = Array.from({ length: 20 }, () => newId(newWorkspace()));
      const held = await Promise.all(others.map((other) => store.linkAlias(alias, other, id)));
      expect(new Set(held).size).toBe(1);
      expect(others).toContain(held[0]);
      expect(await store.getAlias(alias)).toBe(held[0]);
    });

    test('an alias is removed only for the key that it finds', async () => {
      const store = getStore();
      const [alias, id] = [newAlias(), newId(newWorkspace())];
      await store.linkAlias(alias, id);
      await store.unlinkAlias(alias, newId(newWorkspace()));
      expect(await store.getAlias(alias)).toBe(id);
      await store.unlinkAlias(alias, id);
      await store.unlinkAlias(alias, id);
      expect(await store.getAlias(alias)).toBeNull();
    });

    test('an invalid alias finds nothing', async () => {
      const store = getStore();
      for (const alias of ['', '__proto__', '*', 'x'.repeat(32), newAlias().toUpperCase()]) {
        expect(await store.getAlias(alias)).toBeNull();
      }
    });

    test('listeners receive a changed alias before the change is acknowledged', async () => {
      const store = getStore();
      const told: string[] = [];
      store.onChange({
        keyChanged() {},
        projectsChanged() {},
        allChanged() {},
        aliasChanged: (alias) => void told.push(alias),
      });
      const [alias, id] = [newAlias(), newId(newWorkspace())];
      await store.linkAlias(alias, id);
      expect(told).toContain(alias);
      told.length = 0;
      await store.unlinkAlias(alias, id);
      expect(told).toContain(alias);
    });

    test('a record keeps its alias through every change, and its deletion removes it', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const imported = newAlias();
      const ends = { prefix: '"%s{', last4: '\\n}"' };
      const key = await createSample(store, workspaceId, { alias: imported, ...ends });
      expect(await store.getKey(key.id)).toEqual(key);
      expect(await listAll(store, keyQuery(workspaceId))).toEqual([key]);
      const updated = await store.updateKey(key.id, { name: 'B', disabled: true }, ORIGIN, {});
      expect(updated).toMatchObject({ ok: true, key: { alias: imported, ...ends, name: 'B' } });
      const successor = sampleKey(workspaceId, { rotatedFrom: key.id });
      const rotated = await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {});
      expect(rotated).toMatchObject({ ok: true, key: { alias: imported, rotatedTo: successor.id } });
      expect(await store.getKey(successor.id)).toStrictEqual(successor);
      expect(await store.deleteKey(key.id, ORIGIN, {})).toMatchObject({ ok: true, key: { alias: imported, ...ends } });
      expect(JSON.stringify(await auditOf(store, workspaceId))).not.toContain(imported);
    });
  });
}
