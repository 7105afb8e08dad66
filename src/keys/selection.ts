import type { KeyMetadata, KeyOwner } from '../store/column-codecs';
import type { KeyStatus } from '../store/key-search';

/**
 * A point in time: a Date, milliseconds since the epoch, or an ISO 8601 string with a zone. A date alone begins in UTC.
 *
 * @example '2031-05-01'
 * @example '2031-05-01T12:00:00Z'
 */
export type Time = Date | string | number;
/** A duration: milliseconds, or a string such as `'90d'`, `'12h'`, `'30m'`, `'45s'`, `'2w'`. A day is 24 hours. */
export type Duration = number | string;

/** Conditions on keys. All that are given must hold. */
export interface KeyFilterInput<Permission extends string = string> {
  /**
   * `active`: neither disabled nor expired. `disabled`: disabled and not expired. `expired`: also by a rotation.
   * `rotated`: replaced by another key, whether it has expired or not.
   */
  readonly status?: KeyStatus;
  /** Keys that expire within this time, and have not yet. At least a minute. */
  readonly expiringWithin?: Duration;
  /**
   * Keys that were neither used nor created in this time. At least a minute. Denied requests count as use. Processes
   * store the last use every few seconds.
   */
  readonly unusedFor?: Duration;
  readonly permission?: Permission;
  /** Keys that name this agent. `'all'`: keys for all agents, which no other value includes. */
  readonly agent?: string;
  /** Keys of this owner, also as `'user:u-17'`. Null or `'none'`: keys without one. */
  readonly owner?: KeyOwner | string | null;
  /** Null: keys without an environment. */
  readonly environment?: string | null;
  /** Keys with these pairs, all of them; also as `'team=billing'`, or an array of these. */
  readonly metadata?: KeyMetadata | string | readonly string[];
  /** Null: keys of which it is unknown. */
  readonly createdBy?: string | null;
}

/** Keys that `revokeAll` and `disableAll` change. At least one condition, or `all: true` for all keys of the workspace. */
export interface KeySelection<Permission extends string = string> extends KeyFilterInput<Permission> {
  /** As for `list`. */
  readonly q?: string;
  /** Every key of the workspace. Not with another condition. */
  readonly all?: true;
}

export interface ChangeAllOptions {
  /** Workspace of the keys. Default `'default'`. */
  readonly workspaceId?: string;
  /** Counts the keys, and changes none. Default false. */
  readonly dryRun?: boolean;
  /** Stop after this number of keys, at least 1. Default: none. */
  readonly limit?: number;
  /** `cursor` of an earlier result, to go on after its keys. */
  readonly cursor?: string;
  /** As for a change of one key. */
  readonly actor?: string | null;
  readonly source?: string | null;
}
