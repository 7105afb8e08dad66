import type { Request, RequestHandler, Response } from 'express';
import type { Clock } from '../clock';
import type { DeniedEvent } from '../events';
import { type AuthContext, authorize, type Denial, type Requirement } from '../keys/authorize';
import { type Access, isDenial, type RequestDescription } from './access';
import { describeRoute } from './describe-request';
import type { Reports } from './reports';
import type { CachedKey } from './request-api-key';
import type { RequestContext, RequestContexts } from './request-context';
import type { TokenFinding } from './token-source';

/**
 * The decision of an existing check about a request, for `compareWith`: true if it allowed the request.
 *
 * @example (req) => req.user !== undefined            // the check sets it
 * @example (req, res) => res.statusCode !== 401       // the check responds
 */
export type CompareWith = (req: Request, res: Response) => boolean | Promise<boolean>;

export interface ReportRequestsDeps {
  readonly access: Access;
  readonly clock: Clock;
  readonly contexts: RequestContexts;
  readonly reports: Reports;
}

/** One route's part of the decision. */
export interface ReportedRoute {
  readonly requirement: Requirement;
  readonly fresh: boolean;
  readonly compareWith: CompareWith | undefined;
  readToken(req: Request): TokenFinding;
  /** Whether a request without a token is allowed. */
  allowsMissing(req: Request): boolean;
  readContext(req: Request): AuthContext;
  contextOf(key: CachedKey | undefined, context: AuthContext): RequestContext;
  withAddress(key: CachedKey, context: AuthContext, req: Request): AuthContext;
  describe(req: Request, context: AuthContext | null, key: CachedKey | null): RequestDescription;
  readonly missing: Denial;
}

/** The decision about one request: what it would be given, or the denial. */
interface Decision {
  readonly denial: DeniedEvent | null;
  readonly key: CachedKey | null;
  readonly context: RequestContext | null;
}

/**
 * Creates middleware that decides like `requireApiKey`, and changes nothing: it neither waits nor touches request and response.
 * A denial is emitted as `reported`, and so is a decision that is not that of `compareWith`.
 */
export function createReportRequests(deps: ReportRequestsDeps, route: ReportedRoute): RequestHandler {
  const { access, clock, contexts, reports } = deps;

  function deny(denial: Denial, key: CachedKey | null, req: Request, context: AuthContext | null): Decision {
    const event = access.describe(denial, key, route.describe(req, context, key));
    reports.emit({ kind: 'denied', ...event });
    return { denial: event, key, context: null };
  }

  async function decide(req: Request, stated: AuthContext): Promise<Decision> {
    const found = route.readToken(req);
    if (found === null && route.allowsMissing(req)) {
      return { denial: null, key: null, context: route.contextOf(undefined, stated) };
    }
    if (typeof found !== 'string') return deny(found ?? route.missing, null, req, null);

    function conclude(outcome: CachedKey | Denial, cached: boolean): Decision {
      if (isDenial(outcome)) return deny(outcome, null, req, null);
      const context = route.withAddress(outcome, stated, req);
      const isCounted = contexts.get(req)?.key?.record.id === outcome.record.id;
      const wall = clock.wall();
      const denial = authorize(outcome, route.requirement, context, wall);
      if (denial !== null) return deny(denial, outcome, req, context);
      access.allow(outcome, wall, cached, isCounted);
      return { denial: null, key: outcome, context: route.contextOf(outcome, context) };
    }

    const outcome = route.fresh ? undefined : access.authenticate(found, clock.wall(), req.socket);
    if (outcome !== undefined) return conclude(outcome, true);
    return access.fetch(found, route.fresh, (fetched) => conclude(fetched, false));
  }

  async function compare(compareWith: CompareWith, decision: Decision, req: Request, res: Response): Promise<void> {
    const { denial, key } = decision;
    const comparedAllowed = await compareWith(req, res);
    const allowed = denial === null;
    if (comparedAllowed === allowed) return;
    const { id: keyId = null, workspaceId = null } = key?.record ?? {};
    reports.emit({
      kind: 'difference',
      ...(denial ?? { code: null, reason: null, hint: null, keyId, workspaceId, ...describeRoute(req) }),
      allowed,
      comparedAllowed,
    });
  }

  return function reportApiKey(req, res, next) {
    const { compareWith } = route;
    try {
      // Node keeps the address once it was read. The connection may be closed before a key is read that is limited to addresses.
      void req.socket?.remoteAddress;
      // Before the handler, which may change the request.
      const deciding = decide(req, route.readContext(req));
      const context = deciding.then(({ context }) => context);
      reports.add(
        req,
        context.catch((thrown) => {
          reports.fail(thrown);
          return null;
        }),
      );
      // Later, so that it does not matter whether the other check comes before or after.
      if (compareWith !== undefined) {
        res.once('close', () => {
          void deciding.then(
            (decision) => compare(compareWith, decision, req, res).catch(reports.fail),
            () => {},
          );
        });
      }
    } catch (thrown) {
      reports.fail(thrown);
    }
    next();
  };
}
