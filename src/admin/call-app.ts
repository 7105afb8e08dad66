import type { z } from 'zod';
import { KeyscopeError } from '../errors';
import { parseInput } from '../validate-input';

/** The validated result of a function of the app. If it is invalid, the server is at fault, not the operator. */
export async function callApp<S extends z.ZodType>(name: string, schema: S, call: () => unknown): Promise<z.output<S>> {
  try {
    return parseInput(schema, await call(), name, 'invalid_options');
  } catch (cause) {
    const message = `\`${name}\` of the app failed. The server has reported the cause.`;
    throw new KeyscopeError('internal_error', message, { cause });
  }
}
