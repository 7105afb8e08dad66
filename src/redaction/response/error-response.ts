import type { NextFunction, Response } from 'express';
import { KeyscopeError } from '../../errors';
import { problemOf } from '../../http/problem-response';
import { JsonSender } from './json-sender';
import type { Methods } from './original-response';
import type { ReplacementResponse } from './rejection';
import type { ResponseContext } from './response-head';
import { removeDescription, removeResponseHeaders } from './response-headers';
import { ResponseInterceptor } from './response-interceptor';

/** How the application sends error responses. */
export interface ErrorResponseSource {
  /** Whether `fail` sends an error's own message and calls no code of the application, so that it need not be redacted. */
  readonly usesDefaultErrorBody: boolean;
  /** Sends an error response, now or later, or destroys a response that has begun. */
  fail(error: KeyscopeError, res: Response, next: NextFunction): void;
  readonly next: NextFunction;
  onEnd(): void;
}

/**
 * The response with other methods, so that what is written to it can be told apart from what the handler goes on to write. Methods
 * that middleware has replaced may be bound to the response itself, so they are called by `run`.
 */
function createView(res: Response, methods: Methods, run: (call: () => unknown) => unknown): Response {
  const own = new Map<PropertyKey, unknown>(Object.entries(methods).filter(([, method]) => method !== undefined));
  return new Proxy(res, {
    get(target, name, view) {
      if (own.has(name)) return own.get(name);
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || !Object.hasOwn(target, name)) return value;
      return (...args: unknown[]) => run(() => Reflect.apply(value, view, args));
    },
    set(target, name, value) {
      if (own.has(name)) own.set(name, value);
      else Reflect.set(target, name, value, target);
      return true;
    },
  });
}

/**
 * The response that is sent instead of a rejected one. `onError` gets a view of the response, which nothing but `onError` writes
 * to. Error handlers behind `next(error)` get the handler's own response, so only what they send at once, or as a whole with `json`
 * or `send`, is accepted from it.
 */
export class ErrorResponse implements ReplacementResponse {
  readonly #context: ResponseContext;
  readonly #responder: ErrorResponseSource;
  readonly #view: Response;
  #interceptor: ResponseInterceptor;
  #sender: JsonSender | undefined;
  #isRunning = false;
  #isForwarded = false;

  constructor(context: ResponseContext, responder: ErrorResponseSource) {
    this.#context = context;
    this.#responder = responder;
    const response = this;
    const methods: Methods = {
      write: (...args) => this.#interceptor.write(args),
      end(...args) {
        response.#interceptor.end(args);
        return response.#view;
      },
      writeHead: (...args) => this.#interceptor.writeHead(args),
      json: context.original.isExpress ? (...args) => this.#sender!.json(args) : undefined,
      send: context.original.isExpress ? (...args) => this.#sender!.send(args) : undefined,
    };
    this.#view = createView(context.res, methods, (call) => this.#run(call));
    this.#interceptor = this.#createInterceptor((error, status) => this.sendProblem(error, status));
    if (context.original.isExpress) this.#sender = new JsonSender(context, this.#interceptor, this.#view, methods);
  }

  #createInterceptor(onReject: (error: KeyscopeError, status: number) => void): ResponseInterceptor {
    const { res } = this.#context;
    return new ResponseInterceptor(this.#context, {
      onReject(error, status) {
        onReject(error, status);
        return undefined;
      },
      onAbort: (error) => void res.destroy(error),
      onEnd: () => this.#responder.onEnd(),
    });
  }

  /** Lets the application send the error response. */
  send(error: KeyscopeError): void {
    if (this.#responder.usesDefaultErrorBody) this.#interceptor.trust();
    const next = (thrown?: unknown): void => {
      this.#isForwarded = true;
      this.#run(() => this.#responder.next(thrown));
    };
    this.#run(() => {
      try {
        this.#responder.fail(error, this.#view, next);
      } catch (thrown) {
        next(thrown);
      }
    });
  }

  /** Sends a problem document of our own. */
  sendProblem(error: KeyscopeError, status: number): void {
    const { res } = this.#context;
    this.#interceptor = this.#createInterceptor(() => {});
    this.#interceptor.trust();
    if (status === error.status) {
      removeResponseHeaders(res);
      res.setHeader('Cache-Control', 'no-store');
    }
    res.statusCode = status;
    res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
    this.#interceptor.end([Buffer.from(JSON.stringify({ ...problemOf(error), status }))]);
  }

  #run<T>(step: () => T): T {
    const before = this.#isRunning;
    this.#isRunning = true;
    try {
      return step();
    } finally {
      this.#isRunning = before;
    }
  }

  /** A call on the handler's response. Undefined: it is the handler's, and discarded. */
  write(args: readonly unknown[]): boolean | undefined {
    return this.#isRunning ? this.#interceptor.write(args) : this.#takeOver();
  }

  end(args: readonly unknown[]): boolean {
    if (this.#isRunning) this.#interceptor.end(args);
    else this.#takeOver();
    return this.#isRunning;
  }

  /** Node's own call comes after the body has begun, later if other middleware delays the end. A call of the handler is ignored. */
  writeHead(args: readonly unknown[]): unknown {
    if (this.#isRunning) return this.#interceptor.writeHead(args);
    return this.#interceptor.isUndecided ? undefined : this.#interceptor.writeHead([this.#context.res.statusCode]);
  }

  json(args: readonly unknown[]): unknown {
    return this.#accepts ? this.#sender!.json(args) : this.#context.res;
  }

  sendBody(args: readonly unknown[]): unknown {
    return this.#accepts ? this.#sender!.send(args) : this.#context.res;
  }

  get #accepts(): boolean {
    return this.#isRunning || (this.#isForwarded && this.#interceptor.isUndecided);
  }

  /**
   * A chunk that comes later may be the handler's, or an error handler's if there is a type again. It cannot be told which, so the
   * error is sent without it.
   */
  #takeOver(): undefined {
    const { res } = this.#context;
    if (!this.#isForwarded || res.writableEnded) return;
    if (!this.#interceptor.isUndecided) res.destroy();
    else if (res.hasHeader('content-type')) {
      const status = res.statusCode >= 400 ? res.statusCode : 500;
      removeDescription(res);
      this.sendProblem(new KeyscopeError('unredactable_response', 'The error response could not be redacted.'), status);
    }
  }
}
