import type { Request } from 'express';
import type { OpenapiSecurity } from './admin/openapi-security';
import type { AdminRouterOptions } from './admin/options';
import type { AuditService } from './audit/service';
import type { PermissionRequirement, RequireApiKeyOptions } from './auth/permission-requirement';
import type { RequestApiKey } from './auth/request-api-key';
import type { Feature, RequireFeatureOptions } from './auth/require-feature';
import type { Verification, VerifyOptions } from './auth/verify';
import type { EventListener, EventName } from './events';
import type { Middleware } from './http/middleware';
import type { KeyService } from './keys/types';
import type { GithubSecretScanningOptions } from './leaks/github-secret-scanning';
import type { RevokeRouterOptions } from './leaks/revoke-router';
import type { LeakService } from './leaks/service';
import type { ProjectService } from './projects/service';
import type { RedactOptions } from './redaction/options';
import type { StoreHealth } from './store/store';
import type { ReadReports } from './usage/report-service';
import type { Usage, UsageOptions } from './usage/service';
import type { WebhookService } from './webhooks/service';

/** API keys for one application: middleware for its routes, and the functions that manage keys and projects. */
export interface ApiKeys<Permission extends string = string> {
  /**
   * Middleware that allows a request only if its API key has the permission, and sets `req.apiKey`.
   *
   * @param permission One permission, `{ anyOf }`, `{ allOf }`, or nothing: any valid key.
   * @throws {KeyscopeError} `invalid_options`, when the route is created.
   * @example app.get('/:project_id', apiKeys.requireApiKey('conversations', { agent: 'project_id' }), handler);
   */
  requireApiKey(permission?: PermissionRequirement<Permission>, options?: RequireApiKeyOptions): Middleware;
  /**
   * The key of a request behind `requireApiKey`: `req.apiKey`, never undefined and with the declared permissions as types.
   *
   * @throws {KeyscopeError} `invalid_options` if `requireApiKey` has not allowed the request, or has allowed it without a key.
   */
  apiKeyOf(req: Pick<Request, 'headers'>): RequestApiKey<Permission>;
  /**
   * Middleware, behind `requireApiKey`, that redacts responses: it removes the fields that the project has not enabled,
   * however the handler writes them.
   *
   * @throws {KeyscopeError} `invalid_options`, when the route is created.
   */
  redactResponse(options?: RedactOptions): Middleware;
  /**
   * Middleware, behind `requireApiKey`, that responds 403 `feature_not_enabled` unless the project enables the feature.
   *
   * @throws {KeyscopeError} `invalid_options`, when the route is created.
   */
  requireFeature(feature: Feature, options?: RequireFeatureOptions): Middleware;
  /**
   * The decision of `requireApiKey` without Express, for WebSocket upgrades and workers. Rejects only with
   * `invalid_options`; a denial, also `store_unavailable`, is a result.
   */
  verify(token: string | undefined, options?: VerifyOptions<Permission>): Promise<Verification<Permission>>;
  readonly keys: KeyService<Permission>;
  readonly projects: ProjectService;
  readonly audit: AuditService;
  /** Reports of tokens that were found in public places. */
  readonly leaks: LeakService;
  /**
   * Handler for the reports of GitHub's secret scanning partner programme. It verifies their signatures, calls
   * `leaks.report` for each token, and responds with which of them are real. Mount it before `express.json()`.
   *
   * @throws {KeyscopeError} `invalid_options`, when the route is created.
   * @example app.post('/github/secret-scanning', apiKeys.githubSecretScanning({ publicKeys: fetchGithubKeys }));
   */
  githubSecretScanning(options: GithubSecretScanningOptions): Middleware;
  /**
   * Public `POST /revoke` below the path that you mount it on: revokes the key of the token in the body,
   * `{ "token": "…" }`. The response is the same whether there is such a key or not.
   *
   * @throws {KeyscopeError} `invalid_options`, when the route is created.
   * @example app.use('/api-keys', apiKeys.revokeRouter());
   */
  revokeRouter(options?: RevokeRouterOptions): Middleware;
  /**
   * Requests of a key by day, over all processes. Requests to other processes are included after up to
   * `usageFlushInterval`. Rejects with `key_not_found`, `invalid_request` or `store_unavailable`.
   */
  usage(id: string, options?: UsageOptions): Promise<Usage>;
  /**
   * Reports of middleware with `mode: 'report'`, counted by kind, over all processes. Rejects with `invalid_request` or
   * `store_unavailable`.
   */
  readonly reports: ReadReports;
  /** Endpoints of webhooks, and webhooks that could not be delivered. */
  readonly webhooks: WebhookService;
  /**
   * The management API with its console, to mount under any path behind your own sign-in. `authenticate` returns the
   * operator of a request and the workspace that they manage.
   *
   * @throws {KeyscopeError} `invalid_options`, for example without `authenticate`.
   */
  adminRouter(options: AdminRouterOptions): Middleware;
  /** The security scheme of your keys and the requirements of routes, for your own API's OpenAPI document. */
  openapiSecurity(): OpenapiSecurity<PermissionRequirement<Permission>>;
  /**
   * Subscribes to an event. Returns an unsubscribe function.
   *
   * @throws {KeyscopeError} `invalid_options` for an unknown event name.
   */
  on<E extends EventName>(event: E, listener: EventListener<E>): () => void;
  /**
   * Resolves when the store can be used. Rejects with `store_unavailable` and the reason.
   */
  ready(): Promise<void>;
  /** Store health for a health-check endpoint. No I/O. Contains host names; expose only `mode` publicly. */
  health(): StoreHealth;
  /**
   * Stores pending usage counts, and ends the connections that were opened here, never the `redis` that you passed. Open
   * responses that end with their key end now, and signals abort: revocations are no longer noticed.
   */
  close(): Promise<void>;
}
