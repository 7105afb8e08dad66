import type { KeyMetadata, KeyOwner } from '../store/column-codecs';
import { type KeyExposure, publicFields } from '../store/key-fields';
import type { RateLimit } from '../store/limit-store';
import type { Agents, KeyRecord, KeySort } from '../store/records';
import { maskImportedToken, maskToken } from '../token/mask';
import type { ChangeAllOptions, Duration, KeyFilterInput, KeySelection, Time } from './selection';

/** A key as operators see it: without its token, which cannot be recovered. */
export interface ApiKey<Permission extends string = string> {
  /** Public id: 16 letters and digits. Safe to log and to use in URLs. */
  readonly id: string;
  /**
   * Label for operators, trimmed. It can contain directional marks for right-to-left text: isolate it when you show it
   * (`<bdi>` in HTML).
   */
  readonly name: string;
  readonly workspaceId: string;
  /** `'all'`: every agent of the workspace, now and later. Otherwise exactly these. */
  readonly agents: Agents;
  readonly permissions: readonly Permission[];
  /** Limits of the key's requests, with windows in milliseconds. Null: the app's defaults. Empty: none. */
  readonly rateLimit: readonly RateLimit[] | null;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  /** The key is accepted before this time, not at it. Null: it never expires (`keysWithoutExpiry`). */
  readonly expiresAt: Date | null;
  readonly disabled: boolean;
  /** Addresses and CIDR blocks from which the key is accepted. Empty: any address. */
  readonly allowedIps: readonly string[];
  /** The environment whose apps accept the key. Null: created by an app without one. */
  readonly environment: string | null;
  /** User or service that the key belongs to. */
  readonly owner: KeyOwner | null;
  /** E-mail address for warnings about the key. */
  readonly contact: string | null;
  /** Facts about the key, for the app. */
  readonly metadata: KeyMetadata;
  /** Incremented by every change. 1 for a new key, or the time of its creation if its id can come back after a deletion. Pass it to `update` to change only that revision. */
  readonly revision: number;
  /** Masked token, e.g. `ks_8MPCk3Za************YphQ`. For an imported token possibly only asterisks. */
  readonly masked: string;
  /** Id of the key that this one replaced. */
  readonly rotatedFrom: string | null;
  /** Id of the key that replaced this one. */
  readonly rotatedTo: string | null;
  /** Report of a leaked token: the first, or the one that disabled or revoked the key. Null: no report. */
  readonly exposure: KeyExposure | null;
}

/**
 * At most `limit` requests in each window, from `'1s'` to `'366d'` in whole seconds. A window of a day or longer is a quota.
 *
 * @example { limit: 1000, window: '1m' }
 */
export interface RateLimitInput {
  readonly limit: number;
  readonly window: Duration;
}

/** Expiry of a key. Default: after `defaultLifetime`. Both: an error. At the latest in the year 9999. */
export interface Expiry {
  /** Null, with `keysWithoutExpiry`: never. */
  readonly expiresAt?: Time | null;
  /** Lifetime from now; `'never'`, with `keysWithoutExpiry`. A number below 60,000 ms is rejected, because it is probably meant as seconds or days. */
  readonly expiresIn?: Duration;
}

export interface CreateKeyInput<Permission extends string = string> extends Expiry {
  /** Default `'default'`. 1–128 characters. */
  readonly workspaceId?: string;
  /** 1–100 characters. Need not be unique. */
  readonly name: string;
  /** `'all'`, or 1–1,000 distinct ids. Cannot be changed later. Default `'all'`. */
  readonly agents?: Agents;
  /** At least one, each once, all of them declared. */
  readonly permissions: readonly Permission[];
  /**
   * Addresses from which the key is accepted: at most 32 IPv4 or IPv6 addresses, or CIDR blocks such as `203.0.113.0/24`.
   * A block begins with its first address. Default: any address.
   */
  readonly allowedIps?: readonly string[];
  /** At most 4 limits with different windows. Null: the app's defaults. Empty: none. Default null. */
  readonly rateLimit?: readonly RateLimitInput[] | null;
  /** User or service that the key belongs to. Default null. */
  readonly owner?: KeyOwner | null | undefined;
  /** E-mail address for warnings about the key, at most 254 characters. Default null. */
  readonly contact?: string | null | undefined;
  /**
   * Facts about the key, for the app: at most 16 names of 1–40 letters, digits and `_ . : -`, each with 1–200 characters.
   * They are not secret. Default: none.
   *
   * @example { team: 'billing', ticket: 'OPS-118' }
   */
  readonly metadata?: KeyMetadata | undefined;
  /** Person or program that asked for the key. Default: `actor` of the context. */
  readonly createdBy?: string | null;
}

/** Input of `keys.import`: a key whose token another system issued. Exactly one of `token` and `sha256` is required. */
export interface ImportKeyInput<Permission extends string = string> extends CreateKeyInput<Permission> {
  /** `'all'`, or 1–1,000 distinct ids. Required, so that no imported key gets more access than it had. */
  readonly agents: Agents;
  /** String that callers send: 8–512 visible ASCII characters. Only a digest is stored. */
  readonly token?: string;
  /** SHA-256 of the token, if only that is known: hexadecimal, base64 or base64url. */
  readonly sha256?: string;
  /** Default false. */
  readonly disabled?: boolean;
}

/** Input of `keys.ensure`: a key whose token is given. */
export interface EnsureKeyInput<Permission extends string = string> extends CreateKeyInput<Permission> {
  /** String that callers send. Only a digest is stored. */
  readonly token: string;
  /** Default: not changed; false for a new key. */
  readonly disabled?: boolean;
}

/** Changes of a key. Agents and expiry cannot change. */
export interface UpdateKeyInput<Permission extends string = string> {
  readonly name?: string;
  readonly permissions?: readonly Permission[];
  /** Requests with a disabled key are denied until it is enabled again. */
  readonly disabled?: boolean;
  /** As for `create`. An empty array: any address. */
  readonly allowedIps?: readonly string[];
  /** At most 4 limits with different windows. Null: the app's defaults. Empty: none. */
  readonly rateLimit?: readonly RateLimitInput[] | null;
  readonly owner?: KeyOwner | null;
  readonly contact?: string | null;
  /** Replaces all of it. */
  readonly metadata?: KeyMetadata;
}

/** Input of `keys.rotate`. Default expiry of the new key: the lifetime of the old one, from now. */
export interface RotateKeyInput extends Expiry {
  /** Time for which the old key is still accepted, never beyond its expiry. 0 revokes it at once, on every clock. */
  readonly overlap: Duration;
}

export interface ListKeysInput<Permission extends string = string> extends KeyFilterInput<Permission> {
  /** Default `'default'`. */
  readonly workspaceId?: string;
  /** Part of the name or id, in any case, or a masked token. Compatibility forms of Unicode are equal. */
  readonly q?: string;
  /** Default `'created'`. */
  readonly sort?: KeySort;
  /** Default: newest first, names from A, soonest expiry first. */
  readonly order?: 'asc' | 'desc';
  /** 1–200, default 50. */
  readonly limit?: number;
  /** `cursor` of the previous page. */
  readonly cursor?: string;
}

/** Result of `revokeAll` and `disableAll`. */
export interface ChangedKeys<Permission extends string = string> {
  readonly dryRun: boolean;
  /** Number of keys that were changed; with `dryRun`, that would be. */
  readonly count: number;
  /** The first 20 of these keys, as they were before. */
  readonly sample: readonly ApiKey<Permission>[];
  /** Null if all keys were examined. Otherwise pass it to the next call. */
  readonly cursor: string | null;
}

/** Scope of a call. */
export interface KeyContext {
  /** If set, keys of other workspaces are `key_not_found`. Default: keys of every workspace. */
  readonly workspaceId?: string;
}

/** Author of a change, for the audit log, and its precondition. */
export interface KeyMutationContext extends KeyContext {
  /** Person or program that makes the change, e.g. an e-mail address. Default null. */
  readonly actor?: string | null;
  /** Origin of the change, e.g. an IP address. Default null. */
  readonly source?: string | null;
  /** Revision that was read. Rejects with `conflict` if the key has changed since. Default: any. */
  readonly revision?: number;
}

/** Author of a new key, and an identifier to create it only once. */
export interface KeyCreationContext extends Omit<KeyMutationContext, 'revision'> {
  /**
   * 1–255 visible ASCII characters, such as a UUID, unique to this key. Use it again if you retry after an error with
   * unknown outcome. The id of the key derives from it, the workspace and the actor. While the key exists, creating it
   * again rejects with a `conflict` that names the key, in every process.
   */
  readonly idempotencyKey?: string;
}

export interface CreatedKey<Permission extends string = string> {
  readonly key: ApiKey<Permission>;
  /** Token for the caller. Returned here only; it cannot be read again. */
  readonly token: string;
}

export interface KeyList<Permission extends string = string> {
  readonly keys: ApiKey<Permission>[];
  /** Number of keys in the workspace, whatever `q` and the filters are. */
  readonly total: number;
  /** Number of keys that match `q` and the filters, on all pages. Null if not all keys were examined for this page. */
  readonly matching: number | null;
  /**
   * Cursor of the next page; null on the last. If there is a filter or `q`, a page ends after a bounded time: it can have
   * fewer keys than `limit`, or none, while this is not null.
   */
  readonly cursor: string | null;
}

/** Management of keys. Every method rejects with `KeyscopeError`, and can reject with `store_unavailable`. */
export interface KeyService<Permission extends string = string> {
  /**
   * Creates a key. Rejects with `invalid_request`, or `conflict` if `idempotencyKey` was used before.
   *
   * @example const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'] });
   */
  create(input: CreateKeyInput<Permission>, context?: KeyCreationContext): Promise<CreatedKey<Permission>>;
  /**
   * Imports a key whose token another system issued, so that its callers keep the token. For apps with
   * `importedTokens: true`. Rejects with `invalid_request`, with `conflict` if the token was imported before, or with
   * `invalid_options` without that option. A rotation gives the key a token of this app.
   */
  import(
    input: ImportKeyInput<Permission>,
    context?: Omit<KeyMutationContext, 'revision'>,
  ): Promise<ApiKey<Permission>>;
  /**
   * Creates a key with a given token if there is none, and otherwise gives the key these fields: for seeds that run at each
   * start, and fixed tokens of development. The token is one that `create` has returned, or with `importedTokens: true` any.
   * A key that has expired or has other agents is replaced. A column that is absent or undefined is left as it is.
   */
  ensure(
    input: EnsureKeyInput<Permission>,
    context?: Omit<KeyMutationContext, 'revision'>,
  ): Promise<ApiKey<Permission>>;
  /** Rejects with `key_not_found`. */
  get(id: string, context?: KeyContext): Promise<ApiKey<Permission>>;
  /** One page of a workspace's keys, including expired and disabled ones. Rejects with `invalid_request`. */
  list(input?: ListKeysInput<Permission>): Promise<KeyList<Permission>>;
  /** Rejects with `key_not_found`, `invalid_request`, `immutable_field`, or `conflict` if the key has another `revision`. */
  update(id: string, changes: UpdateKeyInput<Permission>, context?: KeyMutationContext): Promise<ApiKey<Permission>>;
  /**
   * Creates a key with the same workspace, name, agents and permissions. The old one expires after `overlap`; 0 revokes
   * it at once, on every clock. Rejects as `update` does, and with `conflict` if the key is disabled, has expired,
   * or was rotated before: then its successor is the one to rotate.
   */
  rotate(id: string, input: RotateKeyInput, context?: KeyMutationContext): Promise<CreatedKey<Permission>>;
  /** Rejects with `key_not_found`, also the second time, and with `conflict` as `update` does. */
  delete(id: string, context?: KeyMutationContext): Promise<void>;
  /**
   * Deletes all keys that match, one by one, with an audit entry each. A key that changes in between is compared with the
   * conditions again. If the call rejects, the keys so far are deleted: call it again. Rejects with `invalid_request` if
   * there is no condition.
   *
   * @example await apiKeys.keys.revokeAll({ owner: { kind: 'user', id: 'u-17' } }, { dryRun: true });
   */
  revokeAll(selection: KeySelection<Permission>, options?: ChangeAllOptions): Promise<ChangedKeys<Permission>>;
  /** The same, but the keys are disabled, and can be enabled again. Disabled keys are left out. */
  disableAll(selection: KeySelection<Permission>, options?: ChangeAllOptions): Promise<ChangedKeys<Permission>>;
}

/** Public columns of a record, and the masked token. */
export function toApiKey<Permission extends string = string>(record: KeyRecord): ApiKey<Permission> {
  const { prefix, id, last4, alias } = record;
  const masked = alias === null ? maskToken(prefix, id, last4) : maskImportedToken(prefix, last4);
  return { ...publicFields(record), permissions: [...record.permissions] as Permission[], masked };
}
