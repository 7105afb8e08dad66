import { KeyscopeError } from '../../errors';

/**
 * Removes the command from an error. ioredis attaches the command, with all its arguments, to the errors that Redis
 * replies with. The arguments can include a digest, and errors are logged.
 */
function withoutArguments(cause: unknown): unknown {
  if (cause instanceof Error && 'command' in cause) delete cause.command;
  return cause;
}

/**
 * Error for a store that cannot give a result, for any reason. The message is sent to callers of the API: no host
 * names.
 */
export function unavailable(message: string, cause?: unknown): KeyscopeError {
  return new KeyscopeError('store_unavailable', message, { cause: withoutArguments(cause) });
}

/** Error for a server that replies, but must not be used: see `ServerConnection.problem`. */
export function unusable(problem: string): KeyscopeError {
  return unavailable('The key store cannot be used. The cause of this error says why.', new Error(`${problem}.`));
}

/**
 * Error for a stored entry that is invalid. The message is sent to the caller, whose token may not be authenticated
 * yet. The cause is for the person who runs the store. It names the entry in Redis, and never contains its value.
 */
export function unreadable(where: string, what = 'Redis sent something else'): KeyscopeError {
  const cause = new Error(`The entry ${where} in Redis cannot be read: ${what}.`);
  return unavailable('An entry in the key store cannot be read. The cause of this error says which, and why.', cause);
}

/** Whether Redis replied with an error, so that nothing was done. After any other error, the outcome is unknown. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** The word that begins an error from Redis: `OOM`, `READONLY`, `NOPERM`… */
export function refusalCode(error: Error): string {
  return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
}
