import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import { createReadParameter, type ParameterSource, type ReadParameter } from '../http/route-parameter';
import { type AuthContext, authorize } from '../keys/authorize';
import type { UsageRecorder } from '../usage/recorder';
import type { Authenticator } from './authenticator';
import {
  type PermissionRequirement,
  parseRequirement,
  parseRequireOptions,
  type RequireApiKeyOptions,
} from './permission-requirement';
import { invalidKey, isAnonymous, missingOrMalformedToken } from './read-token';
import type { CachedKey } from './request-api-key';
import type { RequestContexts } from './request-context';

export interface RequireApiKeyDeps {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly events: Events;
  /** The request header that carries the token, in lower case. */
  readonly header: string;
  readonly permissions: readonly string[];
  readonly contexts: RequestContexts;
  readonly usage: Pick<UsageRecorder, 'count'>;
  readonly fail: (error: KeyscopeError, req: Request, res: Response, next: NextFunction) => void;
}

type ReadContext = (req: Request, middleware: RequestHandler, next: NextFunction) => AuthContext;

/** Reads what the route declares about a request. What never varies is made once. */
function createContextReader(
  workspace: ParameterSource | undefined,
  agent: ParameterSource | false | undefined,
): ReadContext {
  const fixed = agent === false ? 'handler' : null;
  const readWorkspace = workspace === undefined ? undefined : createReadParameter(workspace);
  const readAgent: ReadParameter | undefined =
    agent === undefined || agent === false ? undefined : createReadParameter(agent);
  if (readWorkspace === undefined && readAgent === undefined) {
    const facts: AuthContext = { workspace: null, agent: fixed };
    return () => facts;
  }
  return (req, middleware, next) => ({
    workspace: readWorkspace === undefined ? null : readWorkspace(req, middleware, next),
    agent: readAgent === undefined ? fixed : readAgent(req, middleware, next),
  });
}

export function createRequireApiKey(deps: RequireApiKeyDeps) {
  const { authenticator, clock, events, header, permissions, contexts, usage, fail } = deps;

  function deny(error: KeyscopeError, entry: CachedKey | null, req: Request, res: Response, next: NextFunction): void {
    if (events.hasListeners('denied')) {
      const { id = null, workspaceId = null } = entry?.record ?? {};
      events.emit('denied', { code: error.code, keyId: id, workspaceId });
    }
    fail(error, req, res, next);
  }

  return function requireApiKey(
    permission?: PermissionRequirement,
    options: RequireApiKeyOptions = {},
  ): RequestHandler {
    const requirement = parseRequirement(permission, permissions, 'requireApiKey');
    const { workspace, agent, optional } = parseRequireOptions(options);
    const factsOf = createContextReader(workspace, agent);

    /** Decides about a request whose token has been looked up, and lets it in or answers it. */
    function settle(
      entry: CachedKey | null,
      req: Request,
      res: Response,
      next: NextFunction,
      cached: boolean,
      wall: number,
    ): void {
      if (entry === null) {
        deny(invalidKey(), null, req, res, next);
        return;
      }
      const { record, apiKey } = entry;
      const facts = factsOf(req, apiKeyMiddleware, next);
      const denial = authorize(record, apiKey.scope, requirement, facts, wall);
      if (denial !== null) {
        usage.count(entry, denial.code, wall);
        deny(new KeyscopeError(denial.code, denial.message), entry, req, res, next);
        return;
      }
      // Two middlewares of ours may let one request in; it is one request.
      if (contexts.get(req)?.keyId !== record.id) usage.count(entry, 'allowed', wall);
      const agentId = typeof facts.agent === 'object' ? facts.agent?.value : undefined;
      contexts.set(req, { workspaceId: record.workspaceId, agentId, keyId: record.id, scope: apiKey.scope });
      req.apiKey = apiKey;
      if (events.hasListeners('authenticated')) {
        events.emit('authenticated', { keyId: record.id, workspaceId: record.workspaceId, cached });
      }
      next();
    }

    function allowAnonymous(req: Request, next: NextFunction): void {
      const facts = factsOf(req, apiKeyMiddleware, next);
      contexts.set(req, {
        workspaceId: facts.workspace?.value,
        agentId: typeof facts.agent === 'object' ? facts.agent?.value : undefined,
        keyId: undefined,
        scope: undefined,
      });
      next();
    }

    function apiKeyMiddleware(req: Request, res: Response, next: NextFunction): void {
      // Once: V8 gives each of Express' requests a shape of its own, so that every look at one is a search.
      const { headers } = req;
      // Its own: nobody is let in by a header that every object has come to inherit.
      const value = Object.hasOwn(headers, header) ? headers[header] : undefined;
      const id = typeof value === 'string' ? authenticator.parseKeyId(value) : null;
      if (id === null) {
        if (optional && isAnonymous(req, header)) allowAnonymous(req, next);
        else deny(missingOrMalformedToken(req, header), null, req, res, next);
        return;
      }
      const token = value as string;
      const wall = clock.wall();
      const known = authenticator.getCached(id, token, wall);
      if (events.hasListeners('cache')) {
        events.emit('cache', { subject: 'key', outcome: known === undefined ? 'miss' : 'hit' });
      }
      if (known !== undefined) {
        settle(known, req, res, next, true, wall);
        return;
      }
      authenticator
        .fetch(id, token)
        .then(
          (entry) => settle(entry, req, res, next, false, clock.wall()),
          (error: unknown) => {
            if (!(error instanceof KeyscopeError)) throw error;
            deny(error, null, req, res, next);
          },
        )
        .catch(next);
    }
    return apiKeyMiddleware;
  };
}
