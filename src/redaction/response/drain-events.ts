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
    const { on, removeListener } = methods;
    this.#originalOn = on;
    for (const listener of res.rawListeners('drain')) {
      res.removeListener('drain', listener as Listener);
      this.#add(listener as Listener);
    }
    const add = (listener: unknown) => this.#add(listener as Listener);
    const waiting = this.#waiting;
    methods.on = methods.addListener = function addListener(event, listener) {
      if (event !== 'drain') return Reflect.apply(on, this, [event, listener]);
      add(listener);
      return this;
    };
    methods.off = methods.removeListener = function remove(event, listener) {
      if (event === 'drain') waiting.removeListener('drain', listener as Listener);
      return Reflect.apply(removeListener, this, [event, listener]);
    };
  }

  #add(listener: Listener): void {
    this.#waiting.on('drain', listener);
    this.#listen();
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
