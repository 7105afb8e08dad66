import type { Scope } from '../keys/scope';
import { createScope } from '../keys/scope';
import type { Credential } from '../store/records';
import type { HasCounters } from '../usage/key-counters';

/** Who is calling and what they may touch: `req.apiKey`, and `key` in what `verify` returns. Frozen. */
export interface RequestApiKey<Permission extends string = string> {
  /** The key's public id; safe to log. */
  readonly id: string;
  readonly name: string;
  readonly workspaceId: string;
  readonly permissions: readonly Permission[];
  /** A new Date at each access: changing it changes nothing. */
  readonly expiresAt: Date;
  readonly scope: Scope;
}

/** What is remembered of a key: what it is judged by, and what a request is given of it. */
export interface CachedKey extends HasCounters {
  readonly record: Credential;
  readonly apiKey: RequestApiKey;
}

/** Different sets of permissions whose scope is kept for all the keys that have it. */
const MAX_SHARED = 1000;

/**
 * Makes what is remembered of a key. Keys that reach all agents and have the same permissions share one scope, which is
 * frozen and the larger part of an entry.
 */
export function createToCachedKey(): (record: Credential) => CachedKey {
  const shared = new Map<string, Scope>();

  function scopeOf(record: Credential): Scope {
    if (record.agents !== 'all') return createScope(record);
    const name = JSON.stringify(record.permissions);
    let scope = shared.get(name);
    if (scope === undefined) {
      if (shared.size >= MAX_SHARED) shared.clear();
      scope = createScope(record);
      shared.set(name, scope);
    }
    return scope;
  }

  return function toCachedKey(record) {
    const { id, name, workspaceId, permissions, expiresAt } = record;
    const apiKey = Object.freeze({
      id,
      name,
      workspaceId,
      permissions,
      get expiresAt() {
        return new Date(expiresAt);
      },
      scope: scopeOf(record),
    });
    return { record, apiKey, counters: null };
  };
}

declare global {
  namespace Express {
    interface Request {
      /** The API key that `requireApiKey` has let in; absent before it, and with `optional: true` for anonymous requests. */
      apiKey?: RequestApiKey;
    }
  }
}
