import type { Request, RequestHandler, Response } from 'express';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { isPlainText } from '../field-schemas';
import { readBody } from '../http/read-body';
import { createAuthenticateOperator } from './authenticate-operator';
import { readIdempotencyKey, readIfMatch } from './conditional-headers';
import { assetPath, type Console } from './console/console';
import { checkFieldNames } from './field-names';
import type { OperationRequest, OperationResponse, Operator } from './handler';
import { createIdempotency } from './idempotency';
import { createOperationTable, isWrite, type Match, type Operation } from './operation';
import { type AdminRouterOptions, resolveAdminOptions } from './options';
import { readQuery } from './read-query';
import { sendError, sendLines, sendResponse, setCommonHeaders, toKeyscopeError } from './respond';
import { createOperations, type OperationDeps } from './routes';
import { createSameOrigin } from './same-origin';

export interface AdminRouterDeps extends OperationDeps {
  readonly clock: Clock;
  /** Receives server errors, whose cause the response does not show. */
  readonly report: (error: KeyscopeError) => void;
  /** Registers a callback for when the app closes. */
  readonly onClose: (release: () => void) => void;
  readonly console?: Console;
}

const NOT_SIGNED_IN_MESSAGE = 'Not signed in. Sign in to the application, then try again.';
const READ_ONLY_MESSAGE = 'Your access is read-only.';
const NOT_FOUND_MESSAGE = 'Unknown path. GET openapi.json lists all paths.';

/** Express' `req.ip`, or the peer's address if a header made that invalid. */
function sourceOf(req: Request): string | null {
  return [req.ip, req.socket.remoteAddress].find((ip) => ip !== undefined && isPlainText(ip, 200)) ?? null;
}

/** The request for a handler, without its body. */
function readRequest(req: Request, search: string, operation: Operation, match: Match, operator: Operator) {
  return {
    operator,
    source: sourceOf(req),
    mount: (req.baseUrl ?? '').replace(/\/+$/, ''),
    params: match.params,
    query: readQuery(operation.query, search, 'The request'),
    ifMatch: operation.conditional ? readIfMatch(req) : null,
    idempotencyKey: operation.idempotent ? readIdempotencyKey(req) : null,
  };
}

export function createAdminRouter(deps: AdminRouterDeps) {
  const { clock, report, onClose, console: webConsole } = deps;

  /**
   * The REST operations and the console, as one handler for `app.use(path, …)`. It uses no Express router, so it works
   * with each supported Express version and any mount path.
   *
   * @throws {KeyscopeError} `invalid_options`, at once, also without `authenticate`.
   */
  return function adminRouter(options: AdminRouterOptions): RequestHandler {
    const settings = resolveAdminOptions(options);
    const { maxBody, challenge, signInUrl } = settings;
    const findResource = createOperationTable(createOperations(deps, settings));
    const authenticateOperator = createAuthenticateOperator(settings.authenticate, report);
    const checkSameOrigin = createSameOrigin(settings.allowedOrigins);
    const idempotency = createIdempotency(clock);
    onClose(() => idempotency.close());

    async function readJson(req: Request, operation: Operation): Promise<unknown> {
      if (!operation.body) return undefined;
      const body = await readBody(req, maxBody, 'adminRouter');
      operation.checkBody?.(body);
      checkFieldNames(operation.body, body);
      return body;
    }

    async function perform(operation: Operation, request: OperationRequest, path: string): Promise<OperationResponse> {
      const { operator, idempotencyKey, body, ifMatch } = request;
      if (idempotencyKey === null) return operation.handle(request);
      const scope = [operator.workspaceId, operator.actor, path, idempotencyKey];
      return idempotency.run({ scope, body: { body, ifMatch } }, async () => operation.handle(request));
    }

    async function serveOperation(req: Request, res: Response, path: string, search: string): Promise<void> {
      if (isWrite(req.method)) checkSameOrigin(req);
      const operator = await authenticateOperator(req);
      if (operator === null) throw new KeyscopeError('unauthenticated', NOT_SIGNED_IN_MESSAGE);
      const match = findResource(path);
      if (match === null) throw new KeyscopeError('not_found', NOT_FOUND_MESSAGE);
      const operation = match.operation(req.method);
      if (operation === undefined) {
        res.setHeader('Allow', match.allowed);
        if (req.method === 'OPTIONS') return sendResponse(req, res, { status: 204 });
        throw new KeyscopeError('method_not_allowed', `This path accepts ${match.allowed}.`);
      }
      if (operator.readOnly && isWrite(req.method)) throw new KeyscopeError('read_only', READ_ONLY_MESSAGE);
      const request = readRequest(req, search, operation, match, operator);
      const body = await readJson(req, operation);
      const response = await perform(operation, { ...request, body }, path);
      if (response.stream === undefined) sendResponse(req, res, response);
      else await sendLines(req, res, { ...response, lines: response.stream });
    }

    async function servePage({ page }: Console, req: Request, res: Response): Promise<void> {
      const operator = await authenticateOperator(req);
      if (operator === null) {
        res.statusCode = 401;
        res.setHeader('WWW-Authenticate', challenge);
      }
      await page(req, res, operator, { signInUrl });
    }

    async function serve(req: Request, res: Response): Promise<void> {
      const [given = '', search = ''] = req.url.split(/\?(.*)/s, 2);
      // Proxies that join paths can double slashes: `/admin//keys`.
      const path = given.replace(/\/{2,}/g, '/');
      if (webConsole && (req.method === 'GET' || req.method === 'HEAD')) {
        const asset = assetPath(path);
        if (asset !== null) return webConsole.asset(req, res, asset);
        if (path === '/') return servePage(webConsole, req, res);
      }
      return serveOperation(req, res, path, search);
    }

    return function serveAdmin(req, res, next) {
      setCommonHeaders(res);
      serve(req, res)
        .catch((thrown: unknown) => {
          const error = toKeyscopeError(thrown);
          if (error.status >= 500) report(error);
          sendError(error, req, res, next, challenge);
        })
        // If sending the error failed.
        .catch(next);
    };
  };
}
