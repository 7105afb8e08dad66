import type { ReadThroughCache } from '../cache/read-through-cache';
import type { Store } from '../store/store';
import type { EntryUse, UseEnd } from './entry-use';
import { EntryWatch, type WatchSettings } from './entry-watch';
import type { CachedKey } from './request-api-key';

/** A use of a key: an open response, or a signal. */
export type KeyUse = EntryUse<CachedKey>;

export const KEY_DELETED: UseEnd = {
  reason: 'deleted',
  code: 'invalid_key',
  message: 'This API key is no longer valid.',
};

/** Ends uses of keys that are no longer valid. */
export class KeyWatch extends EntryWatch<CachedKey> {
  constructor(keys: ReadThroughCache<CachedKey>, store: Store, settings: WatchSettings) {
    super({
      ...settings,
      cache: keys,
      lease: (keyId) => store.keyLease(keyId),
      answeredAt: (keyId) => store.answeredAt({ keyId }),
      expiresAt: ({ record }) => record.expiresAt,
      unconfirmed: 'The key store could not confirm this API key.',
    });
    // The caches listen already, so that they are invalidated first.
    store.onChange({
      keyChanged: (id) => this.invalidate(id),
      projectsChanged() {},
      allChanged: () => this.invalidateAll(),
    });
  }
}
