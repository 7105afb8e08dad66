import { isKeyId } from '../../../token/format';
import { isAlias } from '../../../token/imported-token';
import type { ChangeListener, Store } from '../../store';
import { unavailable, unreadable } from '../errors';
import type { Layout } from '../key-names';
import type { Reads } from '../reads/batched-reader';
import type { MakeChange } from './run-mutation';

export interface ForeignOptions {
  readonly makeChange: MakeChange;
  readonly layout: Layout;
  readonly reads: Reads;
  readonly listeners: readonly ChangeListener[];
}

/** What foreign tokens stand for. */
export function createForeign({
  makeChange,
  layout,
  reads,
  listeners,
}: ForeignOptions): Pick<Store, 'getForeign' | 'linkForeign' | 'unlinkForeign'> {
  function tellForeign(alias: string): () => void {
    return function tell() {
      for (const listener of listeners) listener.foreignChanged?.(alias);
    };
  }

  return {
    async getForeign(alias) {
      if (!isAlias(alias)) return null;
      const key = layout.foreign(alias);
      return reads.read({
        name: 'get',
        key,
        args: [],
        decode(reply) {
          if (reply === null || isKeyId(reply)) return reply;
          // The name of the entry is made of the token, so it is not told either.
          throw unreadable(layout.foreign('…'), 'it is not the id of a key');
        },
      });
    },

    async linkForeign(alias, id, replacing = '') {
      const [, held] = await makeChange({
        script: 'linkForeign',
        keys: [layout.foreign(alias)],
        args: [id, replacing],
        since: performance.now(),
        tell: tellForeign(alias),
      });
      if (isKeyId(held)) return held;
      throw unavailable('The key store gave an answer that means nothing.');
    },

    async unlinkForeign(alias, id) {
      await makeChange({
        script: 'unlinkForeign',
        keys: [layout.foreign(alias)],
        args: [id],
        since: performance.now(),
        tell: tellForeign(alias),
      });
    },
  };
}
