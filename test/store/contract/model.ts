import fc from 'fast-check';
import { foldName } from '../../../src/store/index-position';
import type { KeyRecord } from '../../../src/store/records';
import type { AuditAction, Store } from '../../../src/store/store';
import { auditOf, keyQuery, listAll, newWorkspace, ORDERS, ORIGIN, SORTS, sampleKey } from '../sample';

/** One change, by numbers: which key it is about is decided when the keys are known. */
type Step =
  | { readonly do: 'create'; readonly name: string; readonly at: number }
  | { readonly do: 'rename'; readonly which: number; readonly name: string }
  | { readonly do: 'disable'; readonly which: number; readonly disabled: boolean }
  | { readonly do: 'delete'; readonly which: number }
  | { readonly do: 'rotate'; readonly which: number; readonly at: number };

const name = fc.constantFrom('a', 'B', 'ab', 'Äb', 'ｂ', '漢', '😀', 'A', 'ａ😀', '\uE000', 'a2', 'a10', 'A010 b');
const at = fc.integer({ min: 0, max: 5 });
const which = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create' as const), name, at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rename' as const), which, name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('disable' as const), which, disabled: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rotate' as const), which, at }) },
);

/** Order of two names in a list: numbers by their values, other characters by their bytes. */
function compareNames(a: string, b: string): number {
  const pieces = (name: string): string[] => foldName(name).match(/\d+|\D/gu) ?? [];
  const [own, others] = [pieces(a), pieces(b)];
  for (const [i, piece] of own.entries()) {
    const other = others[i];
    if (other === undefined) return 1;
    const areNumbers = /\d/.test(piece) && /\d/.test(other);
    const order = areNumbers ? Number(piece) - Number(other) : Buffer.from(piece).compare(Buffer.from(other));
    if (order !== 0) return order;
  }
  return own.length - others.length;
}

/** A reference implementation: records in a map, and the expected audit log. */
class Model {
  readonly keys = new Map<string, KeyRecord>();
  readonly audit: AuditAction[] = [];

  pick(number: number): KeyRecord | undefined {
    return this.keys.size === 0 ? undefined : [...this.keys.values()][number % this.keys.size];
  }

  change(key: KeyRecord, changes: Partial<KeyRecord>, action: AuditAction): void {
    const changed = { ...key, ...changes };
    if (JSON.stringify(changed) === JSON.stringify(key)) return;
    this.keys.set(key.id, { ...changed, updatedAt: ORIGIN.at, revision: key.revision + 1 });
    this.audit.unshift(action);
  }

  sorted(sort: (typeof SORTS)[number]): KeyRecord[] {
    return [...this.keys.values()].sort((a, b) => {
      const byTime = sort === 'created' ? a.createdAt - b.createdAt : a.expiresAt - b.expiresAt;
      return (sort === 'name' ? compareNames(a.name, b.name) : byTime) || (a.id < b.id ? -1 : 1);
    });
  }
}

async function take(store: Store, model: Model, workspaceId: string, step: Step): Promise<void> {
  if (step.do === 'create') {
    const key = sampleKey(workspaceId, { name: step.name, createdAt: step.at, expiresAt: 10 - step.at });
    expect(await store.createKey(key, ORIGIN)).toBe(true);
    model.keys.set(key.id, key);
    model.audit.unshift('key.created');
    return;
  }
  const key = model.pick(step.which);
  if (!key) return;
  if (step.do === 'rename') {
    await store.updateKey(key.id, { name: step.name }, ORIGIN, {});
    model.change(key, { name: step.name }, 'key.updated');
  } else if (step.do === 'disable') {
    await store.updateKey(key.id, { disabled: step.disabled }, ORIGIN, {});
    model.change(key, { disabled: step.disabled }, 'key.updated');
  } else if (step.do === 'delete') {
    await store.deleteKey(key.id, ORIGIN, {});
    model.keys.delete(key.id);
    model.audit.unshift('key.deleted');
  } else {
    const successor = sampleKey(workspaceId, {
      name: key.name,
      rotatedFrom: key.id,
      createdAt: step.at,
      expiresAt: 10,
    });
    const result = await store.rotateKey(key.id, successor, step.at, ORIGIN, {});
    expect(result.ok).toBe(key.rotatedTo === null);
    if (key.rotatedTo !== null) return;
    model.change(key, { expiresAt: Math.min(key.expiresAt, step.at), rotatedTo: successor.id }, 'key.rotated');
    model.keys.set(successor.id, successor);
  }
}

export function modelContract(getStore: () => Store): void {
  test('records, lists, searches and the audit log agree with a simple model after random changes', async () => {
    const store = getStore();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const workspaceId = newWorkspace();
        const model = new Model();
        for (const one of steps) await take(store, model, workspaceId, one);
        for (const [id, key] of model.keys) expect(await store.getKey(id)).toEqual(key);
        for (const sort of SORTS) {
          for (const order of ORDERS) {
            const expected = order === 'asc' ? model.sorted(sort) : model.sorted(sort).reverse();
            expect(await listAll(store, keyQuery(workspaceId, { sort, order, limit: 3 }))).toEqual(expected);
            const q = foldName('B');
            const matching = expected.filter((key) => foldName(key.name).includes(q));
            expect(await listAll(store, keyQuery(workspaceId, { sort, order, q, limit: 2 }))).toEqual(matching);
          }
        }
        expect((await auditOf(store, workspaceId)).map(({ action }) => action)).toEqual(model.audit);
      }),
      { numRuns: 25 },
    );
  });
}
