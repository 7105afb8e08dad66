import { isCluster, type RedisClient } from './client';
import { unavailable } from './errors';

/**
 * Whether the caller's client can take commands now. Nothing is sent before it can: what is sent to a client that is not
 * connected waits in its offline queue for as long as the client sees fit, and a change that its caller has given up on
 * must not be made minutes later.
 */
export class Connection {
  readonly #client: RedisClient;
  /** Called once each, in order, when the client is ready. */
  readonly #waiting = new Set<() => void>();

  readonly #lossCallbacks: (() => void)[] = [];

  constructor(client: RedisClient) {
    this.#client = client;
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
  }

  get isReady(): boolean {
    return this.#client.status === 'ready';
  }

  /** The client has been closed, or has given up: waiting for it is pointless. */
  get isEnded(): boolean {
    return this.#client.status === 'end';
  }

  /** Calls back when the client is ready, at once where it is; gives a function that calls it off. */
  whenReady(callback: () => void): () => void {
    if (this.isReady) {
      callback();
      return () => {};
    }
    this.#waiting.add(callback);
    this.#startLazily();
    return () => this.#waiting.delete(callback);
  }

  /** Resolves when the client is ready; rejects where it gives up, or after `timeout` milliseconds. */
  waitUntilReady(timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown) => {
        clearTimeout(timer);
        callOff();
        this.#client.off('end', onEnd);
        if (error) reject(error);
        else resolve();
      };
      const onEnd = () => settle(unavailable('The connection to the key store has been closed.'));
      const onTimeout = () => settle(unavailable(`The key store could not be reached within ${timeout} ms.`));
      const timer = setTimeout(onTimeout, timeout);
      this.#client.on('end', onEnd);
      let callOff = () => {};
      callOff = this.whenReady(() => settle());
    });
  }

  /** Calls back whenever all that has been sent and not answered will never be answered. */
  onLoss(callback: () => void): void {
    this.#lossCallbacks.push(callback);
  }

  close(): void {
    this.#client.off('ready', this.#onReady);
    this.#client.off('close', this.#onClose);
    this.#waiting.clear();
  }

  readonly #onReady = () => {
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of callbacks) callback();
  };

  /**
   * A broken connection fails what was sent over it, or ioredis sends it again over the next. With one exception: told
   * not to send again, it forgets such commands without a word.
   */
  readonly #onClose = () => {
    const { autoResendUnfulfilledCommands } = this.#client.options as { autoResendUnfulfilledCommands?: unknown };
    if (!isCluster(this.#client) && autoResendUnfulfilledCommands === false) {
      for (const callback of this.#lossCallbacks) callback();
    }
  };

  /** A client with `lazyConnect` connects with its first command, and we send none before it has. */
  #startLazily(): void {
    // A failure shows as a client that does not get ready, and in its own `error` event.
    if (this.#client.status === 'wait') this.#client.connect().catch(() => {});
  }
}
