import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import { createReadParameter, type ParameterSource, type ReadParameter } from '../http/route-parameter';
import { decide, type RequestFacts } from '../keys/authorize';
import type { UsageRecorder } from '../usage/recorder';
import type { Authenticator } from './authenticator';
import {
  type PermissionRequirement,
  parseRequirement,
  parseRequireOptions,
  type RequireApiKeyOptions,
} from './permission-requirement';
import { explainMalformed, invalidKey, isAnonymous } from './read-token';
import type { KeyEntry } from './request-api-key';
import type { RequestTargets } from './request-context';

export interface RequireApiKeyDeps {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly events: Events;
  /** The request header that carries the token, in lower case. */
  readonly header: string;
  readonly permissions: readonly string[];
  readonly targets: RequestTargets;
  readonly usage: Pick<UsageRecorder, 'count'>;
  readonly fail: (error: KeyscopeError, req: Request, res: Response, next: NextFunction) => void;
}

type FactsOf = (req: Request, middleware: RequestHandler, next: NextFunction) => RequestFacts;

/** Reads what the route declares about a request. What never varies is made once. */
function factsReader(workspace: ParameterSource | undefined, agent: ParameterSource | false | undefined): FactsOf {
  const fixed = agent === false ? 'handler' : null;
  const readWorkspace = workspace === undefined ? undefined : createReadParameter(workspace);
  const readAgent: ReadParameter | undefined =
    agent === undefined || agent === false ? undefined : createReadParameter(agent);
  if (readWorkspace === undefined && readAgent === undefined) {
    const facts: RequestFacts = { workspace: null, agent: fixed };
    return () => facts;
  }
  return (req, middleware, next) => ({
    workspace: readWorkspace === undefined ? null : readWorkspace(req, middleware, next),
    agent: readAgent === undefined ? fixed : readAgent(req, middleware, next),
  });
}

export function createRequireApiKey(deps: RequireApiKeyDeps) {
  const { authenticator, clock, events, header, permissions, targets, usage, fail } = deps;

  function deny(error: KeyscopeError, entry: KeyEntry | null, req: Request, res: Response, next: NextFunction): void {
    if (events.wanted('denied')) {
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
    const factsOf = factsReader(workspace, agent);

    /** Decides about a request whose token has been looked up, and lets it in or answers it. */
    function settle(
      entry: KeyEntry | null,
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
      const denial = decide(record, apiKey.scope, requirement, facts, wall);
      if (denial !== null) {
        usage.count(entry, denial.code, wall);
        deny(new KeyscopeError(denial.code, denial.message), entry, req, res, next);
        return;
      }
      // Two middlewares of ours may let one request in; it is one request.
      if (targets.get(req)?.keyId !== record.id) usage.count(entry, 'allowed', wall);
      const agentId = typeof facts.agent === 'object' ? facts.agent?.value : undefined;
      targets.set(req, { workspaceId: record.workspaceId, agentId, keyId: record.id, scope: apiKey.scope });
      req.apiKey = apiKey;
      if (events.wanted('authenticated')) {
        events.emit('authenticated', { keyId: record.id, workspaceId: record.workspaceId, cached });
      }
      next();
    }

    function letAnonymousIn(req: Request, next: NextFunction): void {
      const facts = factsOf(req, apiKeyMiddleware, next);
      targets.set(req, {
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
      const id = typeof value === 'string' ? authenticator.identify(value) : null;
      if (id === null) {
        if (optional && isAnonymous(req, header)) letAnonymousIn(req, next);
        else deny(explainMalformed(req, header), null, req, res, next);
        return;
      }
      const token = value as string;
      const wall = clock.wall();
      const known = authenticator.recall(id, token, wall);
      if (events.wanted('cache')) {
        events.emit('cache', { subject: 'key', outcome: known === undefined ? 'miss' : 'hit' });
      }
      if (known !== undefined) {
        settle(known, req, res, next, true, wall);
        return;
      }
      authenticator
        .lookUp(id, token)
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
