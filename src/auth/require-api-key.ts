import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Clock } from '../clock';
import type { KeyscopeError } from '../errors';
import { readRequestAddress, trustsAnyProxy } from '../http/request-address';
import { createReadParameter } from '../http/route-parameter';
import { type AuthContext, authorize, type Denial } from '../keys/authorize';
import { setLimitHeaders } from '../limits/headers';
import { LimitWait, NO_LIMITERS, type RequestLimits } from '../limits/request-limits';
import type { Deadline } from '../timeout';
import { type Access, isDenial } from './access';
import { AllowedRequest, type AllowedRequestDeps } from './allowed-request';
import { AnonymousRequest } from './anonymous-request';
import type { ConfirmRequest } from './confirm-request';
import { type DeclaredSources, describeRequest } from './describe-request';
import { createPrepareRequest } from './forwarded-request';
import {
  type PermissionRequirement,
  parseRequirement,
  parseRequireOptions,
  type RequireApiKeyOptions,
} from './permission-requirement';
import type { TokenReader } from './read-token';
import { createReportRequests } from './report-requests';
import type { Reports } from './reports';
import type { CachedKey } from './request-api-key';
import type { RequestContext, RequestContexts } from './request-context';
import type { TokenFinding } from './token-source';

export interface RequireApiKeyDeps extends Pick<AllowedRequestDeps, 'watch' | 'events' | 'requestProperty'> {
  readonly access: Access;
  readonly limits: RequestLimits;
  readonly clock: Clock;
  readonly reader: TokenReader;
  /** The declared permissions. */
  readonly permissions: readonly string[];
  readonly contexts: RequestContexts;
  readonly reports: Reports;
  readonly confirmRequest: ConfirmRequest;
  readonly fail: (error: KeyscopeError, req: Request, res: Response, next: NextFunction) => void;
}

/** Compiles the declared sources into a function that reads them from a request. A constant context is created once. */
function createContextReader({ workspace, agent }: DeclaredSources): (req: Request) => AuthContext {
  const fixed = agent === false ? 'handler' : null;
  const readWorkspace = workspace === undefined ? undefined : createReadParameter(workspace, 'workspace');
  const readAgent = agent === undefined || agent === false ? undefined : createReadParameter(agent, 'agent');
  if (readWorkspace === undefined && readAgent === undefined) {
    const context: AuthContext = { workspace: null, agent: fixed };
    return () => context;
  }
  return (req) => ({
    workspace: readWorkspace === undefined ? null : readWorkspace(req),
    agent: readAgent === undefined ? fixed : readAgent(req),
  });
}

/** Fetch standard, section 3.3.1: "CORS-preflight request". */
function isPreflight({ method, headers }: Request): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

function agentIdOf({ agent }: AuthContext): string | undefined {
  return typeof agent === 'object' ? agent?.value : undefined;
}

/** The context of a request whose key is not watched: it has none, or nothing depends on it. */
function plainContext(key: CachedKey | undefined, context: AuthContext): RequestContext {
  return {
    key,
    workspaceId: key?.record.workspaceId ?? context.workspace?.value,
    agentId: agentIdOf(context),
  };
}

const TRUSTS_ANY =
  'requireApiKey: `trust proxy` is true, so that any client can state its address in X-Forwarded-For, and `allowedIps` of keys protects little. Set it to the number of proxies before the app, or to their addresses.';

/** Creates the function that reads the address of a request for a key that is limited to addresses. */
function createReadAddress(): (req: Request) => string | undefined {
  let warned = false;
  return function readAddressOf(req) {
    if (!warned && trustsAnyProxy(req)) {
      warned = true;
      process.emitWarning(TRUSTS_ANY, 'KeyscopeWarning');
    }
    return readRequestAddress(req);
  };
}

/** Creates `requireApiKey()`: middleware that authenticates a request's token and authorizes the request. */
export function createRequireApiKey(deps: RequireApiKeyDeps) {
  const { access, limits, clock, reader, permissions, contexts, confirmRequest, fail } = deps;
  const property = deps.requestProperty as 'apiKey';
  const readAddressOf = createReadAddress();

  return function requireApiKey(
    permission?: PermissionRequirement,
    options: RequireApiKeyOptions = {},
  ): RequestHandler {
    const requirement = parseRequirement(permission, permissions, 'requireApiKey');
    // Each by its name: the rest of a pattern inherits from `Object.prototype`, which could then set an option.
    const parsed = parseRequireOptions(options);
    const { optional, fresh, workspace, agent, endOnRevocation } = parsed;
    const { hideCredentials, identityHeaders, allowPreflight, mode, compareWith } = parsed;
    const prepareRequest = createPrepareRequest(reader, { hideCredentials, identityHeaders });
    const sources: DeclaredSources = { workspace, agent };
    const readContext = createContextReader(sources);
    const allowedDeps = { ...deps, requirement, keepsStream: endOnRevocation === false };
    const allowsMissing = (req: Request) => optional || (allowPreflight && isPreflight(req));

    /** The address is read only for a key that is limited to addresses. */
    function withAddress(key: CachedKey, context: AuthContext, req: Request): AuthContext {
      return key.addresses === null ? context : { ...context, address: readAddressOf(req) };
    }

    function readToken(req: Request): TokenFinding {
      return reader.read(req) ?? contexts.get(req)?.hiddenToken ?? null;
    }

    if (mode === 'report') {
      const { missing } = reader;
      const describe = (req: Request, context: AuthContext | null, key: CachedKey | null) =>
        describeRequest(req, reader, sources, context, key);
      return createReportRequests(deps, {
        ...{ requirement, fresh, compareWith, missing, readToken, allowsMissing, readContext, describe },
        withAddress,
        contextOf: plainContext,
      });
    }

    function deny(
      denial: Denial,
      key: CachedKey | null,
      context: AuthContext | null,
      req: Request,
      res: Response,
      next: NextFunction,
    ): void {
      const describe = () => describeRequest(req, reader, sources, context, key);
      fail(access.deny(denial, key, describe), req, res, next);
    }

    function confirmAll(
      allowed: AllowedRequest,
      deadline: Deadline,
      req: Request,
      res: Response,
      next: NextFunction,
    ): void {
      confirmRequest(allowed, req, deadline)
        .then((error) => {
          if (error === null) next();
          else fail(error, req, res, next);
        })
        .catch(next);
    }

    function conclude(
      outcome: CachedKey | Denial,
      req: Request,
      res: Response,
      next: NextFunction,
      wall: number,
      token: string,
      cached: boolean,
      waited: LimitWait | null,
      deadline: Deadline | null,
    ): void {
      if (isDenial(outcome)) {
        deny(outcome, null, null, req, res, next);
        return;
      }
      const { record } = outcome;
      const context = withAddress(outcome, readContext(req), req);
      // Two middlewares can allow the same request, which is counted once.
      const earlier = contexts.get(req);
      const isCounted = earlier?.key?.record.id === record.id;
      let denial: Denial | null = authorize(outcome, requirement, context, wall);
      const limiters = denial === null ? limits.of(outcome, requirement.permissions, agentIdOf(context)) : NO_LIMITERS;
      if (limiters.length > 0) {
        const result = limits.take(limiters, (isCounted && earlier?.limiters) || NO_LIMITERS, waited, wall, deadline);
        if (result instanceof LimitWait) {
          // Another decision follows then: a request is accepted by what is valid at that moment.
          result.done.then(() => decide(req, res, next, token, result)).catch(next);
          return;
        }
        setLimitHeaders(res, limiters, wall);
        denial = result;
      }
      if (denial !== null) {
        deny(denial, outcome, context, req, res, next);
        return;
      }
      const taken = isCounted && earlier?.limiters?.length ? [...earlier.limiters, ...limiters] : limiters;
      const exchange = { req, res };
      const allowed = new AllowedRequest(outcome, context, allowedDeps, earlier, taken);
      if (hideCredentials || earlier?.hiddenToken !== undefined) allowed.hiddenToken = token;
      contexts.set(req, allowed);
      const apiKey = allowed.createApiKey(exchange);
      req[property] = apiKey;
      prepareRequest?.(req, apiKey);
      if (endOnRevocation) allowed.endResponse(exchange);
      access.allow(outcome, wall, cached, isCounted);
      // Earlier requirements were met before this one had to wait.
      if (earlier === undefined || deadline === null) next();
      else confirmAll(allowed, deadline, req, res, next);
    }

    function allowAnonymous(req: Request, res: Response, next: NextFunction): void {
      const context = plainContext(undefined, readContext(req));
      const allowed = new AnonymousRequest(context, allowedDeps, contexts.get(req));
      contexts.set(req, allowed);
      // Another middleware can have set it. Behind this one it is the key of this request, or undefined.
      if (req[property] !== undefined) req[property] = undefined;
      prepareRequest?.(req, undefined);
      // It can pass a `requireFeature`, or have a key by an earlier `requireApiKey`.
      if (endOnRevocation) allowed.endResponse({ req, res });
      next();
    }

    function decide(req: Request, res: Response, next: NextFunction, token: string, waited: LimitWait | null): void {
      const wall = clock.wall();
      // A request that has waited for allowance was read for before. The allowance would not last for another read.
      const readsFirst = fresh && waited === null;
      const outcome = readsFirst ? undefined : access.authenticate(token, wall, req.socket ?? undefined);
      if (outcome !== undefined) {
        conclude(outcome, req, res, next, wall, token, true, waited, waited?.deadline ?? null);
        return;
      }
      const deadline = waited === null ? limits.startDeadline() : waited.deadline;
      const concludeRead = (read: CachedKey | Denial) =>
        conclude(read, req, res, next, clock.wall(), token, false, waited, deadline);
      access.fetch(token, readsFirst, concludeRead, waited?.deadline).catch(next);
    }

    return function apiKeyMiddleware(req: Request, res: Response, next: NextFunction): void {
      const found = readToken(req);
      if (typeof found !== 'string') {
        if (found === null && allowsMissing(req)) allowAnonymous(req, res, next);
        else deny(found ?? reader.missing, null, null, req, res, next);
        return;
      }
      decide(req, res, next, found, null);
    };
  };
}
