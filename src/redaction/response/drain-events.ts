import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Method } from './hooks';

/** The methods of an emitter that are replaced. */
type Emitter = Record<'on' | 'addListener' | 'off' | 'removeListener', Method>;

type Listener = (...args: unknown[]) => void;

/**
 * Emits `'drain'` to the handler. A decoder between the handler and the response has room at other times than the response, and
 * `compression()`, if mounted before us, moves the listeners of `'drain'` to a stream of its own.
 */
export class DrainEvents {
  readonly #res: ServerResponse;
  readonly #waiting = new EventEmitter();
  readonly #originalOn: Method;
  #onDrain: () => void = () => this.notify();
  #listening = false;

  constructor(res: ServerResponse) {
    this.#res = res;
    const methods = res as unknown as Emitter;
    this.#originalOn = methods.on;
    for (const listener of res.rawListeners('drain')) {
      res.removeListener('drain', listener as Listener);
      this.#waiting.on('drain', listener as Listener);
    }
    if (this.#waiting.listenerCount('drain') > 0) this.#listen();
    methods.on = this.#adding(methods.on);
    methods.addListener = this.#adding(methods.addListener);
    methods.removeListener = this.#removing(methods.removeListener);
    methods.off = methods.removeListener;
  }

  #adding(add: Method): Method {
    const events = this;
    return function on(event, listener) {
      if (event !== 'drain') return Reflect.apply(add, this, [event, listener]);
      events.#waiting.on('drain', listener as Listener);
      events.#listen();
      return this;
    };
  }

  #removing(remove: Method): Method {
    const events = this;
    return function removeListener(event, listener) {
      if (event === 'drain') events.#waiting.removeListener('drain', listener as Listener);
      return Reflect.apply(remove, this, [event, listener]);
    };
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    Reflect.apply(this.#originalOn, this.#res, ['drain', () => this.#onDrain()]);
  }

  /** From here on `resume` is called if the response has room again, and the handler only through {@link notify}. */
  divert(resume: () => void): void {
    this.#onDrain = resume;
    this.#listen();
  }

  /** Calls the handler's listeners. */
  notify(): void {
    for (const listener of this.#waiting.rawListeners('drain')) Reflect.apply(listener, this.#res, []);
  }
}
