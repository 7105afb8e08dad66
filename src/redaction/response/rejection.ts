import { KeyscopeError } from '../../errors';

/** A response that can be rejected. `error` is undefined if it was not, or if only the body of an error response was. */
export interface Rejectable {
  readonly error: KeyscopeError | undefined;
}

/** Called by an interceptor, at most once each. */
export interface InterceptorEvents {
  /** The response was rejected before it had begun: another is sent instead. */
  onReject(error: KeyscopeError): void;
  /** The body of an error response was rejected: a problem document with the same status is sent instead. */
  onReplace(): void;
  /** The response was rejected after it had begun, and must be destroyed. */
  onAbort(error: KeyscopeError): void;
  /** The handler has ended the response, or it has been rejected. */
  onEnd(): void;
}

export function asKeyscopeError(error: unknown): KeyscopeError {
  if (error instanceof KeyscopeError) return error;
  return new KeyscopeError('unredactable_response', 'The response could not be redacted.', { cause: error });
}
