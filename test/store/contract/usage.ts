import type { Store } from '../../../src/store/store';
import { type UsageDelta, usageField } from '../../../src/store/usage-store';
import { createSample, newId, newWorkspace, ORIGIN, sampleKey } from '../sample';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Days count from now, because this suite cannot set the clock of the store. */
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

    test('readUsage adds up the counts of all processes and returns their latest use', async () => {
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

    test('addUsage adds a resent delta once', async () => {
      const store = getStore();
      const { id } = await createSample(store, newWorkspace());
      for (const number of [1, 1, 2, 2, 1, 2]) {
        const receipt = await store.addUsage('one', [delta(id, number)]);
        expect(receipt).toEqual({ settled: new Set([id]), failure: null });
      }
      expect((await read(id))?.counts).toEqual(new Map([[TODAY, 2]]));
    });

    test('addUsage settles the delta of a deleted key and stores nothing', async () => {
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

    test('readUsage returns the counts of a rotated key under its own id', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const { id } = await createSample(store, workspaceId);
      await store.addUsage('one', [delta(id, 1)]);
      const successor = sampleKey(workspaceId, { rotatedFrom: id });
      await store.rotateKey(id, successor, now, ORIGIN, {});
      expect((await read(id))?.counts).toEqual(new Map([[TODAY, 1]]));
      expect(await read(successor.id)).toBeUndefined();
    });

    test('readUsage returns counts of the last 90 days', async () => {
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

    test('addUsage and readUsage handle many keys at once', async () => {
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
