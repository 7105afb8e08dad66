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
  readonly listeners: readonly ChangeListener[];
}

/** What foreign tokens stand for. */
export function createAliasStore({
  runMutation,
  keyNames,
  reader,
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
        decode(reply) {
          if (reply === null || isKeyId(reply)) return reply;
          // The name of the entry is made of the token, so it is not told either.
          throw unreadable(keyNames.alias('…'), 'it is not the id of a key');
        },
      });
    },

    async linkAlias(alias, id, replacing = '') {
      const [, held] = await runMutation({
        script: 'linkAlias',
        keys: [keyNames.alias(alias)],
        args: [id, replacing],
        since: performance.now(),
        notify: notifyAlias(alias),
      });
      if (isKeyId(held)) return held;
      throw unavailable('The key store gave an answer that means nothing.');
    },

    async unlinkAlias(alias, id) {
      await runMutation({
        script: 'unlinkAlias',
        keys: [keyNames.alias(alias)],
        args: [id],
        since: performance.now(),
        notify: notifyAlias(alias),
      });
    },
  };
}
