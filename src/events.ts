import { didYouMean, listNames } from './did-you-mean';
import { type DenialReason, KeyscopeError } from './errors';
import type { AuditAction, StoreEvent } from './store/store';

/** A denied request. Contains nothing that the caller sent but the method. */
export interface DeniedEvent {
  readonly code: KeyscopeError['code'];
  readonly reason: DenialReason;
  /** A sentence for the developer; null if `code` and `reason` say everything. */
  readonly hint: string | null;
  /** Set only if the caller sent the key's secret. */
  readonly keyId: string | null;
  readonly workspaceId: string | null;
  /** Null for `verify()`. */
  readonly method: string | null;
  /** The path that the route was declared with, below its router; null for `verify()` and in `app.use`. */
  readonly route: string | null;
}

/** A decision of middleware with `mode: 'report'`, which changes nothing. */
export type ReportedEvent =
  /** `requireApiKey` would have denied the request. */
  | ({ readonly kind: 'denied' } & DeniedEvent)
  /** `requireApiKey` decides otherwise than `compareWith`. `code` and `reason` are null if it would have allowed the request. */
  | ({
      readonly kind: 'difference';
      readonly allowed: boolean;
      readonly comparedAllowed: boolean;
      readonly code: KeyscopeError['code'] | null;
      readonly reason: DenialReason | null;
    } & Omit<DeniedEvent, 'code' | 'reason'>)
  /** `redactResponse` would have removed fields, or not sent the body. */
  | {
      readonly kind: 'redacted';
      /** The features whose fields would have been removed. */
      readonly withheld: readonly ('transcript' | 'metrics')[];
      /** Why the body could not have been sent; null if it could. */
      readonly rejection: string | null;
      /** Whether only the beginning of the body was looked at: its first 1,048,576 bytes (1 MiB), or what was sent. */
      readonly isPartial: boolean;
      readonly keyId: string | null;
      readonly workspaceId: string | null;
      readonly method: string;
      readonly route: string | null;
    };

/** An open response, or a signal, that ended because a request like it would be denied. */
export interface EndedEvent {
  /** Null for a request without a key. */
  readonly keyId: string | null;
  readonly workspaceId: string;
  /**
   * `feature`: the project has disabled the feature of a `requireFeature`. `store`: the store could not confirm the key or
   * the configuration within `maxRevocationLag`. `closed`: `close()` was called.
   */
  readonly reason: 'deleted' | 'closed' | 'feature' | DenialReason;
  /** Null for `verify()`. */
  readonly method: string | null;
  /** The path that the route was declared with, below its router; null for `verify()` and in `app.use`. */
  readonly route: string | null;
}

/** A change that this process made: a key, or the configuration of a project. */
export interface ChangedEvent {
  readonly action: AuditAction;
  /** Id of the key or the project. */
  readonly target: string;
  /** Name of the key; null for a project. */
  readonly name: string | null;
  readonly workspaceId: string;
  readonly actor: string | null;
  readonly source: string | null;
  readonly at: Date;
}

export type KeyEventType =
  | 'created'
  | 'updated'
  /** An update that disabled the key. */
  | 'disabled'
  | 'rotated'
  | 'deleted'
  | 'expiring'
  | 'expired'
  /** The token was found in a public place. */
  | 'exposed';

export interface DurableEvent {
  /** The same each time the event is delivered. Ignore ids that you have handled. */
  readonly id: string;
  readonly at: Date;
  readonly workspaceId: string;
  /** Id of the key or the project. */
  readonly target: string;
  readonly actor: string | null;
  readonly source: string | null;
  /** Public fields before the event, as in the audit log: of a change those that changed. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

/** Event of a key, in any process. It is delivered at least once, to one process of the app. */
export interface KeyEvent extends DurableEvent {
  readonly type: KeyEventType;
  /** Name of the key. */
  readonly name: string | null;
  /** Of `expiring`: how long before the expiry it was due, in milliseconds. Else null. */
  readonly lead: number | null;
}

/** Event of a project's configuration, in any process. It is delivered at least once, to one process of the app. */
export interface ProjectEvent extends DurableEvent {
  readonly type: 'configured' | 'cleared';
}

/** Events for logs and metrics. Key ids are public. An event never contains a token, a secret or a digest. */
export interface KeyscopeEvents {
  /** A request was allowed. */
  authenticated: { readonly keyId: string; readonly workspaceId: string; readonly cached: boolean };
  /** A request was denied. */
  denied: DeniedEvent;
  /** A middleware with `mode: 'report'` would have denied a request or changed a response, or decides otherwise than `compareWith`. */
  reported: ReportedEvent;
  /** A response was ended, or a signal aborted, because its key stopped being valid. */
  ended: EndedEvent;
  /** A key or a configuration was changed by this process: `keys`, `projects` or `adminRouter`. */
  changed: ChangedEvent;
  /** A key was changed, by any process. Durable: the listener returns when it has handled the event; else it is retried. */
  key: KeyEvent;
  /** The configuration of a project was changed, by any process. Durable, as `key`. */
  project: ProjectEvent;
  /** A response was redacted, or would have been. `withheld` lists the features that are not enabled. */
  redacted: { readonly keyId: string | null; readonly withheld: readonly ('transcript' | 'metrics')[] };
  /** A key or a workspace's project configurations were looked up in the cache. */
  cache: { readonly subject: 'key' | 'projects'; readonly outcome: 'hit' | 'miss' };
  /** The state of the store changed, or it needs attention. */
  store: StoreEvent;
  /** An operation failed. The caller received a shorter message. */
  error: KeyscopeError;
}

export type EventName = keyof KeyscopeEvents;

/** Events that are stored until they are handled. */
export type DurableEventName = 'key' | 'project';

/**
 * Receives one kind of event. If it throws or rejects, the error becomes a process warning. An event of `key` or `project`
 * is then delivered again.
 */
export type EventListener<E extends EventName> = (event: KeyscopeEvents[E]) => unknown;

const EVENT_NAMES = Object.keys({
  authenticated: true,
  denied: true,
  reported: true,
  ended: true,
  changed: true,
  key: true,
  project: true,
  redacted: true,
  cache: true,
  store: true,
  error: true,
} satisfies Record<EventName, true>);

/** @throws {KeyscopeError} `invalid_options` for an unknown event name or a listener that is not a function. */
export function checkSubscription(name: unknown, listener: unknown): void {
  if (!EVENT_NAMES.includes(name as string)) {
    const received = typeof name === 'string' ? JSON.stringify(name.slice(0, 40)) : `a value of type ${typeof name}`;
    throw new KeyscopeError(
      'invalid_options',
      `on: there is no event ${received}. ${didYouMean(name, EVENT_NAMES)}Accepted: ${listNames(EVENT_NAMES)}.`,
    );
  }
  if (typeof listener !== 'function') {
    throw new KeyscopeError(
      'invalid_options',
      `on: the listener for '${name}' is not a function. Received a value of type ${typeof listener}.`,
    );
  }
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    return 'with a value that cannot be printed.';
  }
}

/** Reports an error of a function of the app as a process warning. */
export function warnOfFailure(what: string, error: unknown): void {
  process.emitWarning(`${what} failed: ${textOf(error)}`, 'KeyscopeWarning');
}

/** Reports an error of a listener as a process warning. */
export function warnOfListener(name: EventName, error: unknown): void {
  warnOfFailure(`A listener of keyscope's '${name}' event`, error);
}

/** Typed event emitter for the hit path. An event without listeners costs one lookup. */
export class Events {
  readonly #listeners = new Map<EventName, Set<(event: never) => unknown>>();

  /**
   * Returns an unsubscribe function.
   *
   * @throws {KeyscopeError} `invalid_options` for an unknown event name or a listener that is not a function.
   */
  on<E extends EventName>(name: E, listener: EventListener<E>): () => void {
    checkSubscription(name, listener);
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.#listeners.get(name) === set) this.#listeners.delete(name);
    };
  }

  /** Whether the event has to be built. */
  hasListeners(name: EventName): boolean {
    return this.#listeners.has(name);
  }

  /**
   * Calls every listener. A listener that throws or rejects becomes a process warning: it cannot decide a request, stop
   * other listeners or end the process.
   */
  emit<E extends EventName>(name: E, event: KeyscopeEvents[E]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        const result = (listener as (event: KeyscopeEvents[E]) => unknown)(event);
        if (result !== undefined) Promise.resolve(result).catch((error: unknown) => warnOfListener(name, error));
      } catch (error) {
        warnOfListener(name, error);
      }
    }
  }
}
