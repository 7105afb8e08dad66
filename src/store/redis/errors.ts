import { KeyscopeError } from '../../errors';

/**
 * ioredis hangs the command, with all its arguments, on the errors that Redis replies with. A digest may be among them,
 * and errors get logged.
 */
function withoutArguments(cause: unknown): unknown {
  if (cause instanceof Error && 'command' in cause) delete cause.command;
  return cause;
}

/** An error for "the store cannot say", for whatever reason. Its message goes to callers of the API: no host names. */
export function unavailable(message: string, cause?: unknown): KeyscopeError {
  return new KeyscopeError('store_unavailable', message, { cause: withoutArguments(cause) });
}

/** An error for a server that answers, but must not be used: see `ServerConnection.problem`. */
export function unusable(problem: string): KeyscopeError {
  return unavailable('The key store cannot be used. The cause of this error says why.', new Error(`${problem}.`));
}

/**
 * An error for what is stored, but is not what it should be. Its message goes to whoever asked, perhaps with a token that
 * proves nothing yet; the cause is for who runs the store, and names the entry in Redis, never what stands in it.
 */
export function unreadable(where: string, what = 'Redis sent something else'): KeyscopeError {
  const cause = new Error(`The entry ${where} in Redis cannot be read: ${what}.`);
  return unavailable('An entry in the key store cannot be read. The cause of this error says which, and why.', cause);
}

/** Redis has answered, and its answer is no: nothing was done. Otherwise nobody knows what was done. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** The word with which Redis begins an error: `OOM`, `READONLY`, `NOPERM`… */
export function refusalCode(error: Error): string {
  return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
}
