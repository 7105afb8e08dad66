import type { Store } from '../../../src/store/store';
import { type UsageDelta, usageField } from '../../../src/store/usage-store';
import { createSample, newId, newWorkspace, ORIGIN, sampleKey } from '../sample';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** What the store's clock says is not ours to set here: days are counted from now. */
const now = Math.floor(Date.now() / MINUTE) * MINUTE;
const day = (ago: number) => new Date(now - ago * DAY).toISOString().slice(0, 10);
const TODAY = usageField(day(0), 'allowed');
const DENIED = usageField(day(0), 'permission_denied');

function delta(keyId: string, number: number, fields: Partial<UsageDelta> = {}): UsageDelta {
  return { keyId, number, counts: new Map([[TODAY, 1]]), lastUsedAt: now, ...fields };
}

export function usageContract(getStore: () => Store): void {
  describe('usage', () => {
    const read = async (id: string) => (await getStore().readUsage([id], '2000-01-01')).get(id);

    test('is added up from all processes, with the last use of any', async () => {
      const store = getStore();
      const { id } = await createSample(store, newWorkspace());
      expect(await read(id)).toBeUndefined();
      const counts = new Map([
        [TODAY, 3],
        [DENIED, 2],
      ]);
      const receipt = await store.addUsage('one', [delta(id, 1, { counts, lastUsedAt: now })]);
      expect(receipt).toEqual({ settled: new Set([id]), failure: null });
      await store.addUsage('one', [delta(id, 2, { counts: new Map([[TODAY, 10]]), lastUsedAt: now - MINUTE })]);
      await store.addUsage('two', [delta(id, 1, { lastUsedAt: now - 2 * MINUTE })]);
      expect(await read(id)).toEqual({
        lastUsedAt: now,
        counts: new Map([
          [TODAY, 14],
          [DENIED, 2],
        ]),
      });
    });

    test('that is sent again is not counted again', async () => {
      const store = getStore();
      const { id } = await createSample(store, newWorkspace());
      for (const number of [1, 1, 2, 2, 1, 2]) {
        const receipt = await store.addUsage('one', [delta(id, number)]);
        expect(receipt).toEqual({ settled: new Set([id]), failure: null });
      }
      expect((await read(id))?.counts).toEqual(new Map([[TODAY, 2]]));
    });

    test('of a key that is gone is settled and kept nowhere', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const { id } = await createSample(store, workspaceId);
      await store.addUsage('one', [delta(id, 1)]);
      await store.deleteKey(id, ORIGIN, {});
      expect(await read(id)).toBeUndefined();
      const never = newId(workspaceId);
      const receipt = await store.addUsage('one', [delta(id, 2), delta(never, 2)]);
      expect(receipt).toEqual({ settled: new Set([id, never]), failure: null });
      expect(await store.readUsage([id, never], '2000-01-01')).toEqual(new Map());
    });

    test('stays with the key that was used when it is rotated', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const { id } = await createSample(store, workspaceId);
      await store.addUsage('one', [delta(id, 1)]);
      const successor = sampleKey(workspaceId, { rotatedFrom: id });
      await store.rotateKey(id, successor, now, ORIGIN, {});
      expect((await read(id))?.counts).toEqual(new Map([[TODAY, 1]]));
      expect(await read(successor.id)).toBeUndefined();
    });

    test('is kept for 90 days', async () => {
      const store = getStore();
      const { id } = await createSample(store, newWorkspace());
      const counts = (...ages: number[]) => new Map(ages.map((age) => [usageField(day(age), 'allowed'), 1]));
      await store.addUsage('one', [delta(id, 1, { counts: counts(200, 91, 89, 88) })]);
      expect((await read(id))?.counts).toEqual(counts(89, 88));
      await store.addUsage('one', [delta(id, 2, { counts: counts(90, 0) })]);
      expect((await read(id))?.counts).toEqual(counts(89, 88, 0));
      const [since, tomorrow] = [day(88), day(-1)];
      expect((await store.readUsage([id], since)).get(id)?.counts).toEqual(counts(88, 0));
      expect((await store.readUsage([id], tomorrow)).get(id)).toEqual({ lastUsedAt: now, counts: new Map() });
    });

    test('of many keys is added and read at once', async () => {
      const store = getStore();
      const keys = await Promise.all(Array.from({ length: 300 }, () => createSample(store, newWorkspace())));
      const ids = keys.map(({ id }) => id);
      const receipt = await store.addUsage(
        'one',
        ids.map((id, i) => delta(id, 1, { counts: new Map([[TODAY, i + 1]]) })),
      );
      expect(receipt).toEqual({ settled: new Set(ids), failure: null });
      const found = await store.readUsage(ids, '2000-01-01');
      expect(ids.map((id) => found.get(id)?.counts.get(TODAY))).toEqual(ids.map((_, i) => i + 1));
    });
  });
}
