import type { SliceGrant, SliceRequest } from '../../../src/store/limit-store';
import type { Store } from '../../../src/store/store';
import { newId, newWorkspace } from '../sample';

/** Longer than a test, so that no window ends during one. It begins with the epoch. */
const LONG = 4_000_000_000_000;

export function limitsContract(getStore: () => Store): void {
  describe('limits', () => {
    const lease = (given: Partial<SliceRequest> & Pick<SliceRequest, 'subject'>): Promise<SliceGrant> => {
      const none = { lessee: 'one', sequence: 1, window: -1, used: 0, leased: 0, wanted: 1, ahead: 0, release: false };
      return getStore().leaseSlice({ limit: { limit: 10, window: LONG }, ...none, ...given });
    };
    const newSubject = () => ({ keyId: newId(newWorkspace()), permission: null });

    test('leaseSlice grants the limit and no more to all lessees together', async () => {
      const subject = newSubject();
      const first = await lease({ subject, wanted: 6 });
      expect(first).toEqual({ window: 0, endsIn: expect.any(Number), leased: 6, free: 4 });
      expect(first.endsIn).toBeGreaterThan(0);
      expect(await lease({ subject, lessee: 'two', wanted: 6 })).toMatchObject({ leased: 4, free: 0 });
      expect(await lease({ subject, lessee: 'three' })).toMatchObject({ leased: 0, free: 0 });
      const next = { subject, sequence: 2, window: 0, used: 6, leased: 6 };
      expect(await lease(next)).toMatchObject({ leased: 6, free: 0 });
    });

    test('leaseSlice grants a tenth of the rest ahead', async () => {
      const subject = newSubject();
      const limit = { limit: 1000, window: LONG };
      expect(await lease({ subject, limit, ahead: 10 })).toMatchObject({ leased: 11, free: 989 });
      expect(await lease({ subject, limit, lessee: 'two', ahead: 5000 })).toMatchObject({ leased: 99, free: 890 });
      expect(await lease({ subject, lessee: 'three', ahead: 5 })).toMatchObject({ leased: 0, free: 0 });
    });

    test('leaseSlice counts keys, permissions, projects and windows apart', async () => {
      const workspaceId = newWorkspace();
      const keyId = newId(workspaceId);
      const subjects = [
        { keyId, permission: null },
        { keyId, permission: 'conversations' },
        { workspaceId, projectId: 'sales' },
        { workspaceId, projectId: 'sales:eu' },
        { workspaceId: newWorkspace(), projectId: 'sales' },
      ];
      for (const subject of subjects) expect(await lease({ subject, wanted: 9 })).toMatchObject({ free: 1 });
      const limit = { limit: 10, window: LONG + 1 };
      expect(await lease({ subject: subjects[0]!, limit })).toMatchObject({ free: 9 });
    });

    test('leaseSlice returns what a release has not used', async () => {
      const subject = newSubject();
      await lease({ subject, wanted: 8 });
      const released = { subject, sequence: 2, window: 0, used: 3, leased: 8, wanted: 0, release: true };
      expect(await lease(released)).toMatchObject({ free: 7 });
      expect(await lease({ subject, lessee: 'two', wanted: 10 })).toMatchObject({ leased: 7, free: 0 });
    });

    test('leaseSlice gives nothing when a request arrives again, late or after its release', async () => {
      const subject = newSubject();
      const first = { subject, wanted: 2 };
      const second = { subject, sequence: 2, window: 0, used: 2, leased: 2, wanted: 3 };
      const release = { subject, sequence: 3, window: 0, used: 4, leased: 5, wanted: 0, release: true };
      await lease(first);
      expect(await lease(second)).toMatchObject({ leased: 5, free: 5 });
      expect(await lease(second)).toMatchObject({ leased: 5, free: 5 });
      expect(await lease(first)).toMatchObject({ leased: 5, free: 5 });
      expect(await lease(release)).toMatchObject({ free: 6 });
      expect(await lease(release)).toMatchObject({ free: 6 });
      const late = await lease(second);
      expect(late.free).toBeLessThanOrEqual(6);
      expect((await lease(release)).free).toBeLessThanOrEqual(6);
    });

    test('leaseSlice replaces a lease whose reply was lost', async () => {
      const subject = newSubject();
      await lease({ subject, wanted: 3 });
      await lease({ subject, sequence: 2, window: 0, used: 3, leased: 3, wanted: 5 });
      const next = { subject, sequence: 3, window: 0, used: 3, leased: 3, wanted: 1 };
      expect(await lease(next)).toMatchObject({ leased: 4, free: 6 });
    });

    test('leaseSlice grants nothing when a lowered limit is already exceeded', async () => {
      const subject = newSubject();
      await lease({ subject, wanted: 8 });
      const lowered = { subject, limit: { limit: 5, window: LONG } };
      expect(await lease({ ...lowered, lessee: 'two' })).toMatchObject({ leased: 0, free: 0 });
      const own = { ...lowered, sequence: 2, window: 0, used: 8, leased: 8 };
      expect(await lease(own)).toMatchObject({ leased: 8, free: 0 });
    });

    test('leaseSlice begins a new count in each window', async () => {
      const subject = newSubject();
      const limit = { limit: 2, window: 25 };
      const windows = new Map<number, number>();
      const end = Date.now() + 200;
      for (let sequence = 1; Date.now() < end; sequence++) {
        const { window, leased, endsIn } = await lease({ subject, limit, sequence, wanted: 3 });
        expect(endsIn).toBeLessThanOrEqual(25);
        windows.set(window, Math.max(leased, windows.get(window) ?? 0));
      }
      expect(windows.size).toBeGreaterThan(1);
      expect(new Set(windows.values())).toEqual(new Set([2]));
    });
  });
}
