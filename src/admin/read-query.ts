import { z } from 'zod';
import { inputError, parseInput } from '../validate-input';

const EMPTY_QUERY = z.strictObject({});
const WHOLE_NUMBER = /^\d{1,9}$/;

function takesNumber(schema: z.ZodObject, name: string): boolean {
  const field: unknown = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
  const inner = field instanceof z.ZodOptional || field instanceof z.ZodDefault ? field.unwrap() : field;
  return inner instanceof z.ZodNumber;
}

function takesList(schema: z.ZodObject, name: string): boolean {
  return Object.hasOwn(schema.shape, name) && (schema.shape[name] as z.ZodType).meta()?.type === 'array';
}

/**
 * The parameters of a query string, validated by a schema. The app's `query parser` is not used: it may return arrays
 * and objects for one string.
 *
 * @throws {KeyscopeError} `invalid_request`, also if a parameter is repeated that takes one value.
 */
export function readQuery(schema: z.ZodObject = EMPTY_QUERY, search: string, what: string): unknown {
  const given: Record<string, unknown> = Object.create(null);
  const repeated = new Set<string>();
  for (const [name, text] of new URLSearchParams(search)) {
    if (takesList(schema, name)) {
      given[name] = [...((given[name] as string[] | undefined) ?? []), text];
      continue;
    }
    if (name in given) repeated.add(name);
    given[name] = takesNumber(schema, name) && WHOLE_NUMBER.test(text) ? Number(text) : text;
  }
  const query = parseInput(schema, given, what);
  if (repeated.size === 0) return query;
  throw inputError(
    what,
    [...repeated].map((path) => ({ path, message: 'Expected this parameter once, received it more than once.' })),
  );
}
