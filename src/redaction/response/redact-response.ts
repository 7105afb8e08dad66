import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { KeyscopeError } from '../../errors';
import type { RoutePolicy } from '../../features';
import { createReadParameter } from '../../http/route-parameter';
import { type RedactOptions, type ResolvedRedactOptions, resolveRedactOptions } from '../options';
import { sharedMachine } from '../stream/wasm/machine';
import { formatFor } from './body-decision';
import { createExpressCheck } from './express-json';
import { createHooks } from './hooks';
import { OpenResponses } from './open-responses';
import { asKeyscopeError } from './rejection';
import { createReportResponse } from './report-response';
import type { RedactDeps, RouteParts } from './response-context';
import { ResponseRedaction } from './response-redaction';

/** HTTP/2 responses are another class with other methods. Express does not support them, but there are bridges. */
const HTTP_2 =
  'A response over HTTP/2 cannot be redacted. Use a proxy that speaks HTTP/2 to clients, and HTTP/1.1 to this server.';
const NAMES_CHOSEN =
  'The caller chooses member names on this route, and the project has not enabled everything that the route can send.';

const UNKNOWN = 'The configuration of the project could not be read.';

function rejectParsedPassthrough({ passthrough, formats }: ResolvedRedactOptions): void {
  const parsed = passthrough.find((type) => formatFor(type, formats) !== undefined);
  if (parsed === undefined) return;
  throw new KeyscopeError(
    'invalid_options',
    `redactResponse: passthrough names ${parsed}, whose bodies can be redacted and always are. Remove it, or remove ` +
      'redactResponse() from a route whose JSON needs no redaction.',
  );
}

/**
 * Creates `redactResponse()`: middleware that removes transcripts and metrics which the project has not enabled from responses, in
 * whatever way the handlers after it write them.
 */
export function createRedactResponse(deps: RedactDeps): (options?: RedactOptions) => RequestHandler {
  const isExpress = createExpressCheck();
  const openResponses = new OpenResponses(deps.checkInterval);

  return function redactResponse(given) {
    const options = resolveRedactOptions(given);
    sharedMachine();
    rejectParsedPassthrough(options);
    const { project } = options;
    const isMember = typeof project === 'object' && 'member' in project;
    const readProject = project === undefined || isMember ? undefined : createReadParameter(project, 'project');
    if (options.mode === 'report') {
      return createReportResponse(deps.reports, options, readProject, (req) => {
        if (req.httpVersionMajor > 1) return HTTP_2;
        return options.callerChoosesNames ? NAMES_CHOSEN : null;
      });
    }
    const route: RouteParts = { deps, options, isExpress, hooks: createHooks() };

    function proceed(redaction: ResponseRedaction, policy: RoutePolicy): void {
      const { req, next } = redaction;
      try {
        redaction.begin(policy, readProject?.(req));
      } catch (thrown) {
        redaction.begin();
        next(thrown);
        return;
      }
      if (options.callerChoosesNames && redaction.isRestricted) {
        redaction.reject(new KeyscopeError('feature_not_enabled', NAMES_CHOSEN));
      } else {
        next();
      }
    }

    function reject(redaction: ResponseRedaction, thrown: unknown): void {
      if (!redaction.res.writableEnded) redaction.reject(asKeyscopeError(thrown, UNKNOWN));
    }

    return function redactResponse(req: Request, res: Response, next: NextFunction): void {
      if (req.httpVersionMajor > 1) {
        deps.fail(new KeyscopeError('unredactable_response', HTTP_2), req, res, next);
        return;
      }
      // Mounted twice, the same middleware needs another place for its second receiver.
      const own = route.hooks.key in res ? { ...route, hooks: createHooks() } : route;
      const redaction = new ResponseRedaction(req, res, next, own, openResponses);
      let policy: RoutePolicy | PromiseLike<RoutePolicy>;
      try {
        policy = deps.resolvePolicy(req, res);
      } catch (thrown) {
        redaction.begin();
        reject(redaction, thrown);
        return;
      }
      if ('then' in policy) {
        // Until the policy is known, another middleware's response (a timeout) is redacted as if nothing were enabled.
        redaction.begin();
        policy.then(
          (known) => proceed(redaction, known),
          (thrown: unknown) => reject(redaction, thrown),
        );
      } else {
        proceed(redaction, policy);
      }
    };
  };
}
