import { z } from 'zod';
import { type TokenSource, tokenSourcesSchema } from './auth/token-source';
import { type Clock, systemClock } from './clock';
import { FEATURE_NAMES } from './features';
import type { ErrorResponder } from './http/problem-response';
import { isRequestProperty } from './http/reserved-names';
import { limitsOfPermissions, type RateLimitOptions, rateLimitOptions, rateLimits } from './keys/rate-limit-schema';
import { parseDuration } from './keys/time';
import type { LimitSettings } from './limits/request-limits';
import type { RedisClient } from './store/redis/client';
import { isTokenPrefix } from './token/format';
import { parseInput } from './validate-input';

/** Texts for a permission in the console and the CLI. */
export interface PermissionInfo {
  /** Short name, e.g. `'Conversations data'`. */
  readonly label: string;
  /** One sentence: what a key with this permission can do. */
  readonly description?: string;
  /**
   * Features in the responses for this permission, for the console: `['transcript']`, or `[]` for none. Default: all
   * features, if a route uses `redactResponse` or `requireFeature`.
   */
  readonly features?: readonly ('transcript' | 'metrics')[];
  /** Limits of each key without limits of its own, for requests that require this permission. Default: none. */
  readonly rateLimit?: RateLimitOptions['default'];
}

/** Options of `createApiKeys`. Durations are milliseconds, or strings such as `'90d'`, `'12h'`, `'30m'`, `'45s'`. */
export interface ApiKeysOptions<Permission extends string = string> {
  /**
   * All permissions, by name. The names are typed: `requireApiKey('conversatoins')` does not compile.
   *
   * @example { conversations: { label: 'Conversations data' }, handoff: { label: 'Hand over to an agent' } }
   */
  readonly permissions: Readonly<Record<Permission, PermissionInfo>>;
  /**
   * Your ioredis `Redis` or `Cluster`, version 5.4 or later. You close it. Default: none; keys are stored in the memory of
   * this process and end with it, for first steps and tests.
   *
   * @example new Redis(process.env.REDIS_URL)
   */
  readonly redis?: RedisClient;
  /** Prefix of tokens: letters, digits and single underscores, e.g. `'acme_live'`. Default `'ks'`. */
  readonly prefix?: string;
  /**
   * Accepts tokens of imported keys (`keys.import`), which another system issued. If false, a string without the form of
   * this app's tokens is denied without a read of the store. Default `false`.
   */
  readonly importedTokens?: boolean;
  /** Prefix of all Redis keys: 1–64 letters, digits and `_ . : -`. Default `'keyscope'`. */
  readonly namespace?: string;
  /**
   * Secret outside Redis that is part of every digest, so that write access to Redis is not enough to create a key. At
   * least 16 characters. In an array, the first hashes and all verify; `null` stands for no pepper. Default: none.
   *
   * @example [process.env.NEXT_PEPPER, process.env.PEPPER]   // replaces a pepper on a running system
   */
  readonly pepper?: string | readonly (string | null)[];
  /** Lifetime of keys that are created without an expiry. Default `'365d'`; at least 1 second. */
  readonly defaultLifetime?: number | string;
  /**
   * Upper bound on how long a process can use an old state after a change was acknowledged, whatever fails: for example,
   * accept a revoked key. Default 1000 ms; from 50 ms to 1 hour.
   */
  readonly maxRevocationLag?: number | string;
  /**
   * Upper bound on how long a request waits for the store before it is denied with 503. Default 500 ms, or
   * `maxRevocationLag` if that is shorter; from 10 ms to `maxRevocationLag`.
   */
  readonly storeTimeout?: number | string;
  /**
   * Number of replicas that must confirm a change (`WAIT`) before it is acknowledged, and for how long to wait for them
   * (default 1000 ms). Redis replicates asynchronously: without this, a failover can undo an acknowledged deletion. With
   * too few confirmations, the change rejects with `store_unavailable`. Default: none.
   *
   * @example { replicas: 1, timeout: 500 }
   */
  readonly durability?: { readonly replicas: number; readonly timeout?: number | string };
  /**
   * `serveStaleFor`: while the store is unreachable, requests are allowed by cached keys for this long after
   * `maxRevocationLag`. **A key that is revoked during this time is accepted as well.** Default: none; 503.
   *
   * @example { serveStaleFor: '5m' }
   */
  readonly whenStoreDown?: { readonly serveStaleFor: number | string };
  /** Limits of requests. Default: none. @example { default: [{ limit: 600, window: '1m' }] } */
  readonly rateLimit?: RateLimitOptions;
  /** Bounds of the cache, as numbers of entries. The least recently used entries are evicted. */
  readonly cache?: {
    /** Keys. Default 10,000, about 10 MB. */
    readonly maxKeys?: number;
    /** Ids without a key. Separate, so that guessed ids evict only guessed ids. Default 10,000. */
    readonly maxMisses?: number;
    /** Workspaces with their project configurations. Default 1,000. */
    readonly maxWorkspaces?: number;
  };
  /**
   * Where requests carry the token. In an array, all are read; two different tokens in one request are denied. Default
   * `{ header: 'x-api-key' }`.
   *
   * @example ['bearer', { header: 'x-api-key' }]
   */
  readonly tokenSource?: TokenSource | readonly TokenSource[];
  /** Protection space in `WWW-Authenticate` (RFC 9110 section 11.5). Default `'api'`. */
  readonly realm?: string;
  /** Property of the request that `requireApiKey` sets. `apiKeys.apiKeyOf(req)` does not need it. Default `'apiKey'`. */
  readonly requestProperty?: string;
  /** Approximate number of audit entries per workspace; the oldest are removed. Default 10,000. */
  readonly auditLimit?: number;
  /**
   * Interval at which usage counts are stored. Until then they are in memory, and lost if the process is killed. Default
   * `'5s'`; from 100 ms to 1 hour.
   */
  readonly usageFlushInterval?: number | string;
  /**
   * Records `prefix`, the names of permissions and fingerprints of peppers in Redis. The command line uses them, and a
   * second app with other settings gets a `store` event. Set it to false in scripts with other settings. Default `true`.
   */
  readonly recordSettings?: boolean;
  /**
   * `'auto'`: records metrics and describes spans if `@opentelemetry/api` is installed and an SDK was registered before
   * this call. `false`: never. Default `'auto'`.
   */
  readonly telemetry?: 'auto' | false;
  /**
   * Replaces the body of error responses, for example with your API's own envelope. Default: RFC 9457 problem documents.
   *
   * @example (error, req, res) => { res.json({ error: { code: error.code, message: error.message } }); }
   */
  readonly onError?: ErrorResponder;
  /** Source of time, for tests: `wall()` and `monotonic()`, both in milliseconds. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** The options with all defaults, and durations in milliseconds. */
export interface Settings {
  readonly permissions: readonly string[];
  readonly redis: RedisClient | undefined;
  readonly prefix: string;
  readonly importedTokens: boolean;
  readonly namespace: string;
  readonly peppers: readonly (string | null)[] | undefined;
  readonly defaultLifetime: number;
  readonly maxRevocationLag: number;
  readonly storeTimeout: number;
  readonly durability: { readonly replicas: number; readonly timeout: number } | undefined;
  /** Milliseconds; 0: never. */
  readonly serveStaleFor: number;
  readonly maxKeys: number;
  readonly maxMisses: number;
  readonly maxWorkspaces: number;
  readonly rateLimits: LimitSettings;
  readonly tokenSources: readonly TokenSource[];
  readonly realm: string;
  readonly requestProperty: string;
  readonly auditLimit: number;
  /** Milliseconds. */
  readonly usageFlushInterval: number;
  readonly recordSettings: boolean;
  readonly telemetry: 'auto' | false;
  readonly onError?: ErrorResponder;
  readonly clock: Clock;
}

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
  importedTokens: z.boolean().default(false),
  namespace: z.string().regex(NAMESPACE, 'Expected 1–64 letters, digits and _ . : -.').default('keyscope'),
  pepper: z.union([z.string().min(16), z.array(z.union([z.string().min(16), z.null()])).min(1)]).optional(),
  defaultLifetime: duration(1000).prefault('365d'),
  maxRevocationLag: duration(50, HOUR).prefault(1000),
  storeTimeout: duration(10, HOUR).optional(),
  durability: z
    .strictObject({ replicas: z.int().min(1).max(100), timeout: duration(10, HOUR).prefault(1000) })
    .optional(),
  whenStoreDown: z.strictObject({ serveStaleFor: duration(1) }).optional(),
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
    rateLimits: { ...rateLimit, permissions: limitsOfPermissions(permissions) },
    tokenSources: tokenSource,
    durability,
    storeTimeout: storeTimeout ?? Math.min(DEFAULT_STORE_TIMEOUT, rest.maxRevocationLag),
    serveStaleFor: whenStoreDown?.serveStaleFor ?? 0,
    permissions: Object.keys(permissions),
    redis: redis as RedisClient | undefined,
    peppers: typeof pepper === 'string' ? [pepper] : pepper,
    clock: (clock as Clock | undefined) ?? systemClock,
  };
}
