import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { storeContract } from './contract';
import { createSample, keyQuery, newWorkspace, ORIGIN, sampleKey } from './sample';

let store: Store;

storeContract('the store in memory', {
  auditLimit: 200,
  async open() {
    store = createMemoryStore({ auditLimit: 200 });
    await store.ready();
    return store;
  },
  close: () => store.close(),
});

describe('the store in memory', () => {
  test('the memory store changes and notifies before the call returns', () => {
    const memory = createMemoryStore();
    const changed: string[] = [];
    memory.onChange({ keyChanged: (id) => changed.push(id), projectsChanged() {}, allChanged() {} });
    const key = sampleKey(newWorkspace());
    void memory.createKey(key, ORIGIN);
    expect(changed).toEqual([key.id]);
    void memory.deleteKey(key.id, ORIGIN, {});
    expect(changed).toEqual([key.id, key.id]);
    const clock = { monotonic: () => 1e15, wall: () => 1e15 };
    expect(memory.keyLease(key.id)?.holds(clock, clock.wall())).toBe(true);
    expect(memory.projectsLease(key.workspaceId)?.holds(clock, clock.wall())).toBe(true);
  });

  test('numbers audit entries in order even where the clock is set back', async () => {
    let now = 5000;
    const memory = createMemoryStore({ clock: { monotonic: () => 0, wall: () => now } });
    const workspaceId = newWorkspace();
    for (const at of [5000, 5000, 4000, 6000]) {
      now = at;
      await createSample(memory, workspaceId);
    }
    const { entries } = await memory.listAudit({ workspaceId, limit: 10, before: null });
    expect(entries.map(({ id }) => id)).toEqual(['6000-0', '5000-2', '5000-1', '5000-0']);
  });

  test('the memory store continues a list of 2,000 keys after a page that ends close to the last', async () => {
    const memory = createMemoryStore();
    const workspaceId = newWorkspace();
    for (let i = 0; i < 2000; i++) await createSample(memory, workspaceId, { name: `Key ${i}`, createdAt: i });
    const from = await memory.listKeys(keyQuery(workspaceId, { limit: 1990 }));
    const rest = await memory.listKeys(keyQuery(workspaceId, { limit: 100, after: from.next }));
    expect(rest.keys.map(({ createdAt }) => createdAt)).toEqual(Array.from({ length: 10 }, (_, i) => 1990 + i));
  });
});
