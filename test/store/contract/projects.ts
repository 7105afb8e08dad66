import type { Features } from '../../../src/features';
import type { ProjectRecord } from '../../../src/store/records';
import type { Store } from '../../../src/store/store';
import { auditOf, newWorkspace, ORIGIN } from '../sample';

const METRICS: Features = { transcript: false, metrics: ['CALL_COMPLETED', 'Dauer „ä“ 🕑'] };

export function projectsContract(getStore: () => Store): void {
  describe('project configurations', () => {
    test('come back as they were set, whatever the projects are called', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const ids = ['__proto__', 'constructor', 'a:b', '{x}', ' ', 'プロジェクト', '0', '"'];
      for (const [i, id] of ids.entries()) {
        const features: Features = i % 2 ? METRICS : { transcript: true, metrics: i % 4 ? [] : 'all' };
        const expected = { projectId: id, ...features, updatedAt: ORIGIN.at };
        expect(await store.setProject(workspaceId, id, features, ORIGIN)).toEqual(expected);
        expect((await store.getProjects(workspaceId)).get(id)).toEqual(expected);
      }
      expect([...(await store.getProjects(workspaceId)).keys()].sort()).toEqual([...ids].sort());
    });

    test('readProjects returns the configurations of one workspace, and none when nothing was set', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      await store.setProject(workspaceId, 'p', METRICS, ORIGIN);
      expect((await store.getProjects(newWorkspace())).size).toBe(0);
    });

    test('replace each other; setting the same again changes nothing', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const later = { ...ORIGIN, at: ORIGIN.at + 1 };
      await store.setProject(workspaceId, 'p', METRICS, ORIGIN);
      const same = { projectId: 'p', ...METRICS, updatedAt: ORIGIN.at };
      expect(await store.setProject(workspaceId, 'p', METRICS, later)).toEqual(same);
      expect(await auditOf(store, workspaceId)).toHaveLength(1);
      const other: Features = { transcript: true, metrics: 'all' };
      expect(await store.setProject(workspaceId, 'p', other, later)).toEqual({
        projectId: 'p',
        ...other,
        updatedAt: later.at,
      });
      expect((await store.getProjects(workspaceId)).get('p')).toEqual({
        projectId: 'p',
        ...other,
        updatedAt: later.at,
      });
    });

    test('clearProject clears a configuration once', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      await store.setProject(workspaceId, 'p', METRICS, ORIGIN);
      await store.setProject(workspaceId, 'q', METRICS, ORIGIN);
      expect(await store.clearProject(workspaceId, 'p', ORIGIN)).toBe(true);
      expect([...(await store.getProjects(workspaceId)).keys()]).toEqual(['q']);
      expect(await store.clearProject(workspaceId, 'p', ORIGIN)).toBe(false);
      expect(await store.clearProject(newWorkspace(), 'p', ORIGIN)).toBe(false);
      expect(await auditOf(store, workspaceId)).toHaveLength(3);
    });

    test('readProjects returns frozen configurations that later changes do not alter', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const metrics = ['a'];
      await store.setProject(workspaceId, 'p', { transcript: false, metrics }, ORIGIN);
      metrics.push('b');
      const before = await store.getProjects(workspaceId);
      expect(before.get('p')?.metrics).toEqual(['a']);
      await store.clearProject(workspaceId, 'p', ORIGIN);
      expect(before.size).toBe(1);
      const { metrics: read } = before.get('p') as ProjectRecord;
      expect(() => (read as string[]).push('x')).toThrow(TypeError);
    });
  });
}
