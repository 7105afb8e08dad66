import { z } from 'zod';
import type { ErrorCode } from '../errors';
import { KEY_SORTS } from '../store/records';
import { AUDIT_ACTIONS } from '../store/store';
import { USAGE_SCHEMAS } from './usage-schemas';

/*
 * What goes over the wire: the one source of what is taken, of the types of handlers, and of the OpenAPI document. Limits
 * that the services check, with sentences of their own, stand in `meta`.
 */

const ID = { minLength: 1, maxLength: 128 };
const time = z.iso.datetime();
const agentId = z
  .string()
  .meta({ ...ID, description: 'Without control characters, and without a space at either end.' });

const agentsOut = z
  .union([z.literal('all'), z.array(agentId)])
  .meta({ description: '`all`: every agent of the workspace, now and later. Otherwise exactly these.' });

export const keySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    workspaceId: z.string(),
    agents: agentsOut,
    permissions: z.array(z.string()),
    createdAt: time,
    createdBy: z.string().nullable(),
    updatedAt: time,
    expiresAt: time.meta({ description: 'The key works before this moment, not at it.' }),
    disabled: z.boolean(),
    revision: z
      .int()
      .min(1)
      .meta({ description: '1 at first, one more with every change. For `If-Match`, in quotes.' }),
    masked: z.string().meta({ description: 'What to recognise the token by.', examples: ['ks_8MPC************YphQ'] }),
    rotatedFrom: z.string().nullable().meta({ description: 'The id of the key that this one replaced.' }),
    rotatedTo: z.string().nullable().meta({ description: 'The id of the key that replaced this one.' }),
  })
  .meta({ description: 'A key as it is shown: everything but its token.' });

export const keyWithTokenSchema = z
  .object({
    key: keySchema,
    token: z.string().meta({ description: 'The text to send with requests. Shown here and never again.' }),
  })
  .meta({ description: 'A new key with its token.' });

const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'What to give as `cursor` for the next page; null on the last one.' });

export const keyListSchema = z.object({ keys: z.array(keySchema), cursor: nextCursor });

const limit = z.int().min(1).max(200).optional().meta({ description: 'How many at most. Default 50.' });
const cursor = z
  .string()
  .optional()
  .meta({ description: 'The `cursor` of the page before, with the same other parameters.' });

export const keyQuerySchema = z.strictObject({
  q: z.string().optional().meta({ description: 'Part of the name. Case does not count.', maxLength: 100 }),
  sort: z.enum(KEY_SORTS).optional().meta({ description: 'Default `created`.' }),
  order: z
    .enum(['asc', 'desc'])
    .optional()
    .meta({ description: 'Default: newest first, names from A, soonest expiry first.' }),
  limit,
  cursor,
});

const NAME = 'Give a name of 1–100 characters without control characters.';
const AGENTS =
  'Give \'all\', or a list of 1–1000 agent ids. An empty list would be a key for nothing; it never means "all".';
const TIME = "Give ISO 8601 text such as '2031-05-01' or '2031-05-01T12:00:00Z', or milliseconds since the epoch.";
const DURATION = "Give a text such as '90d', '12h', '30m', '45s' or '2w', or whole milliseconds.";
const DURATION_EXAMPLES = { examples: ['90d', 86_400_000] };
const milliseconds = z.int().meta({ minimum: 0 });
const BOOLEAN = 'Give true or false.';

function nameField(sentence: string) {
  return z.string(sentence).meta({ minLength: 1, maxLength: 100 });
}

const expiryFields = {
  expiresAt: z
    .union([z.string(), milliseconds], TIME)
    .optional()
    .meta({ description: 'When the key ends; in the future.', examples: ['2031-05-01', '2031-05-01T12:00:00Z'] }),
  expiresIn: z
    .union([z.string(), milliseconds], DURATION)
    .optional()
    .meta({ description: 'Instead of `expiresAt`: how long from now the key works.', ...DURATION_EXAMPLES }),
};

export const rotateKeySchema = z
  .strictObject({
    overlap: z
      .union([z.string(), milliseconds], `${DURATION} For so long the old key goes on working; 0 ends it at once.`)
      .meta({ description: 'For how long the old key goes on working; 0: not a moment.', examples: ['24h', 0] }),
    ...expiryFields,
  })
  .meta({ description: 'Without an expiry, the new key lives as long as the old one was made to.' });

/** What a key can be made with, and what can be changed of one, by the declared permissions. */
export type KeyBodies = ReturnType<typeof createKeyBodies>;

export function createKeyBodies(permissions: readonly string[]) {
  const names = permissions as readonly [string, ...string[]];
  function permissionsField(more: string) {
    return z
      .array(z.enum(names), `Give a list with at least one of: ${permissions.join(', ')}.${more}`)
      .meta({ minItems: 1, uniqueItems: true });
  }
  const keep = (field: string) => ` Leave \`${field}\` out to keep it as it is.`;

  return {
    create: z
      .strictObject({
        name: nameField(NAME),
        agents: z
          .union([z.literal('all'), z.array(agentId).meta({ minItems: 1, maxItems: 1000 })], AGENTS)
          .meta({ description: '`all`, or the agents that the key reaches. Cannot be changed afterwards.' }),
        permissions: permissionsField(''),
        ...expiryFields,
      })
      .meta({ description: 'Without an expiry, the key lives for the default lifetime.' }),
    update: z
      .strictObject({
        name: nameField(NAME + keep('name')).optional(),
        permissions: permissionsField(keep('permissions')).optional(),
        disabled: z.boolean(BOOLEAN + keep('disabled')).optional(),
      })
      .meta({ minProperties: 1, description: 'What is left out stays as it is.' }),
  };
}

const metric = z.string().meta({ minLength: 1, maxLength: 200 });

export const configurationSchema = z
  .object({
    projectId: z.string(),
    transcript: z.boolean(),
    metrics: z.union([z.literal('all'), z.array(metric)]),
    updatedAt: time.nullable().meta({ description: 'Null where it was never set, or has been cleared.' }),
    configured: z.boolean().meta({ description: 'False where nothing is set; then nothing is enabled.' }),
  })
  .meta({ description: 'What a project lets out in API responses.' });

export const configurationListSchema = z.object({ projects: z.array(configurationSchema) });

export const configurationBodySchema = z
  .strictObject({
    transcript: z.boolean(BOOLEAN).meta({ description: 'Whether transcripts may leave.' }),
    metrics: z
      .union(
        [z.literal('all'), z.array(metric).meta({ maxItems: 1000 })],
        "Give 'all', or a list of at most 1000 names; an empty list enables none.",
      )
      .meta({ description: '`all` includes names that do not exist yet; an empty list enables none.' }),
  })
  .meta({ description: 'Both members are required: this replaces the whole configuration.' });

export const permissionListSchema = z.object({
  permissions: z.array(z.object({ name: z.string(), label: z.string(), description: z.string().nullable() })),
});
export const agentListSchema = z.object({ agents: z.array(z.object({ id: z.string(), name: z.string() })) });
export const metricListSchema = z.object({ metrics: z.array(z.string()) });

export const sessionSchema = z
  .object({
    workspaceId: z.string(),
    actor: z.string().nullable(),
    readOnly: z.boolean(),
    keyHeader: z.string().meta({ description: 'The request header that carries API keys.' }),
    exampleUrl: z.string().nullable().meta({ description: 'A URL of the API, to try keys on.' }),
    signInUrl: z.string().nullable().meta({ description: 'Where people sign in to the app.' }),
    defaultLifetime: z.int().meta({ description: 'Milliseconds that a key lives whose creation does not say.' }),
  })
  .meta({ description: 'Who is signed in, and what a form needs to know.' });

const auditFields = z
  .record(z.string(), z.unknown())
  .nullable()
  .meta({ description: 'The fields that were changed. Null where there was nothing before, or is nothing after.' });

export const auditListSchema = z.object({
  entries: z.array(
    z
      .object({
        id: z.string(),
        at: time,
        actor: z.string().nullable(),
        source: z.string().nullable().meta({ description: 'From where, e.g. an IP address.' }),
        action: z.enum(AUDIT_ACTIONS),
        target: z.string().meta({ description: "The key's or the project's id." }),
        name: z.string().nullable().meta({ description: "The key's name at the time." }),
        before: auditFields,
        after: auditFields,
      })
      .meta({ description: 'Who changed what, when, from where.' }),
  ),
  cursor: nextCursor,
});

export const auditQuerySchema = z.strictObject({
  limit,
  cursor,
  target: z
    .string()
    .optional()
    .meta({ ...ID, description: 'Only what was done to this key or project, by its id.' }),
  actor: z.string().optional().meta({ maxLength: 200, description: 'Only what this actor did.' }),
  action: z.enum(AUDIT_ACTIONS).optional().meta({ description: 'Only this kind of change.' }),
});

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

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string().meta({ examples: ['urn:keyscope:problem:invalid_request'] }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().meta({ description: 'What was wrong and what to do, for people.' }),
    code: z.enum(CODES).meta({ description: 'What was wrong, for programs.' }),
    issues: z
      .array(
        z.object({
          path: z.string().meta({ description: 'Where in the input, e.g. `permissions.1`; empty for the whole.' }),
          message: z.string(),
        }),
      )
      .optional()
      .meta({ description: 'Everything that was wrong with the input.' }),
  })
  .meta({ description: 'What went wrong (RFC 9457).' });

export const documentSchema = z
  .looseObject({ openapi: z.string() })
  .meta({ description: 'This document: OpenAPI 3.1.' });

/** What each schema is called in the OpenAPI document. */
export function nameSchemas(bodies: KeyBodies): ReadonlyMap<z.ZodType, string> {
  return new Map<z.ZodType, string>([
    [keySchema, 'Key'],
    [keyWithTokenSchema, 'KeyWithToken'],
    [keyListSchema, 'KeyList'],
    [bodies.create, 'KeyCreation'],
    [bodies.update, 'KeyUpdate'],
    [rotateKeySchema, 'KeyRotation'],
    [configurationSchema, 'Configuration'],
    [configurationListSchema, 'ConfigurationList'],
    [configurationBodySchema, 'ConfigurationUpdate'],
    [permissionListSchema, 'PermissionList'],
    [agentListSchema, 'AgentList'],
    [metricListSchema, 'MetricList'],
    [sessionSchema, 'Session'],
    [auditListSchema, 'AuditList'],
    ...USAGE_SCHEMAS,
    [documentSchema, 'Document'],
    [problemSchema, 'Problem'],
  ]);
}

export type WireKey = z.infer<typeof keySchema>;
export type WireConfiguration = z.infer<typeof configurationSchema>;
export type { WireUsage } from './usage-schemas';
export type WireAuditEntry = z.infer<typeof auditListSchema>['entries'][number];
