import { EventEmitter } from 'node:events';
import type { Timer } from '../kernel/event-loop';
import type { Frame } from '../redis/connection';
import { digestOf } from '../redis/script-runner';
import { type ClientHost, type ClientOptions, DEFAULTS, roleOf } from './client-options';
import { abortIncompletePipelines, PipelineBuffer, QueuedCommand } from './command-queue';
import { decode, ReplyError } from './decode-reply';
import type { SimulatedSocket, SocketHandlers } from './socket';

const CLOSED = 'Connection is closed.';
const IN_SUBSCRIBER_MODE = /^(?:ping|subscribe|unsubscribe|quit)$/;
const HANDSHAKE = /^(?:hello|client|info|select|auth)$/;

/**
 * A client that behaves as ioredis 6 does over simulated sockets: its states and events, its queues, what it sends again
 * after a reconnect. Written after `built/Redis.js` and `built/redis/event_handler.js`, in the same order of steps.
 */
export class SimulatedClient extends EventEmitter {
  status = 'wait';
  readonly isCluster = false;
  readonly options: ClientOptions;
  stream: SimulatedSocket | null = null;
  readonly #host: ClientHost;
  #commandQueue: QueuedCommand[] = [];
  #offlineQueue: QueuedCommand[] = [];
  #unfulfilled: QueuedCommand[] | null = null;
  #retryAttempts = 0;
  #reconnectTimer: Timer | null = null;
  #isClosingByHand = false;
  #isShakingHands = false;
  #isSubscriber = false;
  #epoch = 0;

  constructor(host: ClientHost, options: Partial<ClientOptions> = {}) {
    super();
    this.#host = host;
    this.options = { ...DEFAULTS, ...options };
    if (!this.options.lazyConnect) this.connect().catch(() => {});
  }

  duplicate(override: Partial<ClientOptions> = {}): SimulatedClient {
    return new SimulatedClient(this.#host, { ...this.options, ...override });
  }

  connect(): Promise<void> {
    if (this.status === 'connecting' || this.status === 'connect' || this.status === 'ready') {
      return Promise.reject(new Error('Redis is already connecting/connected'));
    }
    this.#epoch += 1;
    this.#setStatus('connecting');
    this.#isSubscriber = false;
    const { loop, network, index } = this.#host;
    const { host, port, connectTimeout } = this.options;
    const timer = loop.setTimeout(() => {
      if (!socket.isConnecting) return;
      socket.destroy();
      this.#emitError(new Error('connect ETIMEDOUT'));
    }, connectTimeout);
    const handlers: SocketHandlers = {
      onConnect: () => {
        loop.clearTimer(timer);
        this.#onConnect(socket);
      },
      onData: (frames) => {
        for (const frame of frames) this.#onFrame(frame);
      },
      onError: (error) => this.#emitError(error),
      onClose: () => {
        loop.clearTimer(timer);
        this.#onClose();
      },
    };
    const socket = network.connect(loop, index, `${host}:${port}`, handlers, roleOf(this.options.connectionName));
    this.stream = socket;
    return new Promise((resolve, reject) => {
      const onReady = () => {
        this.off('close', onClose);
        resolve();
      };
      const onClose = () => {
        this.off('ready', onReady);
        reject(new Error(CLOSED));
      };
      this.once('ready', onReady);
      this.once('close', onClose);
    });
  }

  disconnect(reconnect = false): void {
    if (!reconnect) this.#isClosingByHand = true;
    if (this.#reconnectTimer !== null && !reconnect) {
      this.#host.loop.clearTimer(this.#reconnectTimer);
      this.#reconnectTimer = null;
    }
    if (this.status === 'wait') {
      this.#onClose();
      return;
    }
    const { stream } = this;
    if (stream === null) return;
    this.#host.loop.setTimeout(() => stream.destroy(), this.options.disconnectTimeout);
    stream.end();
  }

  call(name: string, ...args: string[]): Promise<unknown> {
    return this.#send(new QueuedCommand([name, ...args.map(String)]));
  }

  pipeline() {
    const commands: QueuedCommand[] = [];
    return {
      call(name: string, ...args: string[]) {
        commands.push(new QueuedCommand([name, ...args.map(String)]));
        return this;
      },
      exec: (): Promise<[Error | null, unknown][]> => {
        const buffer = new PipelineBuffer(commands.length);
        commands.forEach((command, i) => {
          command.pipelineIndex = i;
          command.pipeline = buffer;
          this.#send(command);
        });
        return Promise.all(
          commands.map(({ promise }) =>
            promise.then(
              (value): [null, unknown] => [null, value],
              (error: Error): [Error, undefined] => [error, undefined],
            ),
          ),
        );
      },
    };
  }

  defineCommand(name: string, { lua, numberOfKeys }: { lua: string; numberOfKeys?: number }): void {
    const loaded = new WeakSet<object>();
    const digest = digestOf(lua);
    const run = async (...args: string[]): Promise<unknown> => {
      const rest = numberOfKeys === undefined ? args : [String(numberOfKeys), ...args];
      const create = () => {
        const command = new QueuedCommand(['evalsha', digest, ...rest], (socket) => {
          const isLoaded = loaded.has(socket);
          loaded.add(socket);
          return isLoaded ? ['evalsha', digest, ...rest] : ['eval', lua, ...rest];
        });
        return command;
      };
      try {
        return await this.#send(create());
      } catch (error) {
        if (!(error instanceof Error) || !error.message.includes('NOSCRIPT')) throw error;
        if (this.stream !== null) loaded.delete(this.stream);
        return this.#send(create());
      }
    };
    Object.defineProperty(this, name, { value: run, configurable: true });
  }

  #send(command: QueuedCommand): Promise<unknown> {
    if (this.status === 'wait') this.connect().catch(() => {});
    if (this.status === 'end') {
      command.reject(new Error(CLOSED));
      return command.promise;
    }
    if (this.#isSubscriber && !IN_SUBSCRIBER_MODE.test(command.name)) {
      command.reject(new Error('Connection in subscriber mode, only subscriber commands may be used'));
      return command.promise;
    }
    const mayBeWritten =
      this.status === 'ready' ||
      (this.status === 'connect' && this.#isShakingHands && !command.pipeline && HANDSHAKE.test(command.name));
    const { stream } = this;
    if (!mayBeWritten || stream === null || stream.isEnded) {
      if (this.options.enableOfflineQueue) this.#offlineQueue.push(command);
      else command.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
      return command.promise;
    }
    const encoded = command.encode(stream);
    if (command.pipeline) command.pipeline.add(encoded, (commands) => stream.write(commands));
    else stream.write([encoded]);
    this.#commandQueue.push(command);
    return command.promise;
  }

  async #onConnect(socket: SimulatedSocket): Promise<void> {
    this.#commandQueue = [];
    this.#isShakingHands = true;
    this.#setStatus('connect');
    const epoch = this.#epoch;
    const isCurrent = () => epoch === this.#epoch && this.status === 'connect' && socket === this.stream;
    const ask = (...parts: string[]) => this.#send(new QueuedCommand(parts));
    const { protocol, connectionName, enableReadyCheck } = this.options;
    const greetings: Promise<unknown>[] = [];
    if (protocol === 3) greetings.push(ask('hello', '3'));
    if (connectionName !== null) greetings.push(ask('client', 'setname', connectionName));
    greetings.push(ask('client', 'SETINFO', 'LIB-NAME', 'ioredis'));
    const [greeting] = await Promise.allSettled(greetings);
    if (!isCurrent()) return;
    if (protocol === 3 && greeting?.status === 'rejected') {
      this.#recover(greeting.reason);
      return;
    }
    if (enableReadyCheck) {
      try {
        await ask('info');
      } catch (error) {
        if (!isCurrent()) return;
        if (!(error instanceof ReplyError && error.message.startsWith('NOPERM'))) {
          this.#recover(error as Error);
          return;
        }
      }
      if (!isCurrent()) return;
    }
    this.#isShakingHands = false;
    this.#onReady();
  }

  #onReady(): void {
    this.#setStatus('ready');
    this.#retryAttempts = 0;
    const unfulfilled = this.#unfulfilled;
    this.#unfulfilled = null;
    if (unfulfilled !== null && this.options.autoResendUnfulfilledCommands) {
      for (const command of unfulfilled.splice(0)) this.#send(command);
    }
    const offline = this.#offlineQueue;
    this.#offlineQueue = [];
    for (const command of offline) this.#send(command);
  }

  #onClose(): void {
    const before = this.status;
    this.#setStatus('close');
    abortIncompletePipelines(this.#commandQueue);
    if (before === 'ready' && this.#commandQueue.length > 0) this.#unfulfilled = this.#commandQueue;
    const delay = this.#isClosingByHand ? null : (this.options.retryStrategy?.(++this.#retryAttempts) ?? null);
    this.#isClosingByHand = false;
    if (delay === null) {
      this.#setStatus('end');
      this.#flush(new Error(CLOSED));
      return;
    }
    this.#setStatus('reconnecting');
    this.#reconnectTimer = this.#host.loop.setTimeout(() => {
      this.#reconnectTimer = null;
      this.connect().catch(() => {});
    }, delay);
    const { maxRetriesPerRequest } = this.options;
    if (maxRetriesPerRequest !== null && this.#retryAttempts % (maxRetriesPerRequest + 1) === 0) {
      this.#flush(new Error(`Reached the max retries per request limit (which is ${maxRetriesPerRequest}).`));
    }
  }

  #onFrame(frame: Frame): void {
    switch (frame.kind) {
      case 'message':
        this.emit('messageBuffer', Buffer.from(frame.channel), frame.payload?.map((name) => Buffer.from(name)) ?? null);
        return;
      case 'push':
        // ioredis drops invalidations in RESP3.
        return;
      case 'subscribed':
        this.#isSubscriber = this.options.protocol === 2;
        this.#commandQueue.shift()?.resolve(frame.count);
        return;
      case 'reply': {
        const value = decode(frame.value);
        const command = this.#commandQueue.shift();
        if (value instanceof ReplyError) command?.reject(value);
        else command?.resolve(value);
      }
    }
  }

  #recover(error: Error): void {
    this.#flush(error);
    this.#emitError(error);
    this.disconnect(true);
  }

  #flush(error: Error): void {
    for (const command of this.#offlineQueue.splice(0)) command.reject(error);
    for (const command of this.#commandQueue.splice(0)) command.reject(error);
  }

  #emitError(error: Error): void {
    if (this.status === 'end' || this.#isClosingByHand) return;
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }

  #setStatus(status: string): void {
    this.status = status;
    this.#host.loop.nextTick(() => this.emit(status));
  }
}
