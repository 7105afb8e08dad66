import { z } from 'zod';
import { tokenSourcesSchema } from './auth/token-source';
import { type Clock, systemClock } from './clock';
import { FEATURE_NAMES } from './features';
import type { ErrorResponder } from './http/problem-response';
import { isRequestProperty } from './http/reserved-names';
import { indexedNames } from './keys/column-schemas';
import { limitsOfPermissions, rateLimitOptions, rateLimits } from './keys/rate-limit-schema';
import { parseDuration } from './keys/time';
import type { ApiKeysOptions, Settings } from './options';
import { LEAK_POLICIES } from './store/leak-report';
import type { RedisClient } from './store/redis/client';
import { isEnvironment, prefixOf } from './token/environment';
import { isTokenPrefix } from './token/format';
import { parseInput } from './validate-input';
import { type WebhookEndpoints, webhookEndpointsSchema } from './webhooks/endpoints';

const PERMISSION = /^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/;
const NAMESPACE = /^[A-Za-z0-9_.:-]{1,64}$/;
/** Content of a quoted-string without escapes (RFC 9110 section 5.6.4). */
const REALM = /^[ !#-[\]-~]{1,128}$/;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Ten thousand years. Bounds durations that are added to the time. */
const MAX_DURATION = 315_360_000_000_000;

const MESSAGES = {
  duration: (minimum: number, maximum: number) =>
    `Expected milliseconds or a string such as '90d', '12h' or '1s', ${
      maximum < MAX_DURATION ? `from ${minimum} to ${maximum} ms` : `at least ${minimum} ms`
    }.`,
  permissions: "Expected an object such as { conversations: { label: 'Conversations data' } }.",
  redis: 'Expected a client of ioredis, such as new Redis(process.env.REDIS_URL). Other clients are not supported.',
  clock: 'Expected an object with the functions wall() and monotonic(), both in milliseconds.',
  onError: 'Expected a function (error, req, res, next).',
  storeTimeout: 'Expected at most `maxRevocationLag`.',
};

const duration = (minimum: number, maximum = MAX_DURATION) =>
  z.union([z.number(), z.string()], MESSAGES.duration(minimum, maximum)).transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== null && ms >= minimum && ms <= maximum) return ms;
    context.addIssue({ code: 'custom', message: MESSAGES.duration(minimum, maximum), input: value });
    return z.NEVER;
  });
const count = z.int().min(1).max(10_000_000);
const functions = (names: readonly string[], error: string) =>
  z.custom<object>((value) => names.every((name) => typeof (value as Record<string, unknown>)?.[name] === 'function'), {
    error,
  });

/** The compiler reports an option that the interface has and the schema has not, and the other way round. */
const shape = {
  permissions: z
    .record(
      z.string().regex(PERMISSION, 'Expected a name of letters, digits and _ . : -, beginning with a letter.'),
      z.strictObject(
        {
          label: z.string().min(1),
          description: z.string().optional(),
          features: z.array(z.enum(FEATURE_NAMES)).readonly().optional(),
          rateLimit: rateLimits.optional(),
        },
        {
          error: (issue) =>
            issue.code === 'invalid_type' ? "Expected an object such as { label: 'Conversations data' }." : undefined,
        },
      ),
      { error: (issue) => (issue.code === 'invalid_type' ? MESSAGES.permissions : undefined) },
    )
    .refine((permissions) => Object.keys(permissions).length > 0, 'Expected at least one permission.'),
  redis: functions(['defineCommand', 'duplicate', 'on'], MESSAGES.redis).optional(),
  prefix: z
    .string()
    .refine(isTokenPrefix, 'Expected 1–32 letters, digits and single underscores, beginning with a letter.')
    .default('ks'),
  environment: z
    .string()
    .refine(isEnvironment, "Expected 1–16 letters and digits, beginning with a letter, such as 'live'.")
    .optional(),
  keysWithoutEnvironment: z.boolean().default(false),
  importedTokens: z.boolean().default(false),
  namespace: z.string().regex(NAMESPACE, 'Expected 1–64 letters, digits and _ . : -.').default('keyscope'),
  pepper: z.union([z.string().min(16), z.array(z.union([z.string().min(16), z.null()])).min(1)]).optional(),
  defaultLifetime: duration(1000).prefault('365d'),
  keysWithoutExpiry: z.boolean().default(false),
  maxRevocationLag: duration(50, HOUR).prefault(1000),
  storeTimeout: duration(10, HOUR).optional(),
  durability: z
    .strictObject({ replicas: z.int().min(1).max(100), timeout: duration(10, HOUR).prefault(1000) })
    .optional(),
  whenStoreDown: z.strictObject({ serveStaleFor: duration(1) }).optional(),
  metadata: z.strictObject({ indexed: indexedNames }).prefault({}),
  rateLimit: rateLimitOptions.prefault({}),
  cache: z
    .strictObject({
      maxKeys: count.default(10_000),
      maxMisses: count.default(10_000),
      maxWorkspaces: count.default(1000),
    })
    .prefault({}),
  tokenSource: tokenSourcesSchema.prefault({ header: 'x-api-key' }),
  realm: z.string().regex(REALM, 'Expected printable ASCII without quotes or backslashes.').default('api'),
  requestProperty: z
    .string()
    .regex(/^[A-Za-z_$][\w$]*$/, 'Expected the name of a property, such as callerKey.')
    .refine((name) => !isRequestProperty(name), 'Expected another name: Node or Express use this property of requests.')
    .default('apiKey'),
  leakPolicy: z.enum(LEAK_POLICIES).default('revoke'),
  expiryWarnings: z.array(duration(1000)).max(16).prefault(['30d', '7d', '1d']),
  webhooks: webhookEndpointsSchema.optional(),
  auditLimit: count.default(10_000),
  recordSettings: z.boolean().default(true),
  usageFlushInterval: duration(100, HOUR).prefault('5s'),
  telemetry: z.union([z.literal('auto'), z.literal(false)], "Expected 'auto' or false.").default('auto'),
  onError: z.custom<ErrorResponder>((value) => typeof value === 'function', { error: MESSAGES.onError }).optional(),
  clock: functions(['wall', 'monotonic'], MESSAGES.clock).optional(),
} satisfies Record<keyof ApiKeysOptions, z.ZodType>;

const DEFAULT_STORE_TIMEOUT = 500;

const optionsSchema = z
  .strictObject(shape)
  .refine(({ storeTimeout, maxRevocationLag }) => storeTimeout === undefined || storeTimeout <= maxRevocationLag, {
    path: ['storeTimeout'],
    message: MESSAGES.storeTimeout,
  })
  .refine(({ environment, keysWithoutEnvironment }) => environment !== undefined || !keysWithoutEnvironment, {
    path: ['keysWithoutEnvironment'],
    message: 'It needs `environment`: without one, an app accepts only keys without an environment.',
  })
  .refine(
    ({ prefix, environment }) =>
      !environment || !isEnvironment(environment) || isTokenPrefix(prefixOf(prefix, environment)),
    {
      path: ['environment'],
      message: 'Prefix and environment together are at most 32 characters, with one underscore between them.',
    },
  )
  .refine(({ prefix, environment }) => environment === undefined || !prefix.endsWith(`_${environment}`), {
    path: ['prefix'],
    message:
      'It ends with the environment, which is added to it. Leave the environment out of `prefix`, and accept existing keys by `keysWithoutEnvironment: true`.',
  });

/**
 * Validates the options of `createApiKeys` and fills in the defaults.
 *
 * @throws {KeyscopeError} `invalid_options` with all issues.
 */
export function resolveOptions(options: ApiKeysOptions): Settings {
  const {
    permissions,
    redis,
    pepper,
    cache,
    clock,
    metadata,
    rateLimit,
    whenStoreDown,
    durability,
    storeTimeout,
    tokenSource,
    ...rest
  } = parseInput(optionsSchema, options, 'createApiKeys', 'invalid_options');
  return {
    ...rest,
    ...cache,
    indexedMetadata: metadata.indexed,
    rateLimits: { ...rateLimit, permissions: limitsOfPermissions(permissions) },
    tokenSources: tokenSource,
    durability,
    storeTimeout: storeTimeout ?? Math.min(DEFAULT_STORE_TIMEOUT, rest.maxRevocationLag),
    environment: rest.environment ?? null,
    serveStaleFor: whenStoreDown?.serveStaleFor ?? 0,
    permissions: Object.keys(permissions),
    webhooks: rest.webhooks as WebhookEndpoints | undefined,
    redis: redis as RedisClient | undefined,
    peppers: typeof pepper === 'string' ? [pepper] : pepper,
    clock: (clock as Clock | undefined) ?? systemClock,
  };
}
