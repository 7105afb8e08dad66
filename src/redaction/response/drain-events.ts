import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Method } from './original-response';

/** The part of an emitter that is taken over. */
type Emitter = Record<'on' | 'addListener' | 'off' | 'removeListener', Method>;

type Listener = (...args: unknown[]) => void;

/**
 * Takes over who is told of `'drain'`. A decoder between the handler and the response has room at other times than the
 * response has, and `compression()` below us moves the listeners of `'drain'` to a stream of its own, out of our reach.
 */
export class Drain {
  readonly #res: ServerResponse;
  readonly #waiting = new EventEmitter();
  readonly #onBelow: Method;
  #lower: () => void = () => this.tell();
  #listening = false;

  constructor(res: ServerResponse) {
    this.#res = res;
    const methods = res as unknown as Emitter;
    this.#onBelow = methods.on;
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
    const drain = this;
    return function on(event, listener) {
      if (event !== 'drain') return Reflect.apply(add, this, [event, listener]);
      drain.#waiting.on('drain', listener as Listener);
      drain.#listen();
      return this;
    };
  }

  #removing(remove: Method): Method {
    const drain = this;
    return function removeListener(event, listener) {
      if (event === 'drain') drain.#waiting.removeListener('drain', listener as Listener);
      return Reflect.apply(remove, this, [event, listener]);
    };
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    Reflect.apply(this.#onBelow, this.#res, ['drain', () => this.#lower()]);
  }

  /** From here on `resume` is called where the response has room again, and the handler only through {@link tell}. */
  divert(resume: () => void): void {
    this.#lower = resume;
    this.#listen();
  }

  /** Tells the handler that it may write on. */
  tell(): void {
    for (const listener of this.#waiting.rawListeners('drain')) Reflect.apply(listener, this.#res, []);
  }
}
