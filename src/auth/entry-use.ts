import { type ErrorCode, KeyscopeError } from '../errors';
import type { EndedEvent } from '../events';

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
