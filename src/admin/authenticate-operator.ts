import type { Request } from 'express';
import { z } from 'zod';
import { KeyscopeError } from '../errors';
import { externalId, isPlainText } from '../field-schemas';
import { parseInput } from '../validate-input';
import type { Identity } from './handler';
import type { Authenticate } from './options';

const ACTOR = 'Give who is signed in, e.g. an e-mail address, as text of 1–200 characters; null where nobody can say.';

// Strict: a `readonly` that should have been `readOnly` must not let anybody write.
const identitySchema = z.strictObject({
  workspaceId: externalId,
  actor: z
    .string(ACTOR)
    .refine((text) => isPlainText(text, 200), ACTOR)
    .nullable(),
  readOnly: z.boolean().default(false),
});

/**
 * Asks the app who is signed in. Whatever is not clearly an identity is nobody, and what went wrong is reported: the
 * request is refused like any stranger's.
 */
export function createIdentify(authenticate: Authenticate, report: (error: KeyscopeError) => void) {
  return async function identify(req: Request): Promise<Identity | null> {
    try {
      const answer: unknown = await authenticate(req);
      if (answer === null || answer === undefined || answer === false) return null;
      return parseInput(identitySchema, answer, 'authenticate', 'invalid_options');
    } catch (cause) {
      const why = cause instanceof KeyscopeError ? cause.message : 'it threw, or its promise was rejected.';
      report(new KeyscopeError('internal_error', `adminRouter could not tell who is signed in: ${why}`, { cause }));
      return null;
    }
  };
}
