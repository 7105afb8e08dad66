import type { NextFunction, Request, Response } from 'express';
import { KeyscopeError } from '../../errors';
import { NOTHING_ENABLED, type RoutePolicy } from '../../features';
import type { ResolvedRedactOptions } from '../options';
import { type PolicySource, restricts, type Withheld } from '../policy';
import { isVouched } from './body-decision';
import { DrainEvents } from './drain-events';
import { ErrorResponse, type ErrorResponseSource } from './error-response';
import type { ExpressCheck } from './express-json';
import { JsonSender } from './json-sender';
import type { OpenResponse, OpenResponses } from './open-responses';
import { type Methods, OriginalResponse } from './original-response';
import type { InterceptorEvents } from './rejection';
import { type HiddenHeaders, hideFromHandler } from './request-headers';
import type { ResponseContext } from './response-head';
import { headerText, setPrivateCaching } from './response-headers';
import { ResponseInterceptor } from './response-interceptor';

export interface RedactDeps {
  /** While it is pending, the handler does not run. If it throws or rejects, the error is sent. */
  resolvePolicy(req: Request): RoutePolicy | PromiseLike<RoutePolicy>;
  /** Sends an error response, or destroys a response that has begun. */
  fail(error: KeyscopeError, req: Request, res: Response, next: NextFunction): void;
  /** The request header that carries the token, in lower case: responses vary on it. */
  readonly keyHeader: string;
  /** Whether `fail` sends an error's own message and calls no code of the application, so that it need not be redacted. */
  readonly usesDefaultErrorBody: boolean;
  /** Milliseconds between two looks at the policy of responses that pass through. */
  readonly checkInterval: number;
  /** Called once for a response from which something is withheld, before its headers are sent. */
  onRedacted?(req: Request, withheld: readonly Withheld[]): void;
}

const STRICTER = 'The configuration of the project changed while the response was sent.';
const NOTHING: PolicySource = { features: NOTHING_ENABLED };

/** The parts that all responses of an application share. */
export interface SharedParts {
  readonly deps: RedactDeps;
  readonly isExpress: ExpressCheck;
  readonly openResponses: OpenResponses;
}

/**
 * Reads the policy of the moment: a response may begin long after its request. `named` is the project that the request names, if
 * the options say how; a parameter that is missing or ambiguous names no project.
 */
function policyReader(
  project: ResolvedRedactOptions['project'],
  named: { readonly value: string | undefined } | undefined,
  route: RoutePolicy,
): () => PolicySource {
  if (named === undefined && (project !== undefined || route.routeProject === undefined)) {
    return () => ({ featuresFor: (projectId) => route.featuresFor(projectId) });
  }
  const projectId = named ? named.value : route.routeProject;
  return () => ({ features: route.featuresFor(projectId) });
}

// Bound functions, because V8 moves a response to the old generation if one of its own properties is a closure that refers to it.

function write(this: ResponseInterceptor, ...args: unknown[]): boolean {
  return this.write(args);
}

function end(this: ResponseInterceptor, res: Response, ...args: unknown[]): Response {
  this.end(args);
  return res;
}

function writeHead(this: ResponseInterceptor, ...args: unknown[]): unknown {
  return this.writeHead(args);
}

function json(this: JsonSender, ...args: unknown[]): unknown {
  return this.json(args);
}

function send(this: JsonSender, ...args: unknown[]): unknown {
  return this.send(args);
}

/** The redaction of one response: its policy, its parts, and its connection to the application. */
export class ResponseRedaction implements ResponseContext, InterceptorEvents, ErrorResponseSource, OpenResponse {
  readonly req: Request;
  readonly res: Response;
  readonly next: NextFunction;
  readonly options: ResolvedRedactOptions;
  readonly original: OriginalResponse;
  drain: DrainEvents | undefined;
  hidden: HiddenHeaders | undefined;
  readonly #shared: SharedParts;
  readonly #interceptor: ResponseInterceptor;
  #readPolicy: (() => PolicySource) | undefined;
  #route: RoutePolicy | undefined;
  #hasBegun = false;
  #release: (() => void) | undefined;

  constructor(req: Request, res: Response, next: NextFunction, options: ResolvedRedactOptions, shared: SharedParts) {
    this.req = req;
    this.res = res;
    this.next = next;
    this.options = options;
    this.#shared = shared;
    this.original = new OriginalResponse(res);
    this.#interceptor = new ResponseInterceptor(this, this);
  }

  get keyHeader(): string {
    return this.#shared.deps.keyHeader;
  }

  get usesDefaultErrorBody(): boolean {
    return this.#shared.deps.usesDefaultErrorBody;
  }

  get isExpress(): boolean {
    return this.#shared.isExpress(this.req, this.res);
  }

  /** The policy of this moment. Until it is known, nothing is enabled. */
  getPolicy(): PolicySource {
    return this.#readPolicy?.() ?? NOTHING;
  }

  get isRestricted(): boolean {
    return restricts(this.getPolicy());
  }

  setPolicy(route: RoutePolicy, named: { readonly value: string | undefined } | undefined): void {
    this.#route = route;
    this.#readPolicy = policyReader(this.options.project, named, route);
  }

  /**
   * Replaces methods of the response, as its own properties: Node, Express and everything that pipes look them up there. `json` and
   * `send` are only replaced if something may have to be removed, because each property costs 4 µs on Node 22 and before.
   */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { req, res, original, options } = this;
    const interceptor = this.#interceptor;
    const methods: Methods = {
      write: write.bind(interceptor),
      end: end.bind(interceptor, res),
      writeHead: writeHead.bind(interceptor),
      json: undefined,
      send: undefined,
    };
    if (this.isRestricted) {
      this.hidden = hideFromHandler(req, res, options.passthrough);
      original.trackSources();
      // compression() moves listeners of 'drain' elsewhere.
      if (Object.hasOwn(res, 'on')) this.drain = new DrainEvents(res);
      if (original.isExpress) {
        const sender = new JsonSender(this, interceptor, res, methods);
        methods.json = json.bind(sender);
        methods.send = send.bind(sender);
      }
    }
    if (original.changesHeaders) original.beforeHeaders(() => setPrivateCaching(res, this.keyHeader));
    original.replace(methods);
    this.#shared.openResponses.add(this);
  }

  reject(error: KeyscopeError): void {
    this.#interceptor.fail(error);
  }

  onRedacted(withheld: readonly Withheld[]): void {
    this.#shared.deps.onRedacted?.(this.req, withheld);
  }

  fail(error: KeyscopeError, res: Response, next: NextFunction): void {
    this.#shared.deps.fail(error, this.req, res, next);
  }

  onReject(): ErrorResponse {
    return new ErrorResponse(this, this);
  }

  onAbort(error: KeyscopeError): void {
    this.fail(error, this.res, this.next);
    if (!this.res.destroyed) this.res.destroy(error);
  }

  onEnd(): void {
    // The end of a large body may still be waiting for the client, or for middleware that was mounted before us. Others are let go
    // at once: a response that lives until the next check is moved to the old generation, which costs more than the rest of this.
    if (this.#interceptor.passesByPolicy && !(this.original.isOver && this.res.writableLength === 0)) return;
    this.#release?.();
    this.#shared.openResponses.delete(this);
  }

  check(): boolean {
    const { res } = this;
    if (res.closed || res.destroyed || res.writableFinished) {
      this.#release?.();
      return false;
    }
    this.#release ??= this.#route?.keepFresh?.();
    const stops =
      res.headersSent &&
      this.#interceptor.passesByPolicy &&
      this.isRestricted &&
      !isVouched(headerText(res, 'content-type'), this.options);
    if (stops) res.destroy(new KeyscopeError('unredactable_response', STRICTER));
    return true;
  }
}
