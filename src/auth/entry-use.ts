import type { Caches } from '../cache/caches';
import type { ReadThroughCache } from '../cache/read-through-cache';
import type { Clock } from '../clock';
import { type ErrorCode, KeyscopeError } from '../errors';
import { type EndedEvent, warnOfFailure } from '../events';
import type { CachedKey } from './request-api-key';

/** Why a use ended, as the error that a request would get now. */
export interface UseEnd {
  readonly reason: EndedEvent['reason'];
  readonly code: ErrorCode;
  readonly message: string;
}

export function unavailableEnd(reason: UseEnd['reason'], message: string): UseEnd {
  return { reason, code: 'store_unavailable', message };
}

const reasons = new WeakMap<UseEnd, KeyscopeError>();

/** The reason of signals that abort by this. They share it: creating an error takes longer than the rest of an abort. */
export function abortReasonOf(end: UseEnd): KeyscopeError {
  let reason = reasons.get(end);
  if (reason === undefined) {
    reason = new KeyscopeError(end.code, end.message);
    reasons.set(end, reason);
  }
  return reason;
}

/** A use of a cache entry that lasts longer than its authorization: an open response, or a signal. */
export interface EntryUse<Entry extends object> {
  /** The id of the entry. */
  readonly watchedId: string;
  /** The entry that it was authorized by. */
  readonly accepted: Entry;
  /** The denial that it would get now; null if it is allowed. `entry`: null if the id has none. */
  check(entry: Entry | null, wall: number): UseEnd | null;
  /** Whether it is over, so that it need not be watched. */
  isOver(): boolean;
  /** Ends it. Returns false if it cannot be ended yet; this is called again then. */
  end(end: UseEnd): boolean;
}

/** Uses that could not be ended, because a function of the app has thrown. */
const failed = new WeakSet<object>();

/**
 * Ends a use that would be denied. An app can have replaced a method of a response by one that throws: that must not keep
 * other uses from ending. The use is then tried again at the next check.
 *
 * @param end - Denies every use; null if the entry decides.
 * @returns `closed`: it has ended now, and closed a connection.
 */
export function endIfDenied<Entry extends object>(
  use: EntryUse<Entry>,
  end: UseEnd | null,
  entry: Entry | null,
  wall: number,
): 'kept' | 'over' | 'closed' {
  try {
    const denial = end ?? use.check(entry, wall);
    if (use.isOver()) return 'over';
    if (denial === null || !use.end(denial)) return 'kept';
    return use.isOver() ? 'closed' : 'over';
  } catch (error) {
    if (!failed.has(use)) warnOfFailure('A response could not be ended with its key or feature: a method of it', error);
    failed.add(use);
    return 'kept';
  }
}

/** The caches of keys and configurations. */
export type EntryCaches = Pick<Caches<CachedKey>, 'keys' | 'projects'>;

/** The entry that a requirement depends on, read again. */
export interface Reread {
  isValid(wall: number): boolean;
  /** Null if the requirement is met. */
  denial(wall: number): UseEnd | null;
}

/**
 * Reads an entry if it is not in the cache.
 *
 * @param isOwn - See `readValid`.
 */
export async function readAgain<Entry extends object>(
  { cache, id, isOwn, clock }: { cache: ReadThroughCache<Entry>; id: string; isOwn: boolean; clock: Clock },
  denialFor: (entry: Entry | null, wall: number) => UseEnd | null,
): Promise<Reread> {
  const cached = isOwn ? undefined : cache.getHandle(id, clock.wall());
  const handle = cached ?? (await (isOwn ? cache.loadFresh(id) : cache.load(id)));
  return {
    isValid: (wall) => handle.isValid(wall),
    denial: (wall) => denialFor(handle.value, wall),
  };
}
