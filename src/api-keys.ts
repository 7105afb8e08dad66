import type { OpenapiSecurity } from './admin/openapi-security';
import type { AdminRouterOptions } from './admin/options';
import type { AuditService } from './audit/service';
import type { PermissionRequirement, RequireApiKeyOptions } from './auth/permission-requirement';
import type { Feature, RequireFeatureOptions } from './auth/require-feature';
import type { Verification, VerifyOptions } from './auth/verify';
import type { EventListener, EventName } from './events';
import type { Middleware } from './http/middleware';
import type { KeyService } from './keys/service';
import type { ProjectService } from './projects/service';
import type { RedactOptions } from './redaction/options';
import type { StoreHealth } from './store/store';
import type { Usage, UsageOptions } from './usage/service';

/** API keys for one application: middleware for its routes, and everything to manage the keys with. */
export interface ApiKeys<Permission extends string = string> {
  /**
   * Middleware that lets a request in only with an API key that may do what the route asks for, and attaches who is
   * calling to `req.apiKey`.
   *
   * @param permission - One permission, `{ anyOf }`, `{ allOf }`, or nothing: any valid key.
   * @throws {KeyscopeError} `invalid_options`, when the route is made.
   */
  requireApiKey(permission?: PermissionRequirement<Permission>, options?: RequireApiKeyOptions): Middleware;
  /**
   * Middleware, behind `requireApiKey`, that takes out of JSON responses what their project has not enabled, by whichever
   * way the handler writes them.
   *
   * @throws {KeyscopeError} `invalid_options`, when the route is made.
   */
  redactResponse(options?: RedactOptions): Middleware;
  /** Middleware, behind `requireApiKey`, that answers 403 `feature_not_enabled` unless the project enables the feature. */
  requireFeature(feature: Feature, options?: RequireFeatureOptions): Middleware;
  /** The decision that `requireApiKey` makes, without Express. */
  verify(token: string | undefined, options?: VerifyOptions<Permission>): Promise<Verification>;
  readonly keys: KeyService<Permission>;
  readonly projects: ProjectService;
  readonly audit: AuditService;
  /**
   * How often a key was used, day by day, by all processes; by this one up to now, by others up to some seconds ago.
   * Rejects with `key_not_found`, `invalid_request` and `store_unavailable`.
   */
  usage(id: string, options?: UsageOptions): Promise<Usage>;
  /**
   * The management API: a handler to mount under any path, behind your own sign-in. `authenticate` says for each request
   * whose workspace it may manage.
   *
   * @throws {KeyscopeError} `invalid_options`, above all without `authenticate`.
   */
  adminRouter(options: AdminRouterOptions): Middleware;
  /** The security scheme of your keys and what routes require, for your own API's OpenAPI document. */
  openapiSecurity(): OpenapiSecurity<PermissionRequirement<Permission>>;
  /** Hears of what happens. Returns a function that ends the subscription. */
  on<E extends EventName>(event: E, listener: EventListener<E>): () => void;
  /**
   * Resolves when the store answers. Rejects with `store_unavailable` and a sentence that says why it does not; with
   * `invalid_options` where the Express that runs here lets responses get past the redaction, which is tried once.
   */
  ready(): Promise<void>;
  /**
   * How the store is and how changes are heard of, for a health route. No I/O. Names hosts: show the public no more than
   * `mode`.
   */
  health(): StoreHealth;
  /** Stores what has been counted, and ends the connections that were opened here, never the `redis` that was passed in. */
  close(): Promise<void>;
}
