import type { NextFunction, Request, Response } from 'express';
import { createConsole } from './admin/console/console';
import { createOpenapiSecurity } from './admin/openapi-security';
import { createAdminRouter } from './admin/router';
import type { ApiKeys } from './api-keys';
import { announceChanges } from './audit/change-events';
import { createAuditService } from './audit/service';
import { createAccess } from './auth/access';
import { createAuthenticator, createImportedTokenAuthenticator } from './auth/authenticator';
import { createConfirmRequest } from './auth/confirm-request';
import { FeatureWatch } from './auth/feature-watch';
import { KeyWatch } from './auth/key-watch';
import { type PermissionRequirement, parseRequirement } from './auth/permission-requirement';
import { createTokenReader } from './auth/read-token';
import { Reports } from './auth/reports';
import { type CachedKey, createToCachedKey } from './auth/request-api-key';
import { createApiKeyOf, createRequestContexts } from './auth/request-context';
import { createRequireApiKey } from './auth/require-api-key';
import { createRequireFeature } from './auth/require-feature';
import { createPolicies } from './auth/response-policy';
import { SharedSignals } from './auth/shared-signals';
import { createVerify } from './auth/verify';
import { createCaches } from './cache/caches';
import { createStore } from './create-store';
import type { KeyscopeError } from './errors';
import { type EventListener, Events } from './events';
import { sendProblem } from './http/problem-response';
import { createKeyService } from './keys/service';
import { createGithubSecretScanning } from './leaks/github-secret-scanning';
import { createRevokeRouter } from './leaks/revoke-router';
import { createLeakService } from './leaks/service';
import { RequestLimits } from './limits/request-limits';
import { MiddlewareUse } from './middleware-use';
import type { ApiKeysOptions } from './options';
import { DurableEvents } from './outbox/durable-events';
import { createProjectFeatures } from './projects/project-features';
import { createProjectService } from './projects/service';
import { createRedactResponse } from './redaction/response';
import { resolveOptions } from './resolve-options';
import { startTelemetry } from './telemetry/opentelemetry';
import { createTokenHasher } from './token/digest';
import { acceptedPrefixes } from './token/environment';
import { createTokenParser } from './token/parse';
import { UsageRecorder } from './usage/recorder';
import { ReportRecorder } from './usage/report-recorder';
import { createReportService } from './usage/report-service';
import { createUsageService } from './usage/service';
import { createWebhookService, startWebhooks } from './webhooks/service';

type Parse = (text: string) => string | null;

/** Tries the parsers in their order. */
function parserOf([own, other]: readonly Parse[]): Parse {
  if (own === undefined || other === undefined) return own as Parse;
  return (text) => own(text) ?? other(text);
}

const QUERY_TOKENS =
  'createApiKeys: tokens in URLs end up in access logs, browser histories and Referer headers. Accept them in a header (`tokenSource`) as soon as your callers can.';

const NOT_CHECKED =
  "Store unreachable: requests are allowed although their limits cannot be checked (`rateLimit.onStoreFailure: 'allow'`).";

/**
 * Creates the API keys of an application. Sends nothing to Redis before `ready()` or the first request, unless `webhooks` are given.
 *
 * @throws {KeyscopeError} `invalid_options` with all issues of the options.
 * @example const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations data' } } });
 */
export function createApiKeys<const Permission extends string>(
  options: ApiKeysOptions<Permission>,
): ApiKeys<Permission> {
  // Its middleware types keep Express' inference.
  type Keys = ApiKeys<Permission>;
  const settings = resolveOptions(options);
  const { clock, permissions, prefix, defaultLifetime, storeTimeout, maxRevocationLag, serveStaleFor } = settings;
  const events = new Events();
  const report = (error: KeyscopeError) => events.emit('error', error);
  const plainStore = createStore(settings);
  const telemetry = settings.telemetry ? startTelemetry(plainStore, events) : null;
  const store = announceChanges(telemetry?.store ?? plainStore, (change) => {
    if (events.hasListeners('changed')) events.emit('changed', change);
  });
  let servesStale = false;
  store.onEvent((event) => {
    if (event.type === 'mode' && event.mode !== 'down') servesStale = false;
    events.emit('store', event);
  });
  const hasher = createTokenHasher(settings.peppers);
  const caches = createCaches<CachedKey>({
    store,
    clock,
    maxKeys: settings.maxKeys,
    maxMisses: settings.maxMisses,
    maxWorkspaces: settings.maxWorkspaces,
    maxRevocationLag,
    serveStaleFor,
    onStale: emitServingStale,
    importedTokens: settings.importedTokens,
    toEntry: createToCachedKey(),
  });
  const parse = parserOf(acceptedPrefixes(prefix, settings).map(createTokenParser));
  const keyscopeTokens = createAuthenticator({ parse, hasher, keys: caches.keys });
  const { aliases } = caches;
  const authenticator = aliases
    ? createImportedTokenAuthenticator({ keyscopeTokens, aliases, hasher, storeTimeout })
    : keyscopeTokens;
  const reader = createTokenReader(settings);
  if (settings.tokenSources.some((source) => typeof source === 'object' && 'query' in source)) {
    process.emitWarning(QUERY_TOKENS, 'KeyscopeWarning');
  }
  const projectFeatures = createProjectFeatures({
    caches,
    clock,
    storeTimeout,
    onLookup(outcome) {
      if (events.hasListeners('cache')) events.emit('cache', { subject: 'projects', outcome });
    },
  });
  const limits = new RequestLimits({
    ...settings.rateLimits,
    store,
    clock,
    maxSubjects: settings.maxKeys,
    storeTimeout,
    onUnchecked: () => events.emit('store', { type: 'warning', code: 'limits_not_checked', message: NOT_CHECKED }),
  });
  const watchSettings = { clock, maxRevocationLag, serveStaleFor };
  const watch = new KeyWatch(caches.keys, store, watchSettings);
  const featureWatch = new FeatureWatch(caches.projects, store, watchSettings);
  const contexts = createRequestContexts();
  const recording = { store, clock, interval: settings.usageFlushInterval, report };
  const reportRecorder = new ReportRecorder(recording);
  const readReports = createReportService({ store, clock, recorder: reportRecorder });
  const reports = new Reports(events, contexts, (event) => reportRecorder.count(event));
  const confirmRequest = createConfirmRequest({ caches, clock, storeTimeout });
  const policies = createPolicies({ projectFeatures, contexts, featureWatch, confirmRequest, reports, events });

  const keys = createKeyService<Permission>({ ...settings, store, hasher });
  const projects = createProjectService({ store, clock });
  const audit = createAuditService({ store });
  const { leaks, reportToken } = createLeakService({ ...settings, store, authenticator });
  const leakHandlers = {
    reportToken,
    store,
    clock,
    storeTimeout,
    onError: settings.onError,
    report,
  };
  const recorder = new UsageRecorder(recording);
  const access = createAccess({
    authenticator,
    events,
    usage: recorder,
    prefix,
    environment: settings.environment,
    keysWithoutEnvironment: settings.keysWithoutEnvironment,
    clock,
    storeTimeout,
  });
  const durableEvents = new DurableEvents({
    store,
    clock,
    expiryLeads: [...new Set(settings.expiryWarnings)],
    report,
  });
  const endWebhooks =
    settings.webhooks && startWebhooks({ store, clock, durableEvents, endpoints: settings.webhooks, report });
  const webhooks = createWebhookService({ store, clock, endpoints: settings.webhooks });
  const usage = createUsageService({ store, clock, recorder });
  const onCloseCallbacks: (() => void)[] = [() => telemetry?.close()];

  /** Emits one event for each outage. */
  function emitServingStale(): void {
    if (servesStale) return;
    servesStale = true;
    const message = `Store unreachable: serving cached keys for up to ${serveStaleFor} ms (\`whenStoreDown\`). Keys revoked during this time are still accepted.`;
    events.emit('store', { type: 'warning', code: 'serving_stale', message });
  }

  function fail(error: KeyscopeError, req: Request, res: Response, next: NextFunction): void {
    if (error.status >= 500) events.emit('error', error);
    sendProblem(error, req, res, next, { challenge: reader.challenge, onError: settings.onError });
  }

  const use = new MiddlewareUse();

  return {
    requireApiKey: use.ofReports(
      createRequireApiKey({
        access,
        limits,
        clock,
        reader,
        permissions,
        contexts,
        reports,
        requestProperty: settings.requestProperty,
        watch,
        events,
        confirmRequest,
        fail,
      }),
    ) as Keys['requireApiKey'],
    redactResponse: use.ofReports(
      use.ofFeatures(
        createRedactResponse({
          resolvePolicy: policies.resolve,
          fail,
          vary: reader.vary,
          usesDefaultErrorBody: settings.onError === undefined,
          // A configuration is used for seven eighths of the lag.
          checkInterval: maxRevocationLag / 10,
          onRedacted(req, withheld) {
            if (events.hasListeners('redacted')) {
              events.emit('redacted', { keyId: contexts.get(req)?.key?.record.id ?? null, withheld });
            }
          },
          reports: {
            resolvePolicy: policies.resolveReported,
            onReport: (req, report) => void reports.emitRedaction(req, report),
            onError: reports.fail,
          },
        }),
      ),
    ) as Keys['redactResponse'],
    requireFeature: use.ofFeatures(
      createRequireFeature({ projectFeatures, contexts, watch: featureWatch, confirmRequest, fail }),
    ) as Keys['requireFeature'],
    apiKeyOf: createApiKeyOf(contexts) as Keys['apiKeyOf'],
    verify: createVerify({
      access,
      limits,
      clock,
      permissions,
      signals: new SharedSignals(watch, events, clock),
    }) as Keys['verify'],
    keys,
    projects,
    audit,
    leaks,
    githubSecretScanning: createGithubSecretScanning(leakHandlers),
    revokeRouter: createRevokeRouter(leakHandlers),
    webhooks,
    usage: (id, usageOptions) => usage.get(id, usageOptions),
    reports: readReports,
    adminRouter: createAdminRouter({
      keys,
      projects,
      audit,
      leaks,
      webhooks,
      usage,
      reports: readReports,
      keyInputs: settings,
      permissions: options.permissions,
      usesFeatures: () => use.features,
      usesReports: () => use.reports,
      sendsWebhooks: settings.webhooks !== undefined,
      leakPolicy: settings.leakPolicy,
      clock,
      console: createConsole(),
      tokenExample: reader.example,
      defaultLifetime,
      report,
      onClose: (release) => onCloseCallbacks.push(release),
    }) as Keys['adminRouter'],
    openapiSecurity: createOpenapiSecurity<PermissionRequirement<Permission>>({
      securitySchemes: reader.securitySchemes,
      parse: (requirement) => parseRequirement(requirement, permissions, 'openapiSecurity'),
    }),
    on: (event, listener) =>
      event === 'key' || event === 'project'
        ? durableEvents.on(event, listener as EventListener<'key' | 'project'>)
        : events.on(event, listener),
    async ready() {
      await store.ready();
      await durableEvents.ready();
    },
    health: () => store.health(),
    async close() {
      for (const release of onCloseCallbacks.splice(0)) release();
      watch.close();
      featureWatch.close();
      await Promise.all([
        recorder.close(),
        reportRecorder.close(),
        limits.close(),
        durableEvents.close(),
        endWebhooks?.(),
      ]);
      await store.close();
    },
  };
}
