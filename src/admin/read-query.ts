import { z } from 'zod';
import { inputError, parseInput } from '../validate-input';

const NO_QUERY = z.strictObject({});
const WHOLE_NUMBER = /^\d{1,9}$/;

function takesNumber(schema: z.ZodObject, name: string): boolean {
  const field: unknown = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
  const inner = field instanceof z.ZodOptional ? field.unwrap() : field;
  return inner instanceof z.ZodNumber;
}

/**
 * What a query string says, by a schema. Read here, not by the app's `query parser`, which may make lists and objects of
 * what is one text elsewhere.
 *
 * @throws {KeyscopeError} `invalid_request`, also for a parameter that comes twice.
 */
export function readQuery(schema: z.ZodObject = NO_QUERY, search: string, what: string): unknown {
  const given: Record<string, unknown> = Object.create(null);
  const repeated: string[] = [];
  for (const [name, text] of new URLSearchParams(search)) {
    if (name in given) repeated.push(name);
    given[name] = takesNumber(schema, name) && WHOLE_NUMBER.test(text) ? Number(text) : text;
  }
  const query = parseInput(schema, given, what);
  if (repeated.length === 0) return query;
  throw inputError(
    what,
    repeated.map((path) => ({ path, message: 'Give it once; it came more than once.' })),
  );
}
