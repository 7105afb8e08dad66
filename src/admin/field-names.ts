import { z } from 'zod';
import { parseInput } from '../validate-input';

/**
 * Checks that a body is an object with the fields of a schema only. The values are validated later, by the service.
 *
 * @throws {KeyscopeError} `invalid_request`
 */
export function checkFieldNames(schema: z.ZodObject, body: unknown): void {
  const names = Object.keys(schema.shape).map((name) => [name, z.unknown().optional()]);
  parseInput(z.strictObject(Object.fromEntries(names)), body, 'The request');
}
