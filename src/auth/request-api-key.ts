import type { Scope } from '../keys/scope';
import { createScope } from '../keys/scope';
import type { Credential } from '../store/records';
import type { HasCounters } from '../usage/key-counters';

/** The key of a request: `req.apiKey`, and `key` in the result of `verify`. Frozen. */
export interface RequestApiKey<Permission extends string = string> {
  /** The key's public id; safe to log. */
  readonly id: string;
  readonly name: string;
  readonly workspaceId: string;
  readonly permissions: readonly Permission[];
  /** A new Date at each access, so that changing it changes nothing. */
  readonly expiresAt: Date;
  readonly scope: Scope<Permission>;
}

/** Cached key entry: the record that requests are authorized by, and the object that handlers receive. */
export interface CachedKey extends HasCounters {
  readonly record: Credential;
  readonly apiKey: RequestApiKey;
}

/** Distinct arrays of permissions whose scope is shared. */
const MAX_SHARED = 1000;

/**
 * Creates the function that turns records into cache entries. Keys of all agents with the same permissions share one
 * scope, which is the larger part of an entry.
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
      /**
       * Key of the request. Undefined before `requireApiKey`, and for anonymous requests with `optional: true`. If that
       * cannot be: `apiKeys.apiKeyOf(req)` is never undefined, and knows the declared permissions.
       */
      apiKey?: RequestApiKey;
    }
  }
}
