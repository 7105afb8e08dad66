import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { NextFunction, Request, Response } from 'express';
import type { KeyscopeError } from '../../errors';
import { type FeaturesFor, NOTHING_ENABLED, type RoutePolicy } from '../../features';
import type { ResolvedRedactOptions } from '../options';
import { type PolicySource, restricts, type Withheld } from '../policy';
import { DrainEvents } from './drain-events';
import type { ExpressCheck } from './express-json';
import type { Callback, Hooks, Method, Methods, Receiver } from './hooks';
import { type HiddenHeaders, hideFromHandler } from './request-headers';
import { setPrivateCaching } from './response-headers';

/** Parts of the application that the redaction of its responses needs. */
export interface RedactDeps {
  /** While it is pending, the handler does not run. If it throws or rejects, the error is sent. */
  resolvePolicy(req: Request, res: Response): RoutePolicy | PromiseLike<RoutePolicy>;
  /** Sends an error response, or destroys a response that has begun. */
  fail(error: KeyscopeError, req: Request, res: Response, next: NextFunction): void;
  /** The value of `Vary`: the request headers that can carry the token. Empty if it is not in a header. */
  readonly vary: string;
  /** Whether `fail` sends an error's own message and calls no code of the application, so that it need not be redacted. */
  readonly usesDefaultErrorBody: boolean;
  /** Milliseconds between two looks at the policy of responses that pass through. */
  readonly checkInterval: number;
  /** Called once for a response from which something is withheld, before its headers are sent. */
  onRedacted?(req: Request, withheld: readonly Withheld[]): void;
  /** For `mode: 'report'`. */
  readonly reports: ReportDeps;
}

/** Parts of the application that reports on responses need. */
export interface ReportDeps {
  /** Undefined: the request would have been denied. May throw or reject. */
  resolvePolicy(req: Request): RoutePolicy | undefined | PromiseLike<RoutePolicy | undefined>;
  /** Called after a response that redaction would have changed. */
  onReport(req: Request, report: RedactionReport): void;
  /** Called if a report could not be made. The response was not affected. */
  onError(error: unknown): void;
}

/** The effects that redaction would have had on a response. */
export interface RedactionReport {
  /** The features whose fields would have been removed. */
  readonly withheld: readonly Withheld[];
  /** Why the body could not have been sent; null if it could. */
  readonly rejection: string | null;
  /** Whether only the beginning of the body was looked at. */
  readonly isPartial: boolean;
}

/** The parts that all responses of a route share. */
export interface RouteParts {
  readonly deps: RedactDeps;
  readonly options: ResolvedRedactOptions;
  readonly hooks: Hooks;
  readonly isExpress: ExpressCheck;
}

/** Parts of Node's response that have no public name. */
interface NodePrivate {
  _send?: (data: string | Uint8Array, encoding: unknown, callback: unknown, length: unknown) => boolean;
  _storeHeader?: Method;
  cork: () => void;
  uncork: () => void;
}

const NOTHING: PolicySource = { features: NOTHING_ENABLED };

/** A project that the request names, if the options say how. A parameter that is missing or ambiguous names none. */
export interface NamedProject {
  readonly value: string | undefined;
}

/** Whether each conversation of a body names its project. */
function mixesProjects(policy: RoutePolicy, named: NamedProject | undefined, options: ResolvedRedactOptions): boolean {
  return !named && (options.project !== undefined || policy.routeProject === undefined);
}

function mixedSource(policy: RoutePolicy): PolicySource {
  return { featuresFor: (projectId) => policy.featuresFor(projectId) };
}

/** The policy of this moment, for a response that is only looked at. */
export function readPolicy(
  policy: RoutePolicy,
  named: NamedProject | undefined,
  options: ResolvedRedactOptions,
): PolicySource {
  if (mixesProjects(policy, named, options)) return mixedSource(policy);
  return { features: policy.featuresFor(named ? named.value : policy.routeProject) };
}

/**
 * The surroundings of one response: its request, its policy, and the original response. All output goes through it.
 *
 * If no middleware has replaced `write` or `end` before, bytes that reach Node's innermost `_send` on another way (a reference to
 * `res.write` kept from before, `ServerResponse.prototype.write.call(res)`) are detected and not sent. If one has (compression,
 * sessions), its writes cannot be told apart from such.
 */
export class ResponseContext {
  /** Whether Express' `json` and `send` exist, and no middleware has replaced them on this response before. */
  readonly hasExpressMethods: boolean;
  /** Whether middleware that was mounted before us has replaced `write` or `end`. */
  readonly isPatched: boolean;
  /** Undefined if everything was enabled when the request arrived. */
  hidden: HiddenHeaders | undefined = undefined;
  /** Set if other middleware would move listeners of `'drain'` out of reach, and while a body is decoded. */
  drain: DrainEvents | undefined = undefined;
  readonly #methods: Pick<Methods, 'write' | 'end' | 'writeHead'>;
  /** How many of our own calls are in progress. Bytes that reach `_send` during one are ours. */
  #calls = 0;
  #isGuarded = false;
  readonly #sources: Readable[] = [];
  protected policy: RoutePolicy | undefined = undefined;
  #projectId: string | undefined = undefined;
  #mixesProjects = false;

  constructor(
    readonly req: Request,
    readonly res: Response,
    readonly next: NextFunction,
    readonly route: RouteParts,
  ) {
    const { write, end, writeHead, json, send } = res as unknown as Methods;
    this.#methods = { write, end, writeHead };
    const isReplaced = Object.hasOwn(res, 'json') || Object.hasOwn(res, 'send');
    this.hasExpressMethods = typeof json === 'function' && typeof send === 'function' && !isReplaced;
    this.isPatched = Object.hasOwn(res, 'write') || Object.hasOwn(res, 'end');
  }

  setPolicy(policy: RoutePolicy, named: NamedProject | undefined): void {
    this.policy = policy;
    this.#projectId = named ? named.value : policy.routeProject;
    this.#mixesProjects = mixesProjects(policy, named, this.route.options);
    // Not before: until the policy is known no handler runs, which would see the headers.
    if (this.isRestricted) this.hidden ??= hideFromHandler(this.req, this.res, this.route.options);
  }

  /** The policy of this moment: a response may begin long after its request. Until it is known, nothing is enabled. */
  getPolicy(featuresFor?: FeaturesFor): PolicySource {
    const { policy } = this;
    if (policy === undefined) return NOTHING;
    if (this.#mixesProjects) return featuresFor === undefined ? mixedSource(policy) : { featuresFor };
    return { features: featuresFor?.(this.#projectId) ?? policy.featuresFor(this.#projectId) };
  }

  /** Whether something could have to be removed by the policy of this moment. */
  get isRestricted(): boolean {
    return restricts(this.getPolicy());
  }

  /** Whether `res.json` and `res.send` are those of Express. */
  get isExpress(): boolean {
    return this.route.isExpress(this.req, this.res);
  }

  /**
   * Replaces methods of the response, as its own properties: Node, Express and everything that pipes look them up there. `json` and
   * `send` are only replaced if something may have to be removed, because each property costs 4 µs on Node 22 and before.
   */
  replaceMethods(receiver: Receiver): void {
    const { res, route } = this;
    const { key, methods } = route.hooks;
    // Middleware that was mounted before us may change the headers when they are written.
    if (Object.hasOwn(res, 'writeHead')) this.beforeHeaders(() => setPrivateCaching(res, route.deps.vary));
    // By name: a property added in a loop over names makes V8 give up on the object's shape, at 100 µs a response.
    const target = res as unknown as Methods & { [key: symbol]: Receiver };
    target[key] = receiver;
    target.write = methods.write;
    target.end = methods.end;
    target.writeHead = methods.writeHead;
    // Nothing is hidden if everything is enabled.
    if (this.policy !== undefined && this.hidden === undefined) return;
    if (this.hasExpressMethods) {
      target.json = methods.json;
      target.send = methods.send;
    }
    res.on('pipe', (source: Readable) => void this.#sources.push(source));
    // compression() moves listeners of 'drain' elsewhere.
    if (Object.hasOwn(res, 'on')) this.drain = new DrainEvents(res);
  }

  set receiver(receiver: Receiver) {
    (this.res as unknown as { [key: symbol]: Receiver })[this.route.hooks.key] = receiver;
  }

  /**
   * Whether Node sends nothing more. Not `writableEnded`: another redaction after us sets that while it is still decoding a body.
   */
  get isOver(): boolean {
    const { finished, destroyed } = this.res;
    return finished || destroyed;
  }

  /** Whether Node has sent the head. A handler is told so before, if what it wrote is held or discarded. */
  get isHeadSent(): boolean {
    const { res } = this;
    if (!Object.hasOwn(res, 'headersSent')) return res.headersSent;
    return Reflect.get(Object.getPrototypeOf(res), 'headersSent', res) as boolean;
  }

  /** Whether one of our own calls is in progress. */
  get isCalling(): boolean {
    return this.#calls > 0;
  }

  /** Runs `step` before Node serializes the headers, after any middleware that was mounted before us and changes them. */
  beforeHeaders(step: () => void): void {
    const res = this.res as unknown as NodePrivate;
    const storeHeader = res._storeHeader;
    if (typeof storeHeader !== 'function') return;
    res._storeHeader = function _storeHeader(...args) {
      step();
      return storeHeader.apply(this, args);
    };
  }

  /** Calls an original method, with the arguments and errors that are its own. */
  call(name: 'write' | 'end' | 'writeHead', args: readonly unknown[]): unknown {
    this.#calls++;
    try {
      return Reflect.apply(this.#methods[name], this.res, args);
    } finally {
      this.#calls--;
    }
  }

  write(bytes: Uint8Array, callback: Callback | undefined): boolean {
    return this.call('write', callback ? [bytes, callback] : [bytes]) as boolean;
  }

  end(bytes: Uint8Array, callback?: Callback): void {
    const args: unknown[] = bytes.length > 0 ? [bytes] : [];
    if (callback) args.push(callback);
    this.call('end', args);
  }

  /** Calls back for a chunk of which nothing is sent, if possible after all that was written before has been sent. */
  confirm(callback: Callback | undefined): boolean {
    if (callback && this.isHeadSent && !this.isPatched) this.write(Buffer.alloc(0), callback);
    else if (callback) process.nextTick(callback);
    return true;
  }

  /**
   * Writes a chunk as the handler gave it. From here on all output passes through: removes our `write`, unless other middleware
   * has replaced it before or since.
   */
  passThrough(args: readonly unknown[]): boolean {
    const methods = this.res as unknown as Methods;
    if (!this.isPatched && methods.write === this.route.hooks.methods.write) methods.write = this.#methods.write;
    return this.call('write', args) as boolean;
  }

  /**
   * From here on bytes that bypass us are not sent; `onBypass` is called for them. Only needed while a response can be written
   * to in pieces.
   *
   * Since Node 21 a corked response sends its chunks when it is uncorked, outside of our calls. Corking is only about packets, so
   * it is passed on to the socket, as Node 20 does.
   */
  detectBypass(onBypass: () => void): void {
    const res = this.res as unknown as NodePrivate & ServerResponse;
    const send = res._send;
    if (this.#isGuarded || this.isPatched || typeof send !== 'function') return;
    this.#isGuarded = true;
    const isOurs = () => this.#calls > 0;
    for (let corked = res.writableCorked; corked > 0; corked--) res.uncork();
    res._send = function _send(data, encoding, callback, length) {
      if (isOurs() || data.length === 0) return send.call(this, data, encoding, callback, length);
      onBypass();
      return false;
    };
    res.cork = () => {
      const { socket } = res;
      socket?.cork();
      // Since Node 26 `write` itself corks the response, until the next tick.
      if (isOurs()) process.nextTick(() => socket?.uncork());
    };
    res.uncork = () => void res.socket?.uncork();
  }

  /**
   * Unpipes the sources, so that they stop reading. When the response is over, destroys those without another reader: they would
   * keep their file or connection open. Not before: `pipeline` destroys the response when its source is destroyed.
   */
  releaseSources(): void {
    const { res } = this;
    const sources = this.#sources.filter((source) => typeof source.unpipe === 'function');
    for (const source of sources) source.unpipe(res);
    const destroy = (): void => {
      for (const source of sources) if (source.listenerCount('data') === 0) source.destroy();
    };
    if (res.closed) destroy();
    else res.once('close', destroy);
  }
}
