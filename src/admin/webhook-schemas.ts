import { z } from 'zod';
import { cursor, limit } from '../field-schemas';
import { WEBHOOK_TYPES } from '../webhooks/endpoints';
import { time } from './key-schema';

const webhookType = z.enum(WEBHOOK_TYPES);
const url = z.string().meta({ description: 'URL of the endpoint.' });

export const webhookEndpointListSchema = z.object({
  endpoints: z.array(
    z
      .object({
        url,
        types: z.array(webhookType).nullable().meta({ description: 'Types that the endpoint gets. Null: all.' }),
      })
      .meta({ description: 'An endpoint that the app has configured.' }),
  ),
});

export const failedWebhookListSchema = z.object({
  webhooks: z.array(
    z
      .object({
        id: z.string(),
        url,
        type: webhookType,
        eventId: z.string().meta({ description: 'Id of the event, as in the header `webhook-id`.' }),
        target: z.string().meta({ description: 'The id of the key or project.' }),
        attempts: z.int().min(0),
        lastError: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
        failedAt: time,
      })
      .meta({ description: 'A webhook that was given up.' }),
  ),
  cursor: z.string().nullable().meta({ description: '`cursor` of the next page. Null on the last page.' }),
});

export const failedWebhookQuerySchema = z.strictObject({ limit, cursor });

/** With their names in the OpenAPI document. */
export const WEBHOOK_SCHEMAS: readonly (readonly [z.ZodType, string])[] = [
  [webhookEndpointListSchema, 'WebhookEndpointList'],
  [failedWebhookListSchema, 'FailedWebhookList'],
];

export type WireWebhookEndpoint = z.infer<typeof webhookEndpointListSchema>['endpoints'][number];
export type WireFailedWebhook = z.infer<typeof failedWebhookListSchema>['webhooks'][number];
