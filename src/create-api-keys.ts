import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type AuditService, createAuditService } from './audit/service';
import { createAuthenticator } from './auth/authenticator';
import { type KeyEntry, toKeyEntry } from './auth/request-key';
import { createRequireApiKey } from './auth/require-api-key';
import { createRequireFeature, type Feature, type RequireFeatureOptions } from './auth/require-feature';
import type { PermissionRequirement, RequireApiKeyOptions } from './auth/requirement';
import { createVerify, type Verification, type VerifyOptions } from './auth/verify';
import { createRecollection } from './cache/recollection';
import type { KeyscopeError } from './errors';
import { sendProblem } from './http/problem';
import { createKeyService, type KeyService } from './keys/service';
import { type ApiKeysOptions, resolveOptions, type Settings } from './options';
import { createEnabledFeatures } from './projects/enabled';
import { createProjectService, type ProjectService } from './projects/service';
import { createMemoryStore } from './store/memory';
import { createRedisStore } from './store/redis';
import type { Store } from './store/store';
import { type EventListener, type EventName, Events } from './telemetry/events';
import { createDigester } from './token/digest';
import { createTokenParser } from './token/parse';

/** API keys for one application: middleware for its routes, and everything to manage the keys with. */
export interface ApiKeys<Permission extends string = string> {
  /**
   * Middleware that lets a request in only with an API key that may do what the route asks for, and attaches who is
   * calling to `req.apiKey`.
   *
   * @param permission - One permission, `{ anyOf }`, `{ allOf }`, or nothing: any valid key.
   * @throws {KeyscopeError} `invalid_options`, when the route is made.
   */
  requireApiKey(permission?: PermissionRequirement<Permission>, options?: RequireApiKeyOptions): RequestHandler;
  /** Middleware, behind `requireApiKey`, that answers 403 `feature_not_enabled` unless the project enables the feature. */
  requireFeature(feature: Feature, options?: RequireFeatureOptions): RequestHandler;
  /** The decision that `requireApiKey` makes, without Express. */
  verify(token: string | undefined, options?: VerifyOptions<Permission>): Promise<Verification>;
  readonly keys: KeyService<Permission>;
  readonly projects: ProjectService;
  readonly audit: AuditService;
  /** Hears of what happens. Returns a function that ends the subscription. */
  on<E extends EventName>(event: E, listener: EventListener<E>): () => void;
  /** Resolves when the store answers. Rejects with `store_unavailable` and a sentence that says why it does not. */
  ready(): Promise<void>;
  /** Ends the connections that were opened here, never the `redis` that was passed in. */
  close(): Promise<void>;
}

function createStore(settings: Settings): Store {
  const { redis: client, namespace, storeTimeout, auditLimit, clock } = settings;
  if (client === undefined) return createMemoryStore({ auditLimit, clock });
  return createRedisStore({ client, namespace, storeTimeout, auditLimit, clock });
}

/**
 * Sets up API keys for an application. Nothing is sent before `ready()` or the first request.
 *
 * @throws {KeyscopeError} `invalid_options`, with everything that is wrong with them.
 */
export function createApiKeys<const Permission extends string>(
  options: ApiKeysOptions<Permission>,
): ApiKeys<Permission> {
  const settings = resolveOptions(options);
  const { clock, header, permissions, prefix, defaultLifetime } = settings;
  const events = new Events();
  const store = createStore(settings);
  store.onEvent((event) => events.emit('store', event));
  const digester = createDigester(settings.peppers);
  const recollection = createRecollection<KeyEntry>({ ...settings, store, toEntry: toKeyEntry });
  const authenticator = createAuthenticator({ parse: createTokenParser(prefix), digester, keys: recollection.keys });
  const enabled = createEnabledFeatures(recollection.projects, clock);

  function fail(error: KeyscopeError, req: Request, res: Response, next: NextFunction): void {
    if (error.status >= 500) events.emit('error', error);
    sendProblem(error, req, res, next, settings);
  }

  return {
    requireApiKey: createRequireApiKey({ authenticator, clock, events, header, permissions, fail }),
    requireFeature: createRequireFeature({ enabled, fail }),
    verify: createVerify({ authenticator, clock, events, permissions }),
    keys: createKeyService({ store, clock, prefix, digester, permissions, defaultLifetime }),
    projects: createProjectService({ store, clock }),
    audit: createAuditService({ store }),
    on: (event, listener) => events.on(event, listener),
    ready: () => store.ready(),
    close: () => store.close(),
  };
}
