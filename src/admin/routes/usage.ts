import type { Usage, UsageService } from '../../usage/service';
import { inputError } from '../../validate-input';
import { defineRoute, type Route } from '../operation';
import {
  usageListSchema,
  usageOfKeysQuerySchema,
  usageQuerySchema,
  usageSchema,
  type WireUsage,
} from '../usage-schemas';

/** As many as one page of keys can have. */
const MAX_KEYS = 200;

function toWire({ keyId, lastUsedAt, days }: Usage): WireUsage {
  return {
    keyId,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    days: days.map(({ date, allowed, denied, reasons }) => ({ date, allowed, denied, reasons })),
  };
}

function readIds(text: string): string[] {
  const ids = text.split(',');
  if (text !== '' && ids.length <= MAX_KEYS) return ids;
  const message = `Give 1–${MAX_KEYS} ids of keys with commas between them.`;
  throw inputError('The request', [{ path: 'keys', message }]);
}

export function createUsageRoutes(usage: UsageService): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/keys/:id/usage',
      operationId: 'getKeyUsage',
      summary: 'How often a key was used on each of the last days',
      query: usageQuerySchema,
      answer: { status: 200, description: 'Its use, day by day.', schema: usageSchema },
      errors: ['key_not_found'],
      async handle({ identity: { workspaceId }, params, query }) {
        return { status: 200, body: toWire(await usage.get(params.id as string, { ...query, workspaceId })) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/usage',
      operationId: 'listUsage',
      summary: 'How often several keys were used, for a page of them',
      query: usageOfKeysQuerySchema,
      answer: {
        status: 200,
        description: "The keys' use in the order of the ids, without those that the workspace does not have.",
        schema: usageListSchema,
      },
      async handle({ identity: { workspaceId }, query: { keys, ...options } }) {
        const found = await usage.getMany(readIds(keys), { ...options, workspaceId });
        return { status: 200, body: { usage: found.map(toWire) } };
      },
    }),
  ];
}
