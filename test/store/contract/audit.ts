import type { ChainHead } from '../../../src/store/audit-chain';
import type { AuditEntry, Store } from '../../../src/store/store';
import { auditOf, createSample, newWorkspace, ORIGIN, sampleKey } from '../sample';

export function auditContract(getStore: () => Store, auditLimit: number): void {
  describe('the audit log', () => {
    test('the audit log records actor, time, source and content of every change', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId, { name: 'One "/" é\u007f', agents: 'all' });
      const origin = { actor: null, at: ORIGIN.at + 1, source: null };
      await store.updateKey(key.id, { name: 'Two', permissions: [], disabled: true }, origin, {});
      const successor = sampleKey(workspaceId, { rotatedFrom: key.id });
      await store.rotateKey(key.id, successor, key.expiresAt - 1, ORIGIN, {});
      await store.deleteKey(key.id, ORIGIN, {});
      await store.setProject(workspaceId, '__proto__', { transcript: true, metrics: [] }, ORIGIN);
      await store.setProject(workspaceId, '__proto__', { transcript: true, metrics: 'all' }, ORIGIN);
      await store.clearProject(workspaceId, '__proto__', ORIGIN);

      const by = { actor: ORIGIN.actor, at: ORIGIN.at, source: ORIGIN.source };
      const project = { ...by, target: '__proto__', name: null };
      const first = {
        name: key.name,
        agents: 'all',
        permissions: ['conversations'],
        expiresAt: key.expiresAt,
        disabled: false,
        allowedIps: [],
        metadata: {},
      };
      const last = {
        ...first,
        name: 'Two',
        permissions: [],
        disabled: true,
        expiresAt: key.expiresAt - 1,
        rotatedTo: successor.id,
      };
      const expected: Omit<AuditEntry, 'id'>[] = [
        { ...project, action: 'project.cleared', before: { transcript: true, metrics: 'all' }, after: null },
        {
          ...project,
          action: 'project.configured',
          before: { transcript: true, metrics: [] },
          after: { transcript: true, metrics: 'all' },
        },
        { ...project, action: 'project.configured', before: null, after: { transcript: true, metrics: [] } },
        { ...by, action: 'key.deleted', target: key.id, name: 'Two', before: last, after: null },
        {
          ...by,
          action: 'key.rotated',
          target: key.id,
          name: 'Two',
          before: { expiresAt: key.expiresAt, rotatedTo: null },
          after: { expiresAt: key.expiresAt - 1, rotatedTo: successor.id },
        },
        {
          ...origin,
          action: 'key.updated',
          target: key.id,
          name: key.name,
          before: { name: key.name, permissions: ['conversations'], disabled: false },
          after: { name: 'Two', permissions: [], disabled: true },
        },
        { ...by, action: 'key.created', target: key.id, name: key.name, before: null, after: first },
      ];
      const entries = await auditOf(store, workspaceId);
      expect(entries.map(({ id, ...rest }) => rest)).toEqual(expected);
      expect(JSON.stringify(entries)).not.toContain(key.digest);
    });

    test('pages newest first, without gaps or repetitions, while more is added', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      for (let i = 0; i < 25; i++) await createSample(store, workspaceId, { name: `Key ${i}` });
      const seen: string[] = [];
      let before: string | null = null;
      do {
        const page = await store.listAudit({ workspaceId, limit: 10, before });
        seen.push(...page.entries.map((entry) => String(entry.name)));
        before = page.next;
        if (before !== null) await createSample(store, workspaceId, { name: 'Later' });
      } while (before !== null);
      expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => `Key ${24 - i}`));
    });

    test('listAudit filters by target, actor and action', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId);
      const successor = sampleKey(workspaceId, { rotatedFrom: key.id });
      await createSample(store, workspaceId);
      await store.updateKey(key.id, { name: 'Two' }, { ...ORIGIN, actor: 'bob' }, {});
      await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {});
      const actions = async (query: object) => (await auditOf(store, workspaceId, query)).map(({ action }) => action);
      expect(await actions({ target: key.id })).toEqual(['key.rotated', 'key.updated', 'key.created']);
      expect(await actions({ target: successor.id })).toEqual(['key.rotated']);
      expect(await actions({ actor: 'bob' })).toEqual(['key.updated']);
      expect(await actions({ action: 'key.created' })).toEqual(['key.created', 'key.created']);
      expect(await actions({ action: 'key.created', target: key.id })).toEqual(['key.created']);
      expect(await actions({ target: 'unknown' })).toEqual([]);
      const page = await store.listAudit({ workspaceId, limit: 1, before: null, target: key.id });
      expect(page.entries).toHaveLength(1);
      const rest = await store.listAudit({ workspaceId, limit: 2, before: page.next, target: key.id });
      expect(rest.entries.map(({ action }) => action)).toEqual(['key.updated', 'key.created']);
      expect(rest.next).toBeNull();
    });

    test('listAudit rejects a cursor that it did not return', async () => {
      for (const before of ['', 'x', '1', '-', '+', '(1-1', '1-1 ', '0-0', '99999999999999999999-1']) {
        const listing = getStore().listAudit({ workspaceId: newWorkspace(), limit: 1, before });
        await expect(listing).rejects.toMatchObject({ code: 'invalid_request' });
      }
    });

    test('readAudit returns entries oldest first, each with the id and hash of the one before it', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      expect(await store.readAudit({ workspaceId, from: null, limit: 10 })).toEqual([]);
      expect(await store.lastAuditId(workspaceId)).toBeNull();
      const key = await createSample(store, workspaceId, { name: 'One "/" é\u007f', metadata: { '💶': 'ß' } });
      await store.updateKey(key.id, { name: '日本', disabled: true }, { ...ORIGIN, actor: 'Å' }, {});
      await store.setProject(workspaceId, '__proto__', { transcript: true, metrics: ['ü'] }, ORIGIN);
      await store.clearProject(workspaceId, '__proto__', ORIGIN);
      await store.rotateKey(key.id, sampleKey(workspaceId, { rotatedFrom: key.id }), null, ORIGIN, {});
      await store.deleteKey(key.id, ORIGIN, {});

      const entries = await store.readAudit({ workspaceId, from: null, limit: 10 });
      expect(entries.map(({ entry }) => entry)).toEqual((await auditOf(store, workspaceId)).reverse());
      let head: ChainHead = { id: '0-0', hash: '' };
      for (const { id, previous, hash, isIntact } of entries) {
        expect({ previous, isIntact }).toEqual({ previous: head, isIntact: true });
        expect(hash).toMatch(/^[0-9a-f]{40}$/);
        head = { id, hash: hash! };
      }
      expect(await store.lastAuditId(workspaceId)).toBe(head.id);
      const some = await store.readAudit({ workspaceId, from: entries[1]!.id, limit: 2 });
      expect(some).toEqual(entries.slice(1, 3));
    });

    test('the audit log keeps its limit of entries and few more', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const writes = auditLimit * 2 + 50;
      for (let i = 0; i < writes; i++) {
        await store.setProject(workspaceId, 'p', { transcript: i % 2 === 0, metrics: [] }, { ...ORIGIN, at: i });
      }
      const entries = await auditOf(store, workspaceId);
      expect(entries[0]?.at).toBe(writes - 1);
      expect(entries.length).toBeGreaterThanOrEqual(auditLimit);
      // Redis removes whole nodes of its stream, of up to 100 entries.
      expect(entries.length).toBeLessThanOrEqual(auditLimit + 100);
    });
  });
}
