import { KeyscopeError } from '../errors';

/** A mistake in how a command was called: one sentence, and exit code 2. */
export function usageError(sentence: string): KeyscopeError {
  return new KeyscopeError('invalid_options', sentence);
}
