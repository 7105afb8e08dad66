import { type AddressList, compileAddressList } from '../keys/address-list';
import type { Scope } from '../keys/scope';
import { createScope } from '../keys/scope';
import type { KeyMetadata, KeyOwner } from '../store/column-codecs';
import { expiryDate } from '../store/key-fields';
import type { Credential } from '../store/records';
import type { HasCounters } from '../usage/key-counters';

/** The key of a request: `req.apiKey`, and `key` in the result of `verify`. Frozen. */
export interface RequestApiKey<Permission extends string = string> {
  /** The key's public id; safe to log. */
  readonly id: string;
  readonly name: string;
  readonly workspaceId: string;
  readonly permissions: readonly Permission[];
  /** User or service that the key belongs to. */
  readonly owner: KeyOwner | null;
  /** Facts about the key that an operator has stored. Inherits no members. */
  readonly metadata: KeyMetadata;
  /** A new Date at each access, so that changing it changes nothing. Null: the key never expires. */
  readonly expiresAt: Date | null;
  readonly scope: Scope<Permission>;
  /**
   * Aborts when a request like this one would be denied: the key was deleted or disabled, has expired or has lost the
   * required permission, the project has disabled the feature of a `requireFeature`, or the store could not confirm it for
   * `maxRevocationLag`. If several `requireApiKey` have allowed the request, all of them count. `signal.reason` is the error
   * that the request would get. The signal of a request is not used after its response has ended. The signal of `verify` is
   * kept until the key ends: remove your listeners when you are done with it.
   *
   * @example await pipeline(source, res, { signal: req.apiKey.signal });
   */
  readonly signal: AbortSignal;
}

/** Cached key entry: the record that requests are authorized by, and its scope. */
export interface CachedKey extends HasCounters {
  readonly record: Credential;
  readonly scope: Scope;
  /** Addresses that the key is limited to; null: any. */
  readonly addresses: AddressList | null;
}

/**
 * Whether a key is still the one that a use was allowed by, with all of its agents. `keys.ensure` can change them, and a key can
 * be deleted and created again with the same id (`keys.ensure`, imports).
 *
 * @param entry - Null: the key was deleted.
 */
export function isSameKey(allowedBy: CachedKey, entry: CachedKey | null): entry is CachedKey {
  if (entry === null) return false;
  const { record, scope } = entry;
  const { workspaceId, digest, agents } = allowedBy.record;
  if (allowedBy.record === record) return true;
  if (record.workspaceId !== workspaceId || record.digest !== digest) return false;
  return scope.agents === 'all' || (agents !== 'all' && agents.every((agent) => scope.allowsAgent(agent)));
}

/** A key, and the function that creates the signal of its user, such as a request, when it is first read. */
export interface SignalSource<User> {
  readonly key: CachedKey;
  openSignal(user: User): AbortSignal;
}

/**
 * The key of one request. Its signal is created when it is first read. Accessors of a class, because those of an object
 * literal cost microseconds.
 */
class KeyOfRequest<User> implements RequestApiKey {
  readonly id: string;
  readonly name: string;
  readonly workspaceId: string;
  readonly permissions: readonly string[];
  readonly owner: KeyOwner | null;
  readonly metadata: KeyMetadata;
  readonly scope: Scope;
  readonly #source: SignalSource<User>;
  readonly #user: User;
  #signal: AbortSignal | undefined;

  constructor(source: SignalSource<User>, user: User) {
    const { record, scope } = source.key;
    this.id = record.id;
    this.name = record.name;
    this.workspaceId = record.workspaceId;
    this.permissions = record.permissions;
    this.owner = record.owner;
    this.metadata = record.metadata;
    this.scope = scope;
    this.#source = source;
    this.#user = user;
  }

  static isFrom(value: unknown, source: object): value is RequestApiKey {
    return typeof value === 'object' && value !== null && #source in value && value.#source === source;
  }

  get expiresAt(): Date | null {
    return expiryDate(this.#source.key.record.expiresAt);
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#source.openSignal(this.#user);
    return this.#signal;
  }

  toJSON(): object {
    return { ...this, expiresAt: this.expiresAt };
  }
}

/** Creates the key of a request. */
export function createRequestApiKey<User>(source: SignalSource<User>, user: User): RequestApiKey {
  return Object.freeze(new KeyOfRequest(source, user));
}

/** Whether this is a key that was created with this source of its signal. */
export const isApiKeyFrom: (value: unknown, source: object) => value is RequestApiKey = KeyOfRequest.isFrom;

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

  return (record) => ({
    record,
    scope: scopeOf(record),
    addresses: compileAddressList(record.allowedIps),
    counters: null,
  });
}
