import { z } from 'zod';

const count = z.int().min(0);

export const usageSchema = z
  .object({
    keyId: z.string(),
    lastUsedAt: z.iso.datetime().nullable().meta({
      description:
        'Time of the last request with the key and its secret, allowed or denied, to the minute. Null if there was none.',
    }),
    days: z
      .array(
        z.object({
          date: z.iso.date().meta({ description: 'In UTC.' }),
          allowed: count.meta({ description: 'Allowed requests.' }),
          denied: count.meta({ description: 'Denied requests that had the right secret.' }),
          reasons: z
            .record(z.string(), count)
            .meta({ description: 'Denied requests by code, such as `permission_denied`.' }),
        }),
      )
      .meta({ description: 'Oldest first, without gaps. The last day is today.' }),
  })
  .meta({ description: 'Requests with a key, by day. Some seconds behind.' });

export const usageListSchema = z.object({ usage: z.array(usageSchema) });

const days = z
  .int()
  .optional()
  .meta({ minimum: 1, maximum: 90, description: 'Number of days, including today. Default 30.' });
export const usageQuerySchema = z.strictObject({ days });
export const usageOfKeysQuerySchema = z.strictObject({
  keys: z.string().meta({ description: '1–200 ids of keys, separated by commas.' }),
  days,
});

/** Names of the schemas in the OpenAPI document. */
export const USAGE_SCHEMAS: readonly [z.ZodType, string][] = [
  [usageSchema, 'Usage'],
  [usageListSchema, 'UsageList'],
];

export type WireUsage = z.infer<typeof usageSchema>;
