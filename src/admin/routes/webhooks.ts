import { KeyscopeError } from '../../errors';
import { readCursor, writeCursor } from '../../pagination-cursor';
import type { FailedWebhook, WebhookService } from '../../webhooks/service';
import { defineOperation, type Operation } from '../operation';
import {
  failedWebhookListSchema,
  failedWebhookQuerySchema,
  type WireFailedWebhook,
  webhookEndpointListSchema,
} from '../webhook-schemas';

const OFFSET = /^[1-9]\d{0,3}$/;
const NOT_FOUND_MESSAGE = 'No webhook that was given up has this id.';

function toWire({ workspaceId: _, failedAt, ...webhook }: FailedWebhook): WireFailedWebhook {
  return { ...webhook, failedAt: failedAt.toISOString() };
}

export function createWebhookOperations(webhooks: WebhookService): Operation[] {
  return [
    defineOperation({
      method: 'GET',
      path: '/webhooks',
      operationId: 'listWebhookEndpoints',
      summary: 'List the webhook endpoints of the workspace, without their secrets',
      response: { status: 200, description: 'All endpoints.', schema: webhookEndpointListSchema },
      async handle({ operator: { workspaceId } }) {
        return { status: 200, body: { endpoints: await webhooks.endpoints({ workspaceId }) } };
      },
    }),
    defineOperation({
      method: 'GET',
      path: '/webhooks/failed',
      operationId: 'listFailedWebhooks',
      summary: 'List webhooks that were given up, latest first',
      query: failedWebhookQuerySchema,
      response: { status: 200, description: 'A page of webhooks.', schema: failedWebhookListSchema },
      async handle({ operator: { workspaceId }, query: { limit, cursor } }) {
        const listing = ['webhooks', workspaceId];
        const offset =
          cursor === undefined
            ? 0
            : Number(readCursor(listing, cursor, 'webhooks.failed', (position) => OFFSET.test(position)));
        const found = await webhooks.failed({ workspaceId, offset, limit });
        const next = offset + found.length;
        const isLast = found.length < limit || !OFFSET.test(String(next));
        const body = { webhooks: found.map(toWire), cursor: isLast ? null : writeCursor(listing, String(next)) };
        return { status: 200, body };
      },
    }),
    defineOperation({
      method: 'POST',
      path: '/webhooks/failed/:id/replay',
      operationId: 'replayWebhook',
      summary: 'Send a webhook again that was given up, with all its attempts',
      response: { status: 204, description: 'The webhook will be sent.' },
      errors: ['not_found'],
      async handle({ operator: { workspaceId }, params }) {
        const isFound = await webhooks.replay(params.id as string, { workspaceId });
        if (!isFound) throw new KeyscopeError('not_found', NOT_FOUND_MESSAGE);
        return { status: 204 };
      },
    }),
  ];
}
