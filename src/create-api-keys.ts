import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { createConsole } from './admin/console/console';
import { createOpenapiSecurity, type OpenapiSecurity } from './admin/openapi-security';
import type { AdminRouterOptions } from './admin/options';
import { createAdminRouter } from './admin/router';
import { type AuditService, createAuditService } from './audit/service';
import { createAuthenticator, createImportedTokenAuthenticator } from './auth/authenticator';
import { type PermissionRequirement, parseRequirement, type RequireApiKeyOptions } from './auth/permission-requirement';
import { type CachedKey, createToCachedKey } from './auth/request-api-key';
import { createRequestContexts, type RequestContexts } from './auth/request-context';
import { createRequireApiKey } from './auth/require-api-key';
import { createRequireFeature, type Feature, type RequireFeatureOptions } from './auth/require-feature';
import { createVerify, type Verification, type VerifyOptions } from './auth/verify';
import { createCaches } from './cache/caches';
import { KeyscopeError } from './errors';
import { type EventListener, type EventName, Events } from './events';
import { NOTHING_ENABLED } from './features';
import { sendProblem } from './http/problem-response';
import { createKeyService, type KeyService } from './keys/service';
import { type ApiKeysOptions, resolveOptions, type Settings } from './options';
import { createProjectFeatures, type ProjectFeatures } from './projects/project-features';
import { createProjectService, type ProjectService } from './projects/service';
import type { RedactOptions } from './redaction/options';
import { createRedactResponse, type RouteSubject } from './redaction/response/redact-response';
import { selfTest } from './redaction/response/self-test';
import { createMemoryStore } from './store/memory';
import { createRedisStore } from './store/redis';
import type { Store, StoreHealth } from './store/store';
import { startTelemetry } from './telemetry/opentelemetry';
import { createTokenHasher } from './token/digest';
import { createTokenParser } from './token/parse';
import { UsageRecorder } from './usage/recorder';
import { createUsageService, type Usage, type UsageOptions } from './usage/service';

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
  /**
   * Middleware, behind `requireApiKey`, that takes out of JSON responses what their project has not enabled, by whichever
   * way the handler writes them.
   *
   * @throws {KeyscopeError} `invalid_options`, when the route is made.
   */
  redactResponse(options?: RedactOptions): RequestHandler;
  /** Middleware, behind `requireApiKey`, that answers 403 `feature_not_enabled` unless the project enables the feature. */
  requireFeature(feature: Feature, options?: RequireFeatureOptions): RequestHandler;
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
  adminRouter(options: AdminRouterOptions): RequestHandler;
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

function createStore(settings: Settings): Store {
  const { redis: client, auditLimit, clock } = settings;
  if (client === undefined) return createMemoryStore({ auditLimit, clock });
  const { namespace, storeTimeout, maxRevocationLag, durability } = settings;
  return createRedisStore({ client, namespace, storeTimeout, maxRevocationLag, durability, auditLimit, clock });
}

/**
 * That the redaction works with the Express that runs here: made once, at the start or for the first response, and tried again
 * where it could not be made.
 */
interface Proof {
  /** Undefined once it has been made. Rejects with `invalid_options` where it cannot be. */
  made(): Promise<void> | undefined;
}

function createProof(make: () => Promise<void>): Proof {
  let making: Promise<void> | undefined;
  let isMade = false;
  async function once(): Promise<void> {
    try {
      await make();
      isMade = true;
    } finally {
      making = undefined;
    }
  }
  return {
    made() {
      if (isMade) return undefined;
      making ??= once();
      return making;
    },
  };
}

/** Not every application waits for `ready()`. */
function afterProof(proof: Proof, subjectFor: ReturnType<typeof createSubjectFor>): typeof subjectFor {
  return function subjectAfterProof(req) {
    const making = proof.made();
    return making === undefined ? subjectFor(req) : making.then(() => subjectFor(req));
  };
}

/** For whom a response is cut down: what `requireApiKey` found out, and what the workspace's projects have enabled. */
function createSubjectFor(projectFeatures: ProjectFeatures, contexts: RequestContexts, events: Events) {
  return function subjectFor(req: Request): RouteSubject | Promise<RouteSubject> {
    const target = contexts.get(req);
    if (target === undefined) {
      throw new KeyscopeError(
        'invalid_options',
        'redactResponse() found no requireApiKey() before it. Put that one first.',
      );
    }
    const { workspaceId, agentId: routeProject, scope } = target;
    const subject = (featuresFor: RouteSubject['featuresFor']): RouteSubject => ({
      routeProject,
      // What a handler lets slip of agents that the key does not reach has nothing enabled either.
      featuresFor: (projectId) =>
        scope === undefined || scope.allowsAgent(projectId as string) ? featuresFor(projectId) : NOTHING_ENABLED,
    });
    if (workspaceId === undefined) return subject(() => NOTHING_ENABLED);
    if (req.res?.closed === false) req.res.once('close', projectFeatures.keepFresh(workspaceId));
    const found = projectFeatures.get(workspaceId);
    if (typeof found === 'function') return subject(found);
    return found.then(subject, (error: unknown) => {
      if (!(error instanceof KeyscopeError)) throw error;
      events.emit('error', error);
      return subject(() => NOTHING_ENABLED);
    });
  };
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
  const telemetry = settings.telemetry ? startTelemetry(createStore(settings), events) : null;
  const store = telemetry?.store ?? createStore(settings);
  let servesStale = false;
  store.onEvent((event) => {
    if (event.type === 'mode' && event.mode !== 'down') servesStale = false;
    events.emit('store', event);
  });
  const hasher = createTokenHasher(settings.peppers);
  const recollection = createCaches<CachedKey>({
    ...settings,
    store,
    onStale: emitServingStale,
    toEntry: createToCachedKey(),
  });
  const parse = createTokenParser(prefix);
  const native = createAuthenticator({ parse, hasher, keys: recollection.keys });
  const { aliases } = recollection;
  const { storeTimeout } = settings;
  const authenticator = aliases
    ? createImportedTokenAuthenticator({ keyscopeTokens: native, aliases, hasher, storeTimeout })
    : native;
  const projectFeatures = createProjectFeatures({
    recollection,
    clock,
    maxRevocationLag: settings.maxRevocationLag,
    onLookup(outcome) {
      if (events.hasListeners('cache')) events.emit('cache', { subject: 'projects', outcome });
    },
  });
  const contexts = createRequestContexts();
  const redactionProof = createProof(() => selfTest());

  const keys = createKeyService<Permission>({
    ...{ store, clock, prefix, hasher, permissions, defaultLifetime },
    foreignTokens: settings.foreignTokens,
  });
  const projects = createProjectService({ store, clock });
  const audit = createAuditService({ store });
  const recorder = new UsageRecorder({
    ...{ store, clock, interval: settings.usageFlushInterval },
    report: (error) => events.emit('error', error),
  });
  const usage = createUsageService({ store, clock, recorder });
  const onCloseCallbacks: (() => void)[] = [() => telemetry?.close()];

  /** Once for each outage. */
  function emitServingStale(): void {
    if (servesStale) return;
    servesStale = true;
    const message = `The store cannot be reached, and requests are let in by what was known before, for up to ${settings.serveStaleFor} ms: \`whenStoreDown\` says so. Keys that are revoked meanwhile are let in too.`;
    events.emit('store', { type: 'warning', code: 'serving_stale', message });
  }

  const challenge = ({ code }: KeyscopeError) => `ApiKey realm="${settings.realm}", error="${code}"`;
  function fail(error: KeyscopeError, req: Request, res: Response, next: NextFunction): void {
    if (error.status >= 500) events.emit('error', error);
    sendProblem(error, req, res, next, { challenge, onError: settings.onError });
  }

  return {
    requireApiKey: createRequireApiKey({
      ...{ authenticator, clock, events, header, permissions, contexts, usage: recorder, fail },
    }),
    redactResponse: createRedactResponse({
      subjectFor: afterProof(redactionProof, createSubjectFor(projectFeatures, contexts, events)),
      fail,
      keyHeader: header,
      failsByItself: settings.onError === undefined,
      onRedacted(req, withheld) {
        if (events.hasListeners('redacted')) events.emit('redacted', { keyId: req.apiKey?.id ?? null, withheld });
      },
    }),
    requireFeature: createRequireFeature({ projectFeatures, contexts, fail }),
    verify: createVerify({ authenticator, clock, events, permissions, usage: recorder }),
    keys,
    projects,
    audit,
    usage: (id, usageOptions) => usage.get(id, usageOptions),
    adminRouter: createAdminRouter({
      keys,
      projects,
      audit,
      usage,
      permissions: options.permissions,
      clock,
      console: createConsole(),
      keyHeader: header,
      defaultLifetime,
      report: (error) => events.emit('error', error),
      onClose: (release) => onCloseCallbacks.push(release),
    }),
    openapiSecurity: createOpenapiSecurity<PermissionRequirement<Permission>>({
      header,
      parse: (requirement) => parseRequirement(requirement, permissions, 'openapiSecurity'),
    }),
    on: (event, listener) => events.on(event, listener),
    async ready() {
      await Promise.all([store.ready(), redactionProof.made()]);
    },
    health: () => store.health(),
    async close() {
      for (const release of onCloseCallbacks.splice(0)) release();
      projectFeatures.close();
      await recorder.close();
      await store.close();
    },
  };
}
