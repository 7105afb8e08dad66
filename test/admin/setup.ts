import type { Express, RequestHandler } from 'express';
import request from 'supertest';
import type { AdminRouterOptions } from '../../src/admin/options';
import { type AdminRouterDeps, createAdminRouter } from '../../src/admin/router';
import { createAuditService } from '../../src/audit/service';
import type { KeyscopeError } from '../../src/errors';
import { createKeyService } from '../../src/keys/service';
import { createLeakService, type LeakServiceDeps } from '../../src/leaks/service';
import { createProjectService } from '../../src/projects/service';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { createTokenHasher } from '../../src/token/digest';
import { UsageRecorder } from '../../src/usage/recorder';
import { ReportRecorder } from '../../src/usage/report-recorder';
import { createReportService } from '../../src/usage/report-service';
import { createUsageService } from '../../src/usage/service';
import { createWebhookService } from '../../src/webhooks/service';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';

export const DAY = 86_400_000;
export const NOW = Date.UTC(2030, 0, 1);
export const MOUNT = '/admin/api-keys';
export const PERMISSIONS = {
  conversations: { label: 'Conversations data', description: 'Retrieve conversation transcripts and metadata' },
  handoff: { label: 'Handoff', description: 'Read handoff details' },
  external_events: { label: 'External events' },
};

/** The operator in the `x-user` header: `<workspace>/<actor>`, or `<workspace>/<actor>/readonly`. */
function authenticate(req: { headers: Record<string, unknown> }) {
  const user = req.headers['x-user'];
  if (typeof user !== 'string') return null;
  const [workspaceId = '', actor = '', mode] = user.split('/');
  return { workspaceId, actor, readOnly: mode === 'readonly' };
}

export const ADMIN = 'acme/admin@acme.test';
export const EVE = 'evil/eve@evil.test';
export const READER = 'acme/rita@acme.test/readonly';

export interface SetupOptions {
  readonly store?: Store;
  readonly router?: Partial<AdminRouterOptions>;
  readonly deps?: Partial<AdminRouterDeps>;
  /** Mounted before the router. */
  readonly before?: readonly RequestHandler[];
  readonly mount?: string;
}

const NO_TOKENS: LeakServiceDeps['authenticator'] = {
  parseKeyId: () => null,
  fetch: () => Promise.reject(new Error('No token can be looked up here.')),
};

/** Services on a store in memory, and their router in an app, with a clock that stands still. */
export function setup(express = expresses[0]![1], options: SetupOptions = {}) {
  const { router = {}, deps = {}, before = [], mount = MOUNT } = options;
  const clock = fakeClock(NOW);
  const store = options.store ?? createMemoryStore({ clock });
  const reported: KeyscopeError[] = [];
  const cleanUps: (() => void)[] = [];
  const keys = createKeyService({
    store,
    clock,
    prefix: 'ks',
    hasher: createTokenHasher(undefined),
    permissions: Object.keys(PERMISSIONS),
    defaultLifetime: 365 * DAY,
  });
  const projects = createProjectService({ store, clock });
  const audit = createAuditService({ store });
  const recorder = new UsageRecorder({ store, clock, interval: 1000, report: (error) => reported.push(error) });
  const reportRecorder = new ReportRecorder({ store, clock, interval: 1000, report: (error) => reported.push(error) });
  const adminRouter = createAdminRouter({
    keys,
    projects,
    audit,
    // It finds keys by their ids only.
    leaks: createLeakService({ store, clock, leakPolicy: 'revoke', authenticator: NO_TOKENS }).leaks,
    webhooks: createWebhookService({ store, clock }),
    reports: createReportService({ store, clock, recorder: reportRecorder }),
    usage: createUsageService({ store, clock, recorder }),
    keyInputs: { permissions: Object.keys(PERMISSIONS) },
    permissions: PERMISSIONS,
    usesFeatures: () => true,
    usesReports: () => false,
    sendsWebhooks: false,
    leakPolicy: 'revoke',
    clock,
    tokenExample: { in: 'header', name: 'x-api-key', value: '{token}' },
    defaultLifetime: 365 * DAY,
    report: (error) => reported.push(error),
    onClose: (cleanUp) => cleanUps.push(cleanUp),
    ...deps,
  });
  const app: Express = express();
  for (const handler of before) app.use(handler);
  app.use(mount, adminRouter({ authenticate, ...router }));

  return {
    app,
    audit,
    clock,
    keys,
    projects,
    recorder,
    reportRecorder,
    reported,
    store,
    close() {
      for (const cleanUp of cleanUps) cleanUp();
    },
    /** A request by an operator, by default the admin. Null if it is not signed in. */
    as(user: string | null = ADMIN) {
      const call = (method: 'get' | 'head' | 'options' | 'post' | 'put' | 'patch' | 'delete') => (path: string) => {
        const made = request(app)[method](mount + path);
        return user === null ? made : made.set('x-user', user);
      };
      return {
        get: call('get'),
        head: call('head'),
        options: call('options'),
        post: call('post'),
        put: call('put'),
        patch: call('patch'),
        delete: call('delete'),
      };
    },
  };
}

export const valid = { name: 'CRM', agents: 'all', permissions: ['conversations'] } as const;
