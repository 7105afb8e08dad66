import type { Clock } from '../../../clock';
import { isKeyId } from '../../../token/format';
import { isAlias } from '../../../token/imported-token';
import type { ChangeListener, Store } from '../../store';
import { unavailable, unreadable } from '../errors';
import type { KeyNames } from '../key-names';
import type { BatchedReader } from '../reads/batched-reader';
import type { RunMutation } from './run-mutation';

export interface AliasStoreOptions {
  readonly runMutation: RunMutation;
  readonly keyNames: KeyNames;
  readonly reader: BatchedReader;
  readonly clock: Clock;
  readonly listeners: readonly ChangeListener[];
}

/** Store methods that find, set and remove the keys of imported tokens, by alias. */
export function createAliasStore({
  runMutation,
  keyNames,
  reader,
  clock,
  listeners,
}: AliasStoreOptions): Pick<Store, 'getAlias' | 'linkAlias' | 'unlinkAlias'> {
  function notifyAlias(alias: string): () => void {
    return function notify() {
      for (const listener of listeners) listener.aliasChanged?.(alias);
    };
  }

  return {
    async getAlias(alias) {
      if (!isAlias(alias)) return null;
      const key = keyNames.alias(alias);
      return reader.read({
        name: 'get',
        key,
        args: [],
        isLookup: true,
        decode(reply) {
          if (reply === null || isKeyId(reply)) return reply;
          // The message omits the entry's name, which is derived from the token.
          throw unreadable(keyNames.alias('…'), 'it is not the id of a key');
        },
      });
    },

    async linkAlias(alias, id, replacing = '') {
      const [, held] = await runMutation({
        script: 'linkAlias',
        key: keyNames.alias(alias),
        input: () => ({ keys: [keyNames.alias(alias)], args: [id, replacing] }),
        since: clock.monotonic(),
        notify: notifyAlias(alias),
      });
      if (isKeyId(held)) return held;
      throw unavailable('Unexpected reply from the key store.');
    },

    async unlinkAlias(alias, id) {
      await runMutation({
        script: 'unlinkAlias',
        key: keyNames.alias(alias),
        input: () => ({ keys: [keyNames.alias(alias)], args: [id] }),
        since: clock.monotonic(),
        notify: notifyAlias(alias),
      });
    },
  };
}
