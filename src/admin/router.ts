import type { Request, RequestHandler, Response } from 'express';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { isPlainText } from '../field-schemas';
import { parseInput } from '../validate-input';
import { createIdentify } from './authenticate-operator';
import { readIdempotencyKey, readIfMatch } from './conditional-headers';
import type { Answer, Call, Identity } from './handler';
import { createIdempotency } from './idempotency';
import { createRouteTable, isWrite, type Match, type Route } from './operation';
import { type AdminRouterOptions, resolveAdminOptions } from './options';
import { readBody } from './read-body';
import { readQuery } from './read-query';
import { sendAnswer, sendError, setCommonHeaders, toKeyscopeError } from './respond';
import { createRoutes, type RouteDeps } from './routes';
import { createSameOrigin } from './same-origin';
import { assetPath, type Console } from './web-console';

export interface AdminRouterDeps extends RouteDeps {
  readonly clock: Clock;
  /** Hears of what failed and whose cause no caller is told. */
  readonly report: (error: KeyscopeError) => void;
  /** Registers what is to be done when the app closes. */
  readonly onClose: (cleanUp: () => void) => void;
  readonly console?: Console;
}

const WHAT = 'The request';

const NOBODY = 'Nobody is signed in. Sign in to the application, then try again.';
const READ_ONLY = 'You may look at everything here and change nothing.';
const NO_SUCH_PATH = 'There is nothing under this path. GET openapi.json, beside the other paths, lists what there is.';

/** The caller's address as Express tells it, or the peer's where a header made something else of it. */
function sourceOf(req: Request): string | null {
  return [req.ip, req.socket.remoteAddress].find((ip) => ip !== undefined && isPlainText(ip, 200)) ?? null;
}

/** What the handler is called with. Reads no body. */
function describeCall(req: Request, search: string, route: Route, match: Match, identity: Identity) {
  return {
    identity,
    source: sourceOf(req),
    mount: (req.baseUrl ?? '').replace(/\/+$/, ''),
    params: match.params,
    query: readQuery(route.query, search, WHAT),
    ifMatch: route.conditional ? readIfMatch(req) : null,
    idempotencyKey: route.idempotent ? readIdempotencyKey(req) : null,
  };
}

export function createAdminRouter(deps: AdminRouterDeps) {
  const { clock, report, onClose, console: webConsole } = deps;

  /**
   * The REST routes and the console, as one handler for `app.use(path, …)`. It needs no router of Express, hence runs
   * under any of its majors, and any mount path.
   *
   * @throws {KeyscopeError} `invalid_options`, at once, above all without `authenticate`.
   */
  return function adminRouter(options: AdminRouterOptions): RequestHandler {
    const settings = resolveAdminOptions(options);
    const { maxBody, challenge, signInUrl } = settings;
    const findRoute = createRouteTable(createRoutes(deps, settings));
    const identify = createIdentify(settings.authenticate, report);
    const checkSameOrigin = createSameOrigin(settings.allowedOrigins);
    const idempotency = createIdempotency(clock);
    onClose(() => idempotency.close());

    async function readInput(req: Request, route: Route): Promise<unknown> {
      if (!route.body) return undefined;
      const body = await readBody(req, maxBody);
      route.checkBody?.(body);
      return parseInput(route.body, body, WHAT);
    }

    async function handle(route: Route, call: Call, path: string): Promise<Answer> {
      const { identity, idempotencyKey, body, ifMatch } = call;
      if (idempotencyKey === null) return route.handle(call);
      const scope = [identity.workspaceId, identity.actor, path, idempotencyKey];
      return idempotency.run({ scope, body: { body, ifMatch } }, async () => route.handle(call));
    }

    async function serveRoute(req: Request, res: Response, path: string, search: string): Promise<void> {
      if (isWrite(req.method)) checkSameOrigin(req);
      const identity = await identify(req);
      if (identity === null) throw new KeyscopeError('unauthenticated', NOBODY);
      const match = findRoute(path);
      if (match === null) throw new KeyscopeError('not_found', NO_SUCH_PATH);
      const route = match.route(req.method);
      if (route === undefined) {
        res.setHeader('Allow', match.allowed);
        if (req.method === 'OPTIONS') return sendAnswer(req, res, { status: 204 });
        throw new KeyscopeError('method_not_allowed', `This path takes ${match.allowed}.`);
      }
      if (identity.readOnly && isWrite(req.method)) throw new KeyscopeError('read_only', READ_ONLY);
      const call = describeCall(req, search, route, match, identity);
      const body = await readInput(req, route);
      sendAnswer(req, res, await handle(route, { ...call, body }, path));
    }

    async function servePage({ page }: Console, req: Request, res: Response): Promise<void> {
      const identity = await identify(req);
      if (identity === null) {
        res.statusCode = 401;
        res.setHeader('WWW-Authenticate', challenge);
      }
      await page(req, res, identity, { signInUrl });
    }

    async function serve(req: Request, res: Response): Promise<void> {
      const [path = '', search = ''] = req.url.split(/\?(.*)/s, 2);
      if (webConsole && (req.method === 'GET' || req.method === 'HEAD')) {
        const asset = assetPath(path);
        if (asset !== null) return webConsole.asset(req, res, asset);
        if (path === '/') return servePage(webConsole, req, res);
      }
      return serveRoute(req, res, path, search);
    }

    return function serveAdmin(req, res, next) {
      setCommonHeaders(res);
      serve(req, res)
        .catch((thrown: unknown) => {
          const error = toKeyscopeError(thrown);
          if (error.status >= 500) report(error);
          sendError(req, res, error, challenge);
        })
        // Only where not even the error could be sent.
        .catch(next);
    };
  };
}
