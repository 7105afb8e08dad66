import type { Response } from 'express';
import { KeyscopeError } from '../../errors';
import { destroyResponse } from '../../http/destroy-response';
import { problemOf } from '../../http/problem-response';
import { ExpressInterceptor } from './express-interceptor';
import type { Receiver } from './hooks';
import type { InterceptorEvents } from './rejection';
import type { ResponseContext } from './response-context';
import { removeDescription, removeResponseHeaders } from './response-headers';

const WITHHELD = new KeyscopeError(
  'unredactable_response',
  'The body of this error response was not JSON, and was withheld.',
);

/**
 * The response that is sent instead of a rejected one. `onError` gets a view of the response, which nothing but `onError` writes
 * to. Error handlers behind `next(error)` get the handler's own response, so only what they send at once, or as a whole with `json`
 * or `send`, is accepted from it.
 */
export class ErrorResponse implements Receiver {
  readonly #context: ResponseContext;
  /** Discards what the handler goes on to write. */
  readonly #rejected: Receiver;
  readonly #onEnd: () => void;
  readonly #view: Response;
  #interceptor: ExpressInterceptor;
  #isRunning = false;
  #isForwarded = false;

  constructor(context: ResponseContext, rejected: Receiver, onEnd: () => void) {
    this.#context = context;
    this.#rejected = rejected;
    this.#onEnd = onEnd;
    this.#interceptor = this.#createInterceptor((error) => this.#sendProblem(error));
    this.#view = this.#createView();
    context.receiver = this;
    // Trailers that the handler goes on to add measure a body that is not sent.
    context.res.addTrailers = () => {};
  }

  #createInterceptor(onReject: InterceptorEvents['onReject']): ExpressInterceptor {
    const onAbort = (error: KeyscopeError) => destroyResponse(this.#context.res, error);
    return new ExpressInterceptor(this.#context, { onReject, onAbort, onEnd: this.#onEnd });
  }

  /**
   * The response with another receiver, so that what is written to it can be told apart from what the handler goes on to write.
   * Other methods that middleware has replaced may be bound to the response itself, so they are called by `#run`.
   */
  #createView(): Response {
    const { res, route, hasExpressMethods } = this.#context;
    const { write, end, writeHead, json, send } = route.hooks.methods;
    const own = new Map<PropertyKey, unknown>(Object.entries({ write, end, writeHead }));
    if (hasExpressMethods) own.set('json', json).set('send', send);
    return new Proxy(res, {
      get: (target, name, view) => {
        if (name === route.hooks.key) return this.#interceptor;
        if (own.has(name)) return own.get(name);
        if (name === 'headersSent') return this.#context.isHeadSent;
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function' || !Object.hasOwn(target, name)) return value;
        return (...args: unknown[]) => this.#run(() => Reflect.apply(value, view, args));
      },
      set(target, name, value) {
        if (own.has(name)) own.set(name, value);
        else Reflect.set(target, name, value, target);
        return true;
      },
    });
  }

  /** Lets the application send the error response. Undefined: sends a problem document with the status of the response. */
  respond(error: KeyscopeError | undefined): void {
    const { req, res, next, route } = this.#context;
    if (error === undefined) {
      this.#sendProblem(undefined);
      return;
    }
    removeResponseHeaders(res);
    if (route.deps.usesDefaultErrorBody) this.#interceptor.trust();
    const forward = (thrown?: unknown): void => {
      this.#isForwarded = true;
      // From here on the handler's response is that of the error handlers.
      Reflect.deleteProperty(res, 'headersSent');
      this.#run(() => next(thrown));
    };
    this.#run(() => {
      try {
        route.deps.fail(error, req, this.#view, forward);
      } catch (thrown) {
        forward(thrown);
      }
    });
  }

  #sendProblem(
    error: KeyscopeError = WITHHELD,
    status = error === WITHHELD ? this.#context.res.statusCode : error.status,
  ): void {
    const { res } = this.#context;
    this.#interceptor = this.#createInterceptor(() => {});
    this.#interceptor.trust();
    removeDescription(res);
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

  write(args: readonly unknown[]): boolean {
    if (this.#isRunning) return this.#interceptor.write(args);
    this.#takeOver();
    return this.#rejected.write(args);
  }

  end(args: readonly unknown[]): void {
    if (!this.#isRunning) this.#takeOver();
    (this.#isRunning ? this.#interceptor : this.#rejected).end(args);
  }

  /** Node's own call comes after the body has begun, later if other middleware delays the end. A call of the handler is ignored. */
  writeHead(args: readonly unknown[]): unknown {
    if (this.#isRunning) return this.#interceptor.writeHead(args);
    const { res } = this.#context;
    return this.#interceptor.isUndecided ? res : this.#interceptor.writeHead([res.statusCode]);
  }

  json(args: readonly unknown[]): unknown {
    return this.#accepts ? this.#interceptor.json(args, this.#view) : this.#context.res;
  }

  send(args: readonly unknown[]): unknown {
    return this.#accepts ? this.#interceptor.send(args, this.#view) : this.#context.res;
  }

  get #accepts(): boolean {
    return this.#isRunning || (this.#isForwarded && this.#interceptor.isUndecided);
  }

  /**
   * A chunk that comes later may be the handler's, or an error handler's if there is a type again. It cannot be told which, so the
   * error is sent without it.
   */
  #takeOver(): void {
    const { res } = this.#context;
    if (!this.#isForwarded || this.#interceptor.hasEnded || res.writableEnded) return;
    if (!this.#interceptor.isUndecided) destroyResponse(res);
    else if (res.hasHeader('content-type')) {
      const status = res.statusCode >= 400 ? res.statusCode : 500;
      this.#sendProblem(
        new KeyscopeError('unredactable_response', 'The error response could not be redacted.'),
        status,
      );
    }
  }
}
