import { z } from 'zod';

const count = z.int().min(0);

export const usageSchema = z
  .object({
    keyId: z.string(),
    lastUsedAt: z.iso.datetime().nullable().meta({
      description:
        'To the minute: the last request that came with the key and its secret, let in or not. Null: none did.',
    }),
    days: z
      .array(
        z.object({
          date: z.iso.date().meta({ description: 'In UTC.' }),
          allowed: count.meta({ description: 'Requests that were let in.' }),
          denied: count.meta({ description: 'Requests that came with the key and its secret and were refused.' }),
          reasons: z.record(z.string(), count).meta({ description: 'Those by code, e.g. `permission_denied`.' }),
        }),
      )
      .meta({ description: 'Oldest first, without gaps; the last one is today.' }),
  })
  .meta({ description: 'How often a key was used, as far as its requests have been stored: some seconds behind.' });

export const usageListSchema = z.object({ usage: z.array(usageSchema) });

const days = z
  .int()
  .optional()
  .meta({ minimum: 1, maximum: 90, description: 'How many days, today among them. Default 30.' });
export const usageQuerySchema = z.strictObject({ days });
export const usageOfKeysQuerySchema = z.strictObject({
  keys: z.string().meta({ description: '1–200 ids of keys with commas between them.' }),
  days,
});

/** What each schema is called in the OpenAPI document. */
export const USAGE_SCHEMAS: readonly [z.ZodType, string][] = [
  [usageSchema, 'Usage'],
  [usageListSchema, 'UsageList'],
];

export type WireUsage = z.infer<typeof usageSchema>;
