import { z } from 'zod';
import { type Clock, systemClock } from './clock';
import type { ErrorResponder } from './http/problem-response';
import { parseDuration } from './keys/time';
import type { RedisClient } from './store/redis/client';
import { isTokenPrefix } from './token/format';
import { parseInput } from './validate-input';

/** What a permission is called where people choose it. */
export interface PermissionInfo {
  /** A short name for lists and forms. */
  readonly label: string;
  /** One sentence: what a key with it can do. */
  readonly description?: string;
}

/** What `createApiKeys` takes. Durations are milliseconds, or text such as `'90d'`, `'12h'`, `'30m'`, `'45s'`. */
export interface ApiKeysOptions<Permission extends string = string> {
  /** Every permission there is, by name. The names are typed: `requireApiKey('conversatoins')` does not compile. */
  readonly permissions: Readonly<Record<Permission, PermissionInfo>>;
  /**
   * An ioredis `Redis` or `Cluster` (5.4 or later) of yours; it stays yours to close. Left out: keys live in this
   * process' memory and end with it, which suits first steps and tests.
   */
  readonly redis?: RedisClient;
  /** What tokens begin with: letters, digits and single underscores, e.g. `'acme_live'`. Default `'ks'`. */
  readonly prefix?: string;
  /**
   * Whether keys are let in whose tokens others made and that have been imported (`keys.import`). Off, whatever has not
   * the form of a token of ours is refused without asking the store; on, it is looked up. Default `false`.
   */
  readonly foreignTokens?: boolean;
  /** What all keys in Redis begin with. Default `'keyscope'`. */
  readonly namespace?: string;
  /**
   * A secret kept outside Redis that goes into every digest, so that write access to Redis alone cannot mint a key. In a
   * list the first signs and all verify, for rotation; `null` in the list stands for "no pepper". Default: none.
   */
  readonly pepper?: string | readonly (string | null)[];
  /** How long a key lives when its creation does not say. Default `'365d'`. */
  readonly defaultLifetime?: number | string;
  /**
   * The longest time for which a change that has been acknowledged may go unnoticed by any process, whatever fails.
   * Default 1000 ms; at least 50.
   */
  readonly maxRevocationLag?: number | string;
  /** The longest time that a request waits for the store before it is answered 503. Default 500 ms; at least 10. */
  readonly storeTimeout?: number | string;
  /**
   * How many replicas must have a change before it counts as made, waited for (`WAIT`) for up to `timeout`, by default
   * 1000 ms. Redis replicates behind its callers' backs: without this, a failover can bring back a key whose deletion was
   * acknowledged a moment before. Too few: `store_unavailable`, with a message that says so. Default: none need to.
   */
  readonly durability?: { readonly replicas: number; readonly timeout?: number | string };
  /**
   * What to do while the store cannot be reached. `serveStaleFor`: let requests in by what was last known of their key for
   * so much longer than `maxRevocationLag`; **a key that was revoked meanwhile is let in too**. Default: nothing, 503.
   */
  readonly whenStoreDown?: { readonly serveStaleFor: number | string };
  /** Bounds of what is remembered. */
  readonly cache?: {
    /** Keys. Default 10,000, about 10 MB. */
    readonly maxKeys?: number;
    /** Ids that no key has, kept apart so that guesses push out guesses. Default 10,000. */
    readonly maxMisses?: number;
    /** Workspaces' project configurations. Default 1,000. */
    readonly maxWorkspaces?: number;
  };
  /** The request header that carries the token, in lower case. Default `'x-api-key'`. */
  readonly header?: string;
  /** The protection space named in `WWW-Authenticate`. Default `'api'`. */
  readonly realm?: string;
  /** Audit entries kept per workspace, roughly; the oldest go first. Default 10,000. */
  readonly auditLimit?: number;
  /**
   * How often the counts of use are stored; in between they are in memory. A process that is killed loses so much of
   * them. Default `'5s'`; from 100 ms to 1 hour.
   */
  readonly usageFlushInterval?: number | string;
  /**
   * Records `prefix`, the names of permissions and fingerprints of peppers in Redis. The command line uses them, and a
   * second app with other settings gets a `store` event. Set it to false in scripts with other settings. Default true.
   */
  readonly recordSettings?: boolean;
  /**
   * `'auto'`: where `@opentelemetry/api` is installed and an SDK has been registered before this call, metrics are
   * recorded and spans described. `false`: not. Default `'auto'`, as of every library that knows OpenTelemetry.
   */
  readonly telemetry?: 'auto' | false;
  /** Replaces the body of error responses, e.g. with your API's own envelope. Default: RFC 9457 problem documents. */
  readonly onError?: ErrorResponder;
  /** The time, for tests. Default: the machine's. */
  readonly clock?: Clock;
}

/** The options with every default filled in and every duration in milliseconds: what the rest of the code reads. */
export interface Settings {
  readonly permissions: readonly string[];
  readonly redis: RedisClient | undefined;
  readonly prefix: string;
  readonly foreignTokens: boolean;
  readonly namespace: string;
  readonly peppers: readonly (string | null)[] | undefined;
  readonly defaultLifetime: number;
  readonly maxRevocationLag: number;
  readonly storeTimeout: number;
  readonly durability: { readonly replicas: number; readonly timeout: number } | undefined;
  /** Milliseconds; 0 for not at all. */
  readonly serveStaleFor: number;
  readonly maxKeys: number;
  readonly maxMisses: number;
  readonly maxWorkspaces: number;
  readonly header: string;
  readonly realm: string;
  readonly auditLimit: number;
  /** Milliseconds. */
  readonly usageFlushInterval: number;
  readonly recordSettings: boolean;
  readonly telemetry: 'auto' | false;
  readonly onError?: ErrorResponder;
  readonly clock: Clock;
}

/**
 * Headers of which Node keeps the first value only, or joins several its own way: two keys in one of them could go unnoticed
 * (https://nodejs.org/api/http.html#messageheaders). And those that Node, proxies or this package change on the way.
 */
const UNSUITABLE_HEADERS = new Set(
  [
    ['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since'],
    [
      'if-unmodified-since',
      'last-modified',
      'location',
      'max-forwards',
      'proxy-authorization',
      'referer',
      'retry-after',
    ],
    ['server', 'user-agent', 'cookie', 'set-cookie'],
    ['accept-encoding', 'connection', 'expect', 'if-match', 'if-none-match', 'if-range', 'keep-alive', 'range', 'te'],
    ['trailer', 'transfer-encoding', 'upgrade'],
  ].flat(),
);
const HEADER = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const PERMISSION = /^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/;
const NAMESPACE = /^[A-Za-z0-9_.:-]{1,64}$/;
/** What an RFC 9110 quoted-string may hold without escapes. */
const REALM = /^[ !#-[\]-~]{1,128}$/;

const duration = (minimum: number) =>
  z.union([z.number(), z.string()]).transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== null && ms >= minimum) return ms;
    context.addIssue({
      code: 'custom',
      message: `Give milliseconds or a text such as '90d', '12h' or '1s', at least ${minimum} ms.`,
    });
    return z.NEVER;
  });
const count = z.int().min(1).max(10_000_000);
const functions = (...names: string[]) =>
  z.custom<object>((value) => names.every((name) => typeof (value as Record<string, unknown>)?.[name] === 'function'));

const optionsSchema = z.strictObject({
  permissions: z
    .record(
      z.string().regex(PERMISSION, 'Name permissions with letters, digits and _ . : -, beginning with a letter.'),
      z.strictObject({ label: z.string().min(1), description: z.string().optional() }),
    )
    .refine((permissions) => Object.keys(permissions).length > 0, 'Declare at least one permission.'),
  redis: functions('defineCommand', 'duplicate', 'on').optional(),
  prefix: z
    .string()
    .refine(isTokenPrefix, 'Use 1–32 letters, digits and single underscores, beginning with a letter.')
    .default('ks'),
  foreignTokens: z.boolean().default(false),
  namespace: z.string().regex(NAMESPACE, 'Use 1–64 letters, digits and _ . : -.').default('keyscope'),
  pepper: z.union([z.string().min(16), z.array(z.union([z.string().min(16), z.null()])).min(1)]).optional(),
  defaultLifetime: duration(1000).prefault('365d'),
  maxRevocationLag: duration(50).prefault(1000),
  storeTimeout: duration(10).prefault(500),
  durability: z.strictObject({ replicas: z.int().min(1).max(100), timeout: duration(10).prefault(1000) }).optional(),
  whenStoreDown: z.strictObject({ serveStaleFor: duration(1) }).optional(),
  cache: z
    .strictObject({
      maxKeys: count.default(10_000),
      maxMisses: count.default(10_000),
      maxWorkspaces: count.default(1000),
    })
    .prefault({}),
  header: z
    .string()
    .regex(HEADER, 'Give the header name in lower case.')
    .refine(
      (name) => !UNSUITABLE_HEADERS.has(name),
      'This header has a meaning of its own, and Node does not report it faithfully when it is repeated; use another.',
    )
    .default('x-api-key'),
  realm: z.string().regex(REALM, 'Use printable ASCII without quotes or backslashes.').default('api'),
  auditLimit: count.default(10_000),
  recordSettings: z.boolean().default(true),
  usageFlushInterval: duration(100)
    .refine((ms) => ms <= 3_600_000, 'Give at most an hour.')
    .prefault('5s'),
  telemetry: z.union([z.literal('auto'), z.literal(false)], "Give 'auto' or false.").default('auto'),
  onError: z.custom<ErrorResponder>((value) => typeof value === 'function').optional(),
  clock: functions('wall', 'monotonic').optional(),
});

/** @throws {KeyscopeError} `invalid_options`, with everything that is wrong. */
export function resolveOptions(options: ApiKeysOptions): Settings {
  const { permissions, redis, pepper, cache, clock, whenStoreDown, durability, ...rest } = parseInput(
    optionsSchema,
    options,
    'createApiKeys',
    'invalid_options',
  );
  return {
    ...rest,
    ...cache,
    durability,
    serveStaleFor: whenStoreDown?.serveStaleFor ?? 0,
    permissions: Object.keys(permissions),
    redis: redis as RedisClient | undefined,
    peppers: typeof pepper === 'string' ? [pepper] : pepper,
    clock: (clock as Clock | undefined) ?? systemClock,
  };
}
