import { z } from 'zod';
import type { ErrorCode } from '../errors';
import { externalId } from '../field-schemas';
import { createKeySchemas, ENSURE_FIELDS, type KeyInputSettings, listInputSchema } from '../keys/input-schemas';
import { projectInputSchema } from '../projects/service';
import { LEAK_POLICIES } from '../store/leak-report';
import { AUDIT_SCHEMAS } from './audit-schemas';
import { BULK_SCHEMAS } from './bulk-schemas';
import { keySchema, time } from './key-schema';
import { LEAK_SCHEMAS } from './leak-schemas';
import { REPORT_SCHEMAS } from './report-schemas';
import { USAGE_SCHEMAS } from './usage-schemas';
import { WEBHOOK_SCHEMAS } from './webhook-schemas';

/*
 * Schemas of responses: the source of the handlers' types and of the OpenAPI document. Queries and bodies use the schemas
 * of the services.
 */

export const keyWithTokenSchema = z
  .object({
    key: keySchema,
    token: z.string().meta({ description: 'The string to send with requests. It is in this response only.' }),
  })
  .meta({ description: 'A new key with its token.' });

const nextCursor = z.string().nullable().meta({ description: '`cursor` of the next page. Null on the last page.' });

export const keyListSchema = z.object({
  keys: z.array(keySchema),
  cursor: nextCursor.meta({
    description:
      '`cursor` of the next page. Null on the last page. With a filter, pages can be shorter than `limit`, or empty.',
  }),
  total: z.int().min(0).meta({ description: 'Number of keys in the workspace, whatever the search is.' }),
  matching: z
    .int()
    .min(0)
    .nullable()
    .meta({ description: 'Number of keys that match, on all pages. Null if not all keys were examined.' }),
});

export const keyQuerySchema = listInputSchema.omit({ workspaceId: true });

/** Bodies of the operations that create, update and rotate keys. */
export type KeyBodies = ReturnType<typeof createKeyBodies>;

export function createKeyBodies(settings: KeyInputSettings) {
  // For the document only: the key service validates, and knows the time.
  const { create, update, rotate } = createKeySchemas(settings, () => 0);
  const created = create.omit({ workspaceId: true, createdBy: true });
  return {
    create: created.meta({ description: 'Without an expiry, the key lives for the default lifetime.' }),
    ensure: created.extend(ENSURE_FIELDS).meta({
      description:
        'Fields that are left out do not change, if the key exists. Agents that are left out are all agents.',
    }),
    update: update.meta({ minProperties: 1, description: 'Fields that are left out do not change.' }),
    rotate: rotate.meta({ description: 'Without an expiry, the new key gets the lifetime of the old one, from now.' }),
  };
}

const metric = z.string().meta({ minLength: 1, maxLength: 200 });

export const configurationSchema = z
  .object({
    projectId: z.string(),
    transcript: z.boolean(),
    metrics: z.union([z.literal('all'), z.array(metric)]),
    updatedAt: time.nullable().meta({ description: 'Null if it was never set, or has been cleared.' }),
    configured: z
      .boolean()
      .meta({ description: 'False if the project has no configuration. Then nothing is enabled.' }),
  })
  .meta({ description: 'The features that a project enables in API responses.' });

export const configurationListSchema = z.object({ projects: z.array(configurationSchema) });

export const configurationBodySchema = projectInputSchema.meta({
  description: 'Replaces the whole configuration, so both members are required.',
});

export const permissionListSchema = z.object({
  permissions: z.array(
    z.object({
      name: z.string(),
      label: z.string(),
      description: z.string().nullable(),
      features: z.array(z.string()).optional().meta({ description: 'Features in responses for the permission.' }),
    }),
  ),
});
export const agentListSchema = z.object({ agents: z.array(z.object({ id: z.string(), name: z.string() })) });
export const metricQuerySchema = z.strictObject({
  project: externalId.optional().meta({ description: 'Metrics of this project only, if the app distinguishes them.' }),
});
export const metricListSchema = z.object({ metrics: z.array(z.string()) });

export const sessionSchema = z
  .object({
    workspaceId: z.string(),
    actor: z.string().nullable(),
    readOnly: z.boolean(),
    tokenExample: z
      .object({ in: z.enum(['header', 'query']), name: z.string(), value: z.string() })
      .nullable()
      .meta({
        description:
          'The header or query parameter of a request that carries the token. In its value, `{token}` stands for the token. ' +
          'Null if a function of the app reads the token.',
      }),
    exampleUrl: z.string().nullable().meta({ description: 'A URL of the API, to try a key with.' }),
    signInUrl: z.string().nullable().meta({ description: 'The sign-in page of the app.' }),
    defaultLifetime: z
      .int()
      .meta({ description: 'Lifetime in milliseconds of a key that is created without an expiry.' }),
    keysWithoutExpiry: z.boolean().optional().meta({ description: 'True if keys can be created that never expire.' }),
    allowsOtherAgents: z
      .boolean()
      .optional()
      .meta({ description: 'False if agents must be known to the app. Others are then rejected.' }),
    metricsByProject: z.boolean().optional().meta({ description: 'True if the metric names depend on the project.' }),
    reports: z.boolean().optional().meta({ description: "True if a route of the app has `mode: 'report'`." }),
    webhooks: z.boolean().optional().meta({ description: 'True if the app sends webhooks.' }),
    leakPolicy: z.enum(LEAK_POLICIES).optional().meta({ description: 'Policy for keys that are reported as leaked.' }),
    workspaceName: z.string().optional().meta({ description: 'Name of the workspace.' }),
    title: z.string().optional().meta({ description: 'Name at the top of the console.' }),
    homeUrl: z.string().nullable().optional().meta({ description: 'The page of the app that the name links to.' }),
    signOutUrl: z.string().nullable().optional().meta({ description: 'The sign-out page of the app.' }),
  })
  .meta({ description: 'The signed-in operator, and settings for forms.' });

const CODES = [
  'invalid_request',
  'immutable_field',
  'unauthenticated',
  'read_only',
  'cross_origin',
  'key_not_found',
  'not_found',
  'method_not_allowed',
  'conflict',
  'precondition_failed',
  'payload_too_large',
  'unsupported_media_type',
  'idempotency_key_reused',
  'internal_error',
  'store_unavailable',
] as const satisfies ErrorCode[];

const PROBLEM = { description: 'An error (RFC 9457).' };

/** Error responses with one of these codes. */
export function problemOfCodes<const Code extends ErrorCode>(codes: readonly Code[]) {
  return z
    .object({
      type: z.string().meta({ examples: [`urn:keyscope:problem:${codes[0]}`] }),
      title: z.string(),
      status: z.int().min(400).max(599),
      detail: z.string().meta({ description: 'The reason and the remedy, for people.' }),
      code: z.enum(codes).meta({ description: 'The reason, for programs.' }),
    })
    .meta(PROBLEM);
}

export const problemSchema = problemOfCodes(CODES)
  .extend({
    issues: z
      .array(
        z.object({
          path: z
            .string()
            .meta({ description: 'Path in the input, such as `permissions.1`. Empty for the input as a whole.' }),
          message: z.string(),
        }),
      )
      .optional()
      .meta({ description: 'All issues of the input.' }),
  })
  .meta(PROBLEM);

export const documentSchema = z
  .looseObject({ openapi: z.string() })
  .meta({ description: 'This document: OpenAPI 3.1.' });

/** Names of the schemas in the OpenAPI document. */
export function nameSchemas(bodies: KeyBodies): ReadonlyMap<z.ZodType, string> {
  return new Map<z.ZodType, string>([
    [keySchema, 'Key'],
    [keyWithTokenSchema, 'KeyWithToken'],
    [keyListSchema, 'KeyList'],
    ...BULK_SCHEMAS,
    [bodies.create, 'KeyCreation'],
    [bodies.ensure, 'KeyState'],
    [bodies.update, 'KeyUpdate'],
    [bodies.rotate, 'KeyRotation'],
    [configurationSchema, 'Configuration'],
    [configurationListSchema, 'ConfigurationList'],
    [configurationBodySchema, 'ConfigurationUpdate'],
    [permissionListSchema, 'PermissionList'],
    [agentListSchema, 'AgentList'],
    [metricListSchema, 'MetricList'],
    [sessionSchema, 'Session'],
    ...AUDIT_SCHEMAS,
    ...LEAK_SCHEMAS,
    ...WEBHOOK_SCHEMAS,
    ...REPORT_SCHEMAS,
    ...USAGE_SCHEMAS,
    [documentSchema, 'Document'],
    [problemSchema, 'Problem'],
  ]);
}

export type WireKey = z.infer<typeof keySchema>;
export type WireConfiguration = z.infer<typeof configurationSchema>;
export type { WireUsage } from './usage-schemas';
