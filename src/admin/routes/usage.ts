import type { Usage, UsageService } from '../../usage/service';
import { inputError } from '../../validate-input';
import { defineOperation, type Operation } from '../operation';
import {
  usageListSchema,
  usageOfKeysQuerySchema,
  usageQuerySchema,
  usageSchema,
  type WireUsage,
} from '../usage-schemas';

/** The maximum of one page of keys. */
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
  const message = `Expected 1–${MAX_KEYS} ids of keys, separated by commas.`;
  throw inputError('The request', [{ path: 'keys', message }]);
}

export function createUsageOperations(usage: UsageService): Operation[] {
  return [
    defineOperation({
      method: 'GET',
      path: '/keys/:id/usage',
      operationId: 'getKeyUsage',
      summary: 'Get the usage of a key, by day',
      query: usageQuerySchema,
      response: { status: 200, description: 'The usage, day by day.', schema: usageSchema },
      errors: ['key_not_found'],
      async handle({ operator: { workspaceId }, params, query }) {
        return { status: 200, body: toWire(await usage.get(params.id as string, { ...query, workspaceId })) };
      },
    }),
    defineOperation({
      method: 'GET',
      path: '/usage',
      operationId: 'listUsage',
      summary: 'Get the usage of several keys',
      query: usageOfKeysQuerySchema,
      response: {
        status: 200,
        description:
          'The usage of each key, in the order of the ids. Ids that the workspace does not have are left out.',
        schema: usageListSchema,
      },
      async handle({ operator: { workspaceId }, query: { keys, ...options } }) {
        const found = await usage.getMany(readIds(keys), { ...options, workspaceId });
        return { status: 200, body: { usage: found.map(toWire) } };
      },
    }),
  ];
}
