import type { NextFunction, Request, Response } from 'express';
import { KeyscopeError } from '../../errors';
import { type ConfiguredResponse, type FeaturesFor, type RoutePolicy, STRICTER_MESSAGE } from '../../features';
import { destroyResponse } from '../../http/destroy-response';
import { type PolicySource, restricts } from '../policy';
import { isVouched } from './body-decision';
import { ErrorResponse } from './error-response';
import { ExpressInterceptor } from './express-interceptor';
import type { OpenResponse, OpenResponses } from './open-responses';
import type { InterceptorEvents } from './rejection';
import { type NamedProject, ResponseContext, type RouteParts } from './response-context';
import { headerText } from './response-headers';
import { isOutdated, passesByPolicy } from './response-state';

/** The redaction of one response, from its middleware to its end. */
export class ResponseRedaction extends ResponseContext implements InterceptorEvents, OpenResponse, ConfiguredResponse {
  place = -1;
  readonly #openResponses: OpenResponses;
  readonly #interceptor: ExpressInterceptor;
  #hasBegun = false;

  constructor(req: Request, res: Response, next: NextFunction, route: RouteParts, openResponses: OpenResponses) {
    super(req, res, next, route);
    this.#openResponses = openResponses;
    this.#interceptor = new ExpressInterceptor(this, this);
  }

  /** Sets the policy if it is known, and redacts from here on. */
  begin(policy?: RoutePolicy, named?: NamedProject): void {
    if (policy !== undefined) this.setPolicy(policy, named);
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.replaceMethods(this.#interceptor);
    this.#openResponses.add(this);
  }

  reject(error: KeyscopeError): void {
    this.#interceptor.fail(error);
  }

  onReject(error: KeyscopeError | undefined): void {
    new ErrorResponse(this, this.#interceptor, () => this.onEnd()).respond(error);
  }

  onAbort(error: KeyscopeError): void {
    const { res } = this;
    // Since Node 21, a response keeps the chunks and callbacks that were written while it was corked, and loses both if destroyed.
    for (let corked = res.writableCorked; corked > 0; corked--) res.uncork();
    this.route.deps.fail(error, this.req, res, this.next);
    if (!res.destroyed) destroyResponse(res, error);
  }

  onEnd(): void {
    // The end of a large body may still be waiting for the client, or for middleware that was mounted before us. Others are let go
    // at once: a response that lives until the next check is moved to the old generation, which costs more than the rest of this.
    if (this.isOver && this.res.writableLength === 0) this.#openResponses.delete(this);
  }

  /** Until the configurations are known, and can be watched. */
  check(): boolean {
    if (this.hasClosed() || this.policy?.watch?.(this)) return false;
    if (!this.#isOutdated(this.getPolicy())) return true;
    this.cut();
    return false;
  }

  hasClosed(): boolean {
    const { res } = this;
    return res.closed || res.destroyed || res.writableFinished;
  }

  isOutdated(featuresFor: FeaturesFor): boolean {
    return this.#isOutdated(this.getPolicy(featuresFor));
  }

  #isOutdated(source: PolicySource): boolean {
    const { state } = this.#interceptor;
    const passes = passesByPolicy(state) && !isVouched(headerText(this.res, 'content-type'), this.route.options);
    return passes ? restricts(source) : isOutdated(state, source);
  }

  cut(): void {
    destroyResponse(this.res, new KeyscopeError('unredactable_response', STRICTER_MESSAGE));
  }
}
