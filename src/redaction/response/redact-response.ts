import type { ServerResponse } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { KeyscopeError } from '../../errors';
import type { Features } from '../../features';
import { createReadParameter, type ParameterSource } from '../../http/route-parameter';
import { type RedactOptions, type ResolvedRedactOptions, resolveRedactOptions } from '../options';
import type { PolicySource } from '../policy';
import { Body } from './body-writer';
import type { ExpressCheck } from './express-json';
import { createExpressCheck } from './express-json';
import { ObjectSender } from './json-sender';
import { framingOf } from './media-type';
import type { Method, Methods } from './original-response';
import { applyHead } from './response-headers';
import { Interception, type InterceptorDeps } from './response-interceptor';

/** Node refuses other statuses itself. */
function isStatus(status: unknown): boolean {
  const code = Number(status) | 0;
  return code >= 100 && code <= 999;
}

/**
 * Puts our functions on the response, as its own properties: Node, Express and everything that pipes look them up there.
 * Only this response has them; nothing is changed that others share.
 */
export function hookResponse(interception: Interception, expressCheck: ExpressCheck): void {
  const it = interception;
  const { res, downstream } = it;
  const body = new Body(it);

  function write(...args: unknown[]): boolean {
    return body.write(args);
  }

  function end(...args: unknown[]): ServerResponse {
    body.end(args);
    return res;
  }

  function writeHead(...args: unknown[]): unknown {
    // Too late, or impossible: Node says so. After a refusal: the head of what has been answered instead.
    if (res.headersSent || !isStatus(args[0]) || it.answered) return downstream.call('writeHead', args);
    if (it.refused) return res;
    applyHead(res, Number(args[0]) | 0, args[1], args[2]);
    it.head();
    return res;
  }

  const objects = downstream.ofExpress ? new ObjectSender(it, end as Method, expressCheck) : undefined;

  function json(...args: unknown[]): unknown {
    return objects!.json(args);
  }

  function send(...args: unknown[]): unknown {
    return objects!.send(args);
  }

  const hooks: Methods = { write, end, writeHead, json: objects && json, send: objects && send };
  downstream.hook(hooks);
}

/** What is known of whose data a request is about, before its handler runs. */
export interface RouteSubject {
  /** The agent (= project) that `requireApiKey` resolved, if any. */
  readonly routeProject: string | undefined;
  /** What a project of the request's workspace enables; `undefined` and unknown projects: nothing. */
  featuresFor(projectId: string | undefined): Features;
}

export interface RedactDeps extends InterceptorDeps {
  /** Where it waits, the handler waits. Rejected or thrown: the request is answered with that error. */
  subjectFor(req: Request): RouteSubject | PromiseLike<RouteSubject>;
}

/** Its responses are another class, with other ways out. Express does not know it either, but there are bridges. */
const HTTP_2 =
  'A response over HTTP/2 cannot be redacted. Let a proxy in front speak HTTP/2, and this application HTTP/1.1.';

function refuseRedactablePassthrough({ passthrough }: ResolvedRedactOptions): void {
  const open = passthrough.find((type) => framingOf(type) !== undefined);
  if (open === undefined) return;
  throw new KeyscopeError(
    'invalid_options',
    `redactResponse: passthrough names ${open}, whose bodies can be redacted and always are. Leave it out, or leave ` +
      'redactResponse() off a route whose JSON needs no redaction.',
  );
}

function isParameter(project: ResolvedRedactOptions['project']): project is ParameterSource {
  return project !== undefined && !(typeof project === 'object' && 'member' in project);
}

/**
 * Whose data this response is; asked when the response begins, which may be long after the request. `named`: the project
 * that the request names, where the options say how; a parameter that is missing or said twice is nobody's.
 */
function subjectOf(
  project: ResolvedRedactOptions['project'],
  named: { readonly value: string | undefined } | undefined,
  route: RouteSubject,
): () => PolicySource {
  if (named === undefined && (project !== undefined || route.routeProject === undefined)) {
    return () => ({ featuresFor: (projectId) => route.featuresFor(projectId) });
  }
  const projectId = named ? named.value : route.routeProject;
  return () => ({ features: route.featuresFor(projectId) });
}

function asError(thrown: unknown): KeyscopeError {
  if (thrown instanceof KeyscopeError) return thrown;
  const message = 'The configuration that says what may leave could not be read.';
  return new KeyscopeError('unredactable_response', message, { cause: thrown });
}

/**
 * Makes `redactResponse()`: middleware that lets transcripts and metrics out only where their project enables them, in
 * whatever way the handlers behind it write.
 */
export function createRedactResponse(deps: RedactDeps): (options?: RedactOptions) => RequestHandler {
  const expressCheck = createExpressCheck();

  return function redactResponse(options) {
    const resolved = resolveRedactOptions(options);
    refuseRedactablePassthrough(resolved);
    const { project } = resolved;
    const readProject = isParameter(project) ? createReadParameter(project) : undefined;

    return function redactResponse(req: Request, res: Response, next: NextFunction): void {
      if (req.httpVersionMajor > 1) {
        deps.fail(new KeyscopeError('unredactable_response', HTTP_2), req, res, next);
        return;
      }
      const interception = new Interception(req, res, next, resolved, deps);
      hookResponse(interception, expressCheck);

      function proceed(route: RouteSubject): void {
        try {
          interception.follow(subjectOf(project, readProject?.(req), route));
        } catch (thrown) {
          next(thrown);
          return;
        }
        next();
      }

      function answer(thrown: unknown): void {
        if (!res.writableEnded) interception.refuse(asError(thrown));
      }

      let route: RouteSubject | PromiseLike<RouteSubject>;
      try {
        route = deps.subjectFor(req);
      } catch (thrown) {
        answer(thrown);
        return;
      }
      if ('then' in route) route.then(proceed, answer);
      else proceed(route);
    };
  };
}
