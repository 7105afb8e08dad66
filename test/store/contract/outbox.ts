import type { OutboxEntry, OutboxEvent, OutboxGroup } from '../../../src/store/outbox-store';
import type { Store } from '../../../src/store/store';
import { waitUntil } from '../../support/wait-until';
import { auditOf, createSample, newWorkspace, ORIGIN, sampleKey } from '../sample';

const LEADER = { leader: 'contract', ttl: 60_000, age: 0 };

export function outboxContract(getStore: () => Store): void {
  describe('the outbox', () => {
    beforeEach(async () => {
      for (const group of ['key', 'project'] as const) {
        expect(await getStore().leadGroup({ group, ...LEADER })).toBe(true);
      }
    });

    /** New entries of one workspace. All entries that are read are acknowledged, except these. */
    async function readNew(group: OutboxGroup, workspaceId: string): Promise<OutboxEntry[]> {
      const own: OutboxEntry[] = [];
      for (;;) {
        const entries = await getStore().readGroup(group, 'new', 100);
        if (entries.length === 0) return own;
        const isOwn = ({ event }: OutboxEntry) => event?.workspaceId === workspaceId;
        own.push(...entries.filter(isOwn));
        const others = entries.filter((entry) => !isOwn(entry));
        await getStore().acknowledge(
          group,
          others.map(({ place }) => place),
        );
      }
    }

    test('the outbox has an event with the content of the audit log for every change', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId, { name: 'One "/" é\u007f', agents: 'all' });
      const origin = { actor: null, at: ORIGIN.at + 1, source: null };
      await store.updateKey(key.id, { name: 'Two', permissions: [], disabled: true }, origin, {});
      await store.updateKey(key.id, { name: 'Two' }, origin, {});
      await store.rotateKey(key.id, sampleKey(workspaceId, { rotatedFrom: key.id }), key.expiresAt - 1, ORIGIN, {});
      await store.deleteKey(key.id, ORIGIN, {});
      await store.setProject(workspaceId, '__proto__', { transcript: true, metrics: [] }, ORIGIN);
      await store.setProject(workspaceId, '__proto__', { transcript: true, metrics: 'all' }, ORIGIN);
      await store.clearProject(workspaceId, '__proto__', ORIGIN);

      const events = (await readNew('key', workspaceId)).map(({ event }) => event!);
      const logged = (await auditOf(store, workspaceId)).reverse();
      expect(logged).toHaveLength(7);
      const withoutId = ({ id: _, ...rest }: OutboxEvent) => rest;
      expect(events.map(withoutId)).toEqual(
        logged.map(({ id: _, action, ...rest }) => ({ type: action, workspaceId, ...rest })),
      );
      expect(new Set(events.map(({ id }) => id)).size).toBe(7);
    });

    test('the outbox gives each group every event once, and again until it is acknowledged', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      await createSample(store, workspaceId);
      await createSample(store, workspaceId);
      const [first, second] = await readNew('key', workspaceId);
      expect(await readNew('key', workspaceId)).toEqual([]);
      expect(await readNew('project', workspaceId)).toEqual([first, second]);
      await store.acknowledge('key', [first!.place]);
      const isOwn = ({ event }: OutboxEntry) => event?.workspaceId === workspaceId;
      expect((await store.readGroup('key', 'unacknowledged', 1000)).filter(isOwn)).toEqual([second]);
      expect((await store.readGroup('project', 'unacknowledged', 1000)).filter(isOwn)).toEqual([first, second]);
      await store.acknowledge('key', [second!.place]);
      expect((await store.readGroup('key', 'unacknowledged', 1000)).filter(isOwn)).toEqual([]);
    });

    test('the outbox is read in steps, also over many workspaces, and no event is lost', async () => {
      const store = getStore();
      const workspaces = Array.from({ length: 60 }, newWorkspace);
      await Promise.all(workspaces.flatMap((workspaceId) => [1, 2, 3].map(() => createSample(store, workspaceId))));
      const steps: OutboxEntry[][] = [];
      await waitUntil('all events are read', async () => {
        steps.push(await store.readGroup('key', 'new', 3));
        await store.acknowledge(
          'key',
          steps.at(-1)!.map(({ place }) => place),
        );
        const read = steps.flat().filter(({ event }) => workspaces.includes(event?.workspaceId ?? ''));
        return read.length === 180;
      });
      expect(Math.max(...steps.map((step) => step.length))).toBeLessThanOrEqual(16 * 3);
    });

    test('the outbox has no event when a change is rejected', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId);
      await store.updateKey(key.id, { name: 'X' }, ORIGIN, { revision: 9 });
      await store.createKey(key, ORIGIN);
      await store.clearProject(workspaceId, 'none', ORIGIN);
      expect((await readNew('key', workspaceId)).map(({ event }) => event?.type)).toEqual(['key.created']);
    });
  });
}
