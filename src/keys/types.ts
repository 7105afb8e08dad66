import { publicFields } from '../store/key-fields';
import type { Agents, KeyRecord, KeySort } from '../store/records';
import { maskImportedToken, maskToken } from '../token/mask';

/** A key as it is shown: everything but its token, which nobody can get back. */
export interface ApiKey<Permission extends string = string> {
  /** The public id; safe to log and to put in addresses. */
  readonly id: string;
  /**
   * A label for people. Stored as given but for spaces at its ends: in writing that runs from right to left, directional
   * marks are part of it, so whoever shows names isolates them (`<bdi>` in HTML).
   */
  readonly name: string;
  readonly workspaceId: string;
  /** `'all'`: every agent of the workspace, now and later. */
  readonly agents: Agents;
  readonly permissions: readonly Permission[];
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  /** The key works before this moment, not at it. */
  readonly expiresAt: Date;
  readonly disabled: boolean;
  /** 1 at first, one more with every change; give it to `update` to change only what was seen. */
  readonly revision: number;
  /** What to recognise the token by, e.g. `ks_8MPC************YphQ`; of an imported one perhaps only the asterisks. */
  readonly masked: string;
  /** The id of the key that this one replaced. */
  readonly rotatedFrom: string | null;
  /** The id of the key that replaced this one. */
  readonly rotatedTo: string | null;
}

/** A point in time: a Date, milliseconds since the epoch, or ISO 8601 text with a zone; a date alone begins in UTC. */
export type Time = Date | string | number;
/** A length of time: milliseconds, or text such as `'90d'`, `'12h'`, `'30m'`, `'45s'`, `'2w'`. A day is 24 hours. */
export type Duration = number | string;

/** When a key ends. Neither given: after the default lifetime. Both given: an error. At the latest in the year 9999. */
export interface Expiry {
  readonly expiresAt?: Time;
  readonly expiresIn?: Duration;
}

export interface CreateKeyInput<Permission extends string = string> extends Expiry {
  /** Default `'default'`. 1–128 characters. */
  readonly workspaceId?: string;
  /** 1–100 characters. Need not be unique. */
  readonly name: string;
  /** `'all'`, or 1–1,000 distinct ids. Cannot be changed later. */
  readonly agents: Agents;
  /** At least one, each once, all of them declared. */
  readonly permissions: readonly Permission[];
  /** Who asked for the key. Default: the context's `actor`. */
  readonly createdBy?: string | null;
}

/** A key whose token was made elsewhere and goes on being used. One of `token` and `sha256` is needed. */
export interface ImportKeyInput<Permission extends string = string> extends CreateKeyInput<Permission> {
  /** The text that callers send: 8–512 visible ASCII characters. Only a digest is stored. */
  readonly token?: string;
  /** SHA-256 of that text, where only that is known: hexadecimal, base64 or base64url. */
  readonly sha256?: string;
  /** Default false. */
  readonly disabled?: boolean;
}

/** What may change about a key. Its agents and its expiry may not. */
export interface UpdateKeyInput<Permission extends string = string> {
  readonly name?: string;
  readonly permissions?: readonly Permission[];
  /** A disabled key is refused until it is enabled again. */
  readonly disabled?: boolean;
}

/** The new key's expiry; by default it lives as long as the old one was made to, counted from now. */
export interface RotateKeyInput extends Expiry {
  /** For how long the old key still works. 0 revokes it at once, whatever clocks say. Never longer than it would have. */
  readonly overlap: Duration;
}

export interface ListKeysInput {
  /** Default `'default'`. */
  readonly workspaceId?: string;
  /** Part of the name; case and compatibility forms do not count. */
  readonly q?: string;
  /** Default `'created'`. */
  readonly sort?: KeySort;
  /** Default: newest first, names from A, soonest expiry first. */
  readonly order?: 'asc' | 'desc';
  /** 1–200, default 50. */
  readonly limit?: number;
  /** The `cursor` of the page before. */
  readonly cursor?: string;
}

/** Whose keys a call is about. */
export interface KeyContext {
  /** Given, another workspace's key is `key_not_found`. Left out, every workspace's can be reached. */
  readonly workspaceId?: string;
}

/** Who changes something, for the audit trail, and what they insist on. */
export interface KeyMutationContext extends KeyContext {
  readonly actor?: string | null;
  /** From where: an IP address or the like. */
  readonly source?: string | null;
  /** The revision that was seen; `conflict` where the key has changed since. */
  readonly revision?: number;
}

/** Who makes a key, and whether they may have asked for it before. */
export interface KeyCreationContext extends Omit<KeyMutationContext, 'revision'> {
  /**
   * 1–255 visible ASCII characters, such as a UUID, made for this one key and kept for when its creation is tried again
   * after a failure that leaves open whether it happened. The key's id follows from it, from the workspace and from the
   * actor: while the key exists, making it again is a `conflict` that names it, in whichever process.
   */
  readonly idempotencyKey?: string;
}

export interface CreatedKey<Permission extends string = string> {
  readonly key: ApiKey<Permission>;
  /** The text to hand to whoever uses the key. It exists here and nowhere else. */
  readonly token: string;
}

export interface KeyList<Permission extends string = string> {
  readonly keys: ApiKey<Permission>[];
  /** What to give for the next page; null on the last. */
  readonly cursor: string | null;
}

/** What operators see of a record: the public columns, and the masked token. */
export function toApiKey<Permission extends string = string>(record: KeyRecord): ApiKey<Permission> {
  const { prefix, id, last4, alias } = record;
  const masked = alias === null ? maskToken(prefix, id, last4) : maskImportedToken(prefix, last4);
  return { ...publicFields(record), permissions: [...record.permissions] as Permission[], masked };
}
