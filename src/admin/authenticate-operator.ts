import type { Request } from 'express';
import { z } from 'zod';
import { KeyscopeError } from '../errors';
import { externalId, isPlainText } from '../field-schemas';
import { parseInput } from '../validate-input';
import type { Operator } from './handler';
import type { Authenticate } from './options';

const ACTOR_MESSAGE =
  'Expected the operator, such as an e-mail address, as a string of 1–200 characters, or null if it is unknown.';

const NAME_MESSAGE = 'Expected a name of 1–100 characters.';

const OPERATOR_MESSAGE = 'Expected { workspaceId, actor }, or null if the request is not signed in.';

// Strict: a misspelt `readonly` must not give write access.
const operatorSchema = z.strictObject(
  {
    workspaceId: externalId,
    actor: z
      .string(ACTOR_MESSAGE)
      .refine((text) => isPlainText(text, 200), ACTOR_MESSAGE)
      .nullable(),
    readOnly: z.boolean().default(false),
    workspaceName: z
      .string(NAME_MESSAGE)
      .refine((text) => isPlainText(text, 100), NAME_MESSAGE)
      .optional(),
  },
  { error: ({ code }) => (code === 'invalid_type' ? OPERATOR_MESSAGE : undefined) },
);

/**
 * Calls the app's `authenticate`. A result that is no valid operator is reported and counts as not signed in, so the
 * request is denied.
 */
export function createAuthenticateOperator(authenticate: Authenticate, report: (error: KeyscopeError) => void) {
  return async function authenticateOperator(req: Request): Promise<Operator | null> {
    try {
      const result: unknown = await authenticate(req);
      if (result === null || result === undefined || result === false) return null;
      return parseInput(operatorSchema, result, 'authenticate', 'invalid_options');
    } catch (cause) {
      const reason = cause instanceof KeyscopeError ? cause.message : 'it threw, or its promise was rejected.';
      report(new KeyscopeError('internal_error', `adminRouter: authenticate failed: ${reason}`, { cause }));
      return null;
    }
  };
}
