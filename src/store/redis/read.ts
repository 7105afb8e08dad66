import type { KeyscopeError } from '../../errors';

/** A command that reads one key of Redis. */
export interface ReadCommand<T> {
  readonly name: 'get' | 'hmget' | 'hgetall' | 'hvals' | 'zrange' | 'xrevrange';
  readonly key: string;
  readonly args: readonly string[];
  /** What the reply means. Throws where it means nothing that we know. */
  readonly decode: (reply: unknown) => T;
}

/** One read on its way: whoever waits for it is answered once, by the reply or by the end of their patience. */
export class Read<T = unknown> {
  readonly command: ReadCommand<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onSettled: () => void;
  settled = false;
  /** It has failed once, and is to be sent again by itself. */
  failedBefore = false;

  constructor(
    command: ReadCommand<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    onSettled: () => void,
  ) {
    this.command = command;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onSettled = onSettled;
  }

  /** A reply that comes after its time is ignored. */
  reply(reply: unknown): void {
    if (this.settled) return;
    this.#settle();
    try {
      this.#resolve(this.command.decode(reply));
    } catch (error) {
      this.#reject(error);
    }
  }

  fail(error: KeyscopeError): void {
    if (this.settled) return;
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.settled = true;
    this.#onSettled();
  }
}
