import { z } from 'zod';
import { LEAK_OUTCOMES, LEAK_POLICIES } from '../store/leak-report';

export const leakBodySchema = z.strictObject({
  tokenOrId: z.string().meta({ description: 'The token, also an imported one, or the id of its key.' }),
  source: z
    .string()
    .meta({ description: 'Where the report comes from: 1–200 characters.', examples: ['support ticket'] }),
  url: z.string().nullable().optional().meta({ description: 'Where the token was found: up to 2000 characters.' }),
  policy: z.enum(LEAK_POLICIES).optional().meta({ description: 'Policy for the key. Default: that of the app.' }),
});

export const leakReportSchema = z.object({
  outcome: z.enum(LEAK_OUTCOMES).meta({
    description: '`already_revoked`: nothing was changed. `unknown`: no key of the workspace has this token.',
  }),
  keyId: z.string().nullable().meta({ description: 'Null if the outcome is `unknown`.' }),
});

/** With their names in the OpenAPI document. */
export const LEAK_SCHEMAS: readonly (readonly [z.ZodType, string])[] = [
  [leakBodySchema, 'LeakInput'],
  [leakReportSchema, 'LeakReport'],
];
