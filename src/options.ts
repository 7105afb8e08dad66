import type { TokenSource } from './auth/token-source';
import type { Clock } from './clock';
import type { ErrorResponder } from './http/problem-response';
import type { RateLimitOptions } from './keys/rate-limit-schema';
import type { LimitSettings } from './limits/request-limits';
import type { LeakPolicy } from './store/leak-report';
import type { RedisClient } from './store/redis/client';
import type { WebhookEndpoints } from './webhooks/endpoints';

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
   * Environment of this app: 1–16 letters and digits, such as `'live'` or `'test'`. It is part of the prefix of its tokens
   * (`ks_live_…`) and of its keys, and tokens of other environments are denied, also if the apps share one Redis. Default:
   * none; tokens have no environment, and keys of an environment are denied.
   */
  readonly environment?: string;
  /**
   * Accepts keys that were created without `environment`. Set it in one environment only, the one that these keys were
   * created for, until they are rotated: rotations give them its environment. Default `false`.
   */
  readonly keysWithoutEnvironment?: boolean;
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
   * Allows keys that never expire: `expiresAt: null` or `expiresIn: 'never'`. Nothing ends such a key but a person or a
   * program that revokes it. Keys that exist stay valid if it is removed. Default `false`.
   */
  readonly keysWithoutExpiry?: boolean;
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
  /**
   * `indexed`: names of metadata by which `keys.list` finds keys without examining all of them, at most 8. Others can be
   * filtered as well. Indexes of keys that exist are built while lists with such a filter are read. Default: none.
   *
   * @example { indexed: ['customerId'] }
   */
  readonly metadata?: { readonly indexed?: readonly string[] };
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
  /**
   * Policy for a key whose token is reported as leaked: `'revoke'` denies it permanently, `'disable'` until an operator
   * enables it, `'notify'` changes nothing. All leave an audit entry. Default `'revoke'`.
   */
  readonly leakPolicy?: LeakPolicy;
  /**
   * Durations before the expiry of a key at which `on('key')` gets `expiring`, at most 16. Empty: never. Default
   * `['30d', '7d', '1d']`.
   */
  readonly expiryWarnings?: readonly (number | string)[];
  /**
   * Endpoints that get the events of `on('key')` and `on('project')` by POST, signed as Standard Webhooks: an array, or a
   * function that returns those of a workspace. Default: none.
   *
   * @example [{ url: 'https://example.com/hooks', secret: process.env.WEBHOOK_SECRET }]   // whsec_…
   */
  readonly webhooks?: WebhookEndpoints;
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
  readonly environment: string | null;
  readonly keysWithoutEnvironment: boolean;
  readonly importedTokens: boolean;
  readonly namespace: string;
  readonly peppers: readonly (string | null)[] | undefined;
  readonly defaultLifetime: number;
  readonly keysWithoutExpiry: boolean;
  readonly indexedMetadata: readonly string[];
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
  readonly leakPolicy: LeakPolicy;
  /** Milliseconds. */
  readonly expiryWarnings: readonly number[];
  readonly webhooks: WebhookEndpoints | undefined;
  readonly auditLimit: number;
  /** Milliseconds. */
  readonly usageFlushInterval: number;
  readonly recordSettings: boolean;
  readonly telemetry: 'auto' | false;
  readonly onError?: ErrorResponder;
  readonly clock: Clock;
}
