import type { KeyscopeError } from './errors';
import type { StoreEvent } from './store/store';

/** What happened, for logs and metrics. Key ids are public; tokens, secrets and digests never appear in an event. */
export interface KeyscopeEvents {
  /** A request was let in. */
  authenticated: { readonly keyId: string; readonly workspaceId: string; readonly cached: boolean };
  /** A request was refused. `keyId` only where the caller proved to hold the key's secret. */
  denied: { readonly code: KeyscopeError['code']; readonly keyId: string | null; readonly workspaceId: string | null };
  /** A response was cut down, or would have been: these features were not enabled. */
  redacted: { readonly keyId: string | null; readonly withheld: readonly ('transcript' | 'metrics')[] };
  /** A key or a workspace's configuration was looked up. */
  cache: { readonly subject: 'key' | 'projects'; readonly outcome: 'hit' | 'miss' };
  store: StoreEvent;
  /** Something failed that no caller was told of in full. */
  error: KeyscopeError;
}

export type EventName = keyof KeyscopeEvents;
export type EventListener<E extends EventName> = (event: KeyscopeEvents[E]) => void;

/** Typed events for the hot path: what nobody listens to costs one comparison. */
export class Events {
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>();

  /** Returns a function that ends the subscription. */
  on<E extends EventName>(name: E, listener: EventListener<E>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(name);
    };
  }

  /** Whether it is worth building the event. */
  hasListeners(name: EventName): boolean {
    return this.#listeners.has(name);
  }

  /**
   * A listener that throws must neither decide a request nor keep other listeners from hearing, nor end the process:
   * what it threw becomes a process warning.
   */
  emit<E extends EventName>(name: E, event: KeyscopeEvents[E]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as EventListener<E>)(event);
      } catch (thrown) {
        const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
        process.emitWarning(`A listener of keyscope's '${name}' event threw: ${text}`, 'KeyscopeWarning');
      }
    }
  }
}
