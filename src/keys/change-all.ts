import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import { foldName } from '../store/index-position';
import { matchesFilter, matchesKey } from '../store/key-search';
import type { Store } from '../store/store';
import type { KeyInputs } from './input-schemas';
import { filterOf } from './list-filter';
import type { KeyFilterInput } from './selection';
import type { ApiKey, ChangedKeys, KeyService } from './types';

/** Keys that are read in one page. */
const PAGE = 200;
/** Changes in progress at once, so that other commands to Redis and other work of the process run between them. */
const CONCURRENCY = 16;
const SAMPLE = 20;

export interface ChangeAllDeps<Permission extends string> {
  readonly store: Pick<Store, 'getKey'>;
  readonly inputs: Pick<KeyInputs, 'bulkFilter' | 'bulkOptions'>;
  readonly now: () => number;
  readonly service: Pick<KeyService<Permission>, 'list' | 'update' | 'delete'>;
}

function isCode(error: unknown, code: KeyscopeError['code']): boolean {
  return error instanceof KeyscopeError && error.code === code;
}

/** Creates `keys.revokeAll` and `keys.disableAll`. They read pages of matching keys, and change each at its revision. */
export function createChangeAll<Permission extends string>(
  deps: ChangeAllDeps<Permission>,
): Pick<KeyService<Permission>, 'revokeAll' | 'disableAll'> {
  const { store, inputs, now, service } = deps;

  function method(what: 'keys.revokeAll' | 'keys.disableAll') {
    const isDisabling = what === 'keys.disableAll';

    return async function changeAll(givenFilter: unknown, givenOptions: unknown): Promise<ChangedKeys<Permission>> {
      const { q = '', all: _, ...fields } = inputs.bulkFilter(givenFilter, what);
      const { dryRun, limit, cursor: start, ...context } = inputs.bulkOptions(givenOptions, what);
      const workspaceId = context.workspaceId ?? DEFAULT_WORKSPACE;
      const origin = { ...context, workspaceId };
      const filter = filterOf(fields) ?? {};

      /** True if the key was changed. A key that has changed since it was read is compared with the filter again. */
      async function change({ id, revision: read }: ApiKey<Permission>): Promise<boolean> {
        let revision = read;
        for (;;) {
          try {
            if (isDisabling) await service.update(id, { disabled: true }, { ...origin, revision });
            else await service.delete(id, { ...origin, revision });
            return true;
          } catch (error) {
            if (isCode(error, 'key_not_found')) return false;
            if (!isCode(error, 'conflict')) throw error;
          }
          const key = await store.getKey(id);
          if (key === null || (isDisabling && key.disabled)) return false;
          if (!matchesFilter(key, filter, now()) || (q !== '' && !matchesKey(key, foldName(q)))) return false;
          revision = key.revision;
        }
      }

      const sample: ApiKey<Permission>[] = [];
      let count = 0;
      let cursor: string | null = start ?? null;
      do {
        const page = await service.list({
          ...(filter as KeyFilterInput<Permission>),
          q,
          workspaceId,
          sort: 'created',
          order: 'asc',
          limit: Math.min(PAGE, limit - count),
          ...(cursor !== null && { cursor }),
        });
        const keys = isDisabling ? page.keys.filter(({ disabled }) => !disabled) : page.keys;
        for (let first = 0; first < keys.length; first += CONCURRENCY) {
          const batch = keys.slice(first, first + CONCURRENCY);
          const isChanged = dryRun ? batch.map(() => true) : await Promise.all(batch.map(change));
          const changed = batch.filter((_key, i) => isChanged[i]);
          count += changed.length;
          sample.push(...changed.slice(0, SAMPLE - sample.length));
        }
        cursor = page.cursor;
        // A store in memory answers in the same turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve));
      } while (cursor !== null && count < limit);
      return { dryRun, count, sample, cursor };
    };
  }

  return { revokeAll: method('keys.revokeAll'), disableAll: method('keys.disableAll') };
}
