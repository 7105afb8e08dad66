import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import { errorForNext } from './problem-response';

const ASYNC =
  'returned a promise. It must return a string or undefined at once: if it has to wait, wait in a middleware before, and ' +
  'let the function read the result from the request.';

/**
 * Calls a function of the app that reads a value from a request.
 *
 * @param option - Name of the option that the function was given in, for the error.
 * @throws What the function throws, as an error for `next`. `invalid_options` if it returns a promise.
 */
export function callSource(source: (req: Request) => unknown, req: Request, option: string): unknown {
  let value: unknown;
  try {
    value = source(req);
  } catch (thrown) {
    throw errorForNext(thrown);
  }
  if (typeof value !== 'object' || value === null || !('then' in value)) return value;
  // An unhandled rejection would end the process.
  Promise.resolve(value).catch(() => {});
  throw new KeyscopeError('invalid_options', `The function in \`${option}\` ${ASYNC}`);
}
