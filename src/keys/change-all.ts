import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import { foldName } from '../store/index-position';
import { matchesFilter, matchesKey } from '../store/key-search';
import type { KeyRecord } from '../store/records';
import type { Store } from '../store/store';
import type { KeyInputs } from './input-schemas';
import { filterOf } from './list-filter';
import type { KeyFilterInput } from './selection';
import { type ApiKey, type ChangedKeys, type KeyService, toApiKey } from './types';

/** Keys that are read in one page. */
const PAGE = 200;
/** Changes in progress at once, so that other commands to Redis and other work of the process run between them. */
const CONCURRENCY = 16;
const SAMPLE = 20;
/** The last page is read again until it has no key to change, so that keys which other processes created since are changed. */
const MAX_REPETITIONS = 10;
/** Successors of one key that are changed with it. A process that goes on rotating them must not keep the call from ending. */
const MAX_SUCCESSORS = 20;

interface Changed {
  readonly isChanged: boolean;
  /** The key that this one was rotated to, as it was read last. */
  readonly rotatedTo: string | null;
}

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

      function matches(key: KeyRecord): boolean {
        if (isDisabling && key.disabled) return false;
        return matchesFilter(key, filter, now()) && (q === '' || matchesKey(key, foldName(q)));
      }

      /** Changes a key. One that has changed since it was read is compared with the filter again. */
      async function changeOne({ id, revision: read, rotatedTo: successor }: ApiKey<Permission>): Promise<Changed> {
        let revision = read;
        let rotatedTo = successor;
        for (;;) {
          try {
            if (isDisabling) await service.update(id, { disabled: true }, { ...origin, revision });
            else await service.delete(id, { ...origin, revision });
            return { isChanged: true, rotatedTo };
          } catch (error) {
            if (isCode(error, 'key_not_found')) return { isChanged: false, rotatedTo };
            if (!isCode(error, 'conflict')) throw error;
          }
          const key = await store.getKey(id);
          rotatedTo = key?.rotatedTo ?? rotatedTo;
          if (key === null || !matches(key)) return { isChanged: false, rotatedTo };
          revision = key.revision;
        }
      }

      /**
       * Changes a key, and the keys that it was rotated to: a rotation in another process can create one that is not in any
       * page, whose order follows the clocks of all processes. Returns those that were changed.
       */
      async function change(first: ApiKey<Permission>): Promise<ApiKey<Permission>[]> {
        const changed: ApiKey<Permission>[] = [];
        let key = first;
        for (let successors = 0; ; successors++) {
          const { isChanged, rotatedTo } = await changeOne(key);
          if (isChanged) changed.push(key);
          const isLast = rotatedTo === null || successors === MAX_SUCCESSORS;
          const successor = isLast ? null : await store.getKey(rotatedTo);
          if (successor === null || successor.workspaceId !== workspaceId || !matches(successor)) return changed;
          key = toApiKey<Permission>(successor);
        }
      }

      const sample: ApiKey<Permission>[] = [];
      let count = 0;
      let cursor: string | null = start ?? null;
      let isOver = false;
      for (let repetitions = 0; !isOver; ) {
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
        let changes = 0;
        for (let first = 0; first < keys.length; first += CONCURRENCY) {
          const batch = keys.slice(first, first + CONCURRENCY);
          const changed = dryRun ? batch : (await Promise.all(batch.map(change))).flat();
          changes += changed.length;
          sample.push(...changed.slice(0, SAMPLE - sample.length));
        }
        count += changes;
        // Keys were created while the last page was changed.
        const repeats = page.cursor === null && changes > 0 && !dryRun && repetitions < MAX_REPETITIONS;
        if (repeats) repetitions += 1;
        else cursor = page.cursor;
        isOver = count >= limit || (!repeats && cursor === null);
        if (isOver && page.cursor === null) cursor = null;
        // A store in memory answers in the same turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { dryRun, count, sample, cursor };
    };
  }

  return { revokeAll: method('keys.revokeAll'), disableAll: method('keys.disableAll') };
}
