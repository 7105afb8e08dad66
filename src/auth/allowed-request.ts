import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { EndedEvent, Events } from '../events';
import { type AuthContext, authorize, type Requirement } from '../keys/authorize';
import type { KeyEnd, KeyUse, KeyWatch } from './key-watch';
import { type CachedKey, createRequestApiKey, type RequestApiKey, type SignalSource } from './request-api-key';
import type { RequestContext } from './request-context';
import type { SharedSignals } from './shared-signals';

/** Whether a response ends with its key: if it streams a body, in any case, or not. */
type EndsResponse = 'streaming' | 'always' | 'never';

/** The parts that all open requests share. */
export interface WatchDeps {
  readonly watch: KeyWatch;
  readonly events: Events;
  /** Signals of `verify`. */
  readonly signals: SharedSignals;
}

/**
 * An allowed request, or an allowed call of `verify`. Its key is watched only if the signal is read or the response is to
 * end with the key, so that other requests do not pay for it.
 */
export class AllowedRequest implements RequestContext, KeyUse, SignalSource {
  readonly apiKey: RequestApiKey;
  readonly #requirement: Requirement;
  readonly #context: AuthContext;
  readonly #key: CachedKey;
  /** Null for `verify`, which has no response. */
  readonly #req: Request | null;
  readonly #deps: WatchDeps;
  /** `endOnRevocation` is false. */
  readonly #keepsStream: boolean;
  #endsResponse: EndsResponse = 'never';
  #controller: AbortController | null = null;
  #isWatched = false;

  constructor(
    key: CachedKey,
    requirement: Requirement,
    context: AuthContext,
    req: Request | null,
    deps: WatchDeps,
    keepsStream = false,
  ) {
    this.apiKey = createRequestApiKey(key, this);
    this.#requirement = requirement;
    this.#context = context;
    this.#key = key;
    this.#req = req;
    this.#deps = deps;
    this.#keepsStream = keepsStream;
  }

  get workspaceId(): string {
    return this.#key.record.workspaceId;
  }

  get agentId(): string | undefined {
    const { agent } = this.#context;
    return typeof agent === 'object' ? agent?.value : undefined;
  }

  belongsTo(req: Request): boolean {
    return this.#req === req;
  }

  /** Ends the response with the key, whether or not it has begun then. */
  endResponse(): void {
    this.#endsResponse = 'always';
    this.#watch();
  }

  endStream(): void {
    if (this.#endsResponse !== 'never' || this.#keepsStream) return;
    this.#endsResponse = 'streaming';
    this.#watch();
  }

  leaseEndsSoon(): boolean {
    return this.#deps.watch.endsSoon(this.#key);
  }

  openSignal(): AbortSignal {
    if (this.#req === null) return this.#deps.signals.open(this.#key, this.#requirement, this.#context);
    this.#controller = new AbortController();
    this.#watch();
    return this.#controller.signal;
  }

  check({ record, scope }: CachedKey, wall: number): KeyEnd | null {
    return authorize(record, scope, this.#requirement, this.#context, wall);
  }

  isOver(): boolean {
    const res = this.#req?.res;
    return res !== undefined && (res.closed || res.destroyed || res.writableFinished);
  }

  end({ reason, code, message }: KeyEnd): boolean {
    const res = this.#req?.res;
    const endsLater = this.#endsResponse === 'streaming' && res?.headersSent === false;
    const aborts = this.#controller?.signal.aborted === false;
    if (aborts) this.#controller?.abort(new KeyscopeError(code, message));
    if (this.#endsResponse !== 'never' && !endsLater) res?.destroy();
    if (aborts || !endsLater) this.#emit(reason);
    return !endsLater;
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#deps.watch.add(this.#key, this);
  }

  #emit(reason: KeyEnd['reason']): void {
    const { events } = this.#deps;
    if (!events.hasListeners('ended')) return;
    const { id: keyId, workspaceId } = this.#key.record;
    const route = (this.#req?.route as { path?: unknown } | undefined)?.path;
    const event: EndedEvent = {
      ...{ keyId, workspaceId, reason },
      ...{ method: this.#req?.method ?? null, route: route === undefined ? null : String(route) },
    };
    events.emit('ended', event);
  }
}
