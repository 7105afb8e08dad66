import type { EventLoop } from '../kernel/event-loop';
import type { Command, Frame, ServerConnection } from '../redis/connection';
import type { RedisServer } from '../redis/server';
import { type CommandKind, commandKindOf, type Phase } from './moments';
import type { Network } from './network';
import { decodeCommands, encodeFrames } from './resp3';

/** After how long TCP sends the first segment of a connection again; the time doubles with each attempt. */
const SYN_RETRANSMISSION = 1000;

/** Faults between one process and one server. */
export interface LinkState {
  /** Nothing arrives in this direction; TCP sends it again when the link is back. */
  toServer: boolean;
  toClient: boolean;
}

/** Events of a socket. Each is called as input of the process' event loop. */
export interface SocketHandlers {
  onConnect(): void;
  onData(frames: readonly Frame[]): void;
  onError(error: Error): void;
  onClose(): void;
}

export type SocketRole = 'app' | 'feed' | 'changes';

export type Direction = keyof LinkState;

/** One TCP connection. Bytes sent in one direction arrive in order, or not at all. */
export class SimulatedSocket {
  /** How much has been read, in frames: only whether it grows matters. */
  bytesRead = 0;
  isConnecting = true;
  /** The client writes no more. */
  isEnded = false;
  isClosed = false;
  /** A direction in which everything is lost for good, as after a firewall dropped its state. */
  readonly swallows: LinkState = { toServer: false, toClient: false };
  #peer: ServerConnection | null = null;
  /** Kinds of the commands that have arrived and not been answered, in order. */
  readonly #unanswered: (CommandKind | null)[] = [];
  /** Listeners of code that reads bytes instead of the client. */
  #onBytes: ((chunk: Buffer) => void) | null = null;
  #onBytesEnd: () => void = () => {};
  readonly #lastArrival = { toServer: 0, toClient: 0 };
  readonly #lastSent = { toServer: -1, toClient: -1 };
  /** Before this time, segments that were sent earlier are still to arrive. */
  readonly #notBefore = { toServer: 0, toClient: 0 };
  readonly #link: LinkState;

  constructor(
    readonly network: Network,
    readonly loop: EventLoop,
    readonly processIndex: number,
    readonly server: RedisServer,
    readonly handlers: SocketHandlers,
    /** Purpose of the connection. */
    readonly role: SocketRole,
  ) {
    this.#link = network.link(processIndex, server);
    this.#handshake(0);
  }

  /** Writes commands, or bytes of commands. */
  write(input: readonly Command[] | string): void {
    if (this.isEnded || this.isClosed) return;
    const commands = typeof input === 'string' ? decodeCommands(input) : input;
    const kinds = commands.map(([name = '']) => commandKindOf(this.role, name.toLowerCase()));
    this.#note(kinds, 'sent');
    this.#send('toServer', () => {
      const peer = this.#peer;
      // A server that has no such connection any more resets it.
      if (peer === null || peer.isClosed) {
        this.#send('toClient', () => this.#closeByPeer(new Error('read ECONNRESET')));
        return;
      }
      this.#unanswered.push(...kinds);
      this.server.receive(peer, commands);
      this.#note(kinds, 'arrived');
    });
  }

  /** The client gets no more data: other code reads the bytes. */
  removeAllListeners(_event: 'data'): this {
    this.#onBytes = () => {};
    return this;
  }

  on(event: 'data' | 'close', listener: (chunk: Buffer) => void): this {
    if (event === 'data') this.#onBytes = listener;
    else this.#onBytesEnd = listener as () => void;
    return this;
  }

  /** Closes the client's direction; the server then closes its own. */
  end(): void {
    if (this.isEnded || this.isClosed) return;
    this.isEnded = true;
    this.#send('toServer', () => this.#hangUpServer());
  }

  /** Closes at once. */
  destroy(error?: Error): void {
    if (this.isClosed) return;
    this.isEnded = true;
    this.isClosed = true;
    this.#send('toServer', () => this.#dropPeer());
    this.loop.nextTick(() => {
      if (error !== undefined) this.handlers.onError(error);
      this.handlers.onClose();
      this.#onBytesEnd();
    });
  }

  /** The network resets the connection; each end learns of it by itself. */
  reset(): void {
    this.#dropPeer();
    this.#send('toClient', () => this.#closeByPeer(new Error('read ECONNRESET')));
  }

  /** A proxy between the two closes the client's side, and still passes on what it has received from it. */
  resetClientSide(): void {
    const { kernel } = this.network;
    const last = Math.max(kernel.now, this.#lastArrival.toServer, this.#notBefore.toServer);
    this.#closeByPeer(new Error('read ECONNRESET'));
    kernel.at(last, () => kernel.after(1, () => this.#dropPeer()));
  }

  /** Holds the segments of one direction for a while. */
  slow(direction: Direction, duration: number): void {
    this.#notBefore[direction] = Math.max(this.#notBefore[direction], this.network.kernel.now + duration);
  }

  /** The connection stays open at both ends, and nothing arrives. */
  blackhole(direction: Direction | 'both'): void {
    if (direction !== 'toClient') this.swallows.toServer = true;
    if (direction !== 'toServer') this.swallows.toClient = true;
  }

  /** The network passes packets on again, and TCP repeats what was lost. */
  restore(): void {
    this.swallows.toServer = false;
    this.swallows.toClient = false;
    this.write([]);
  }

  /** The first packet is sent again after one second, then after three. */
  #handshake(attempt: number): void {
    const { kernel } = this.network;
    kernel.after(this.network.delay(this), () => {
      if (this.isClosed) return;
      if (this.#link.toServer || this.#link.toClient || this.server.isUnreachable) {
        const wait = SYN_RETRANSMISSION * 2 ** attempt;
        this.network.settlesAt = Math.max(this.network.settlesAt, kernel.now + wait);
        kernel.after(wait, () => this.#handshake(attempt + 1));
        return;
      }
      if (!this.server.isUp) {
        this.#send('toClient', () => this.#closeByPeer(new Error('connect ECONNREFUSED')));
        return;
      }
      this.#peer = this.server.connections.open(
        (frames) => this.#answer(frames),
        () => this.#send('toClient', () => this.#closeByPeer(null)),
      );
      this.#send('toClient', () =>
        this.loop.input(() => {
          if (this.isClosed) return;
          this.isConnecting = false;
          if (this.role === 'app') this.network.onMoment(this.processIndex, 'connect', 'received');
          this.handlers.onConnect();
        }),
      );
    });
  }

  #answer(frames: readonly Frame[]): void {
    const replies = frames.filter(({ kind }) => kind === 'reply' || kind === 'subscribed');
    const kinds = this.#unanswered.splice(0, replies.length);
    this.#send('toClient', () =>
      this.loop.input(() => {
        if (this.isClosed) return;
        this.bytesRead += frames.length;
        this.#note(kinds, 'received');
        if (this.#onBytes === null) this.handlers.onData(frames);
        else this.#onBytes(encodeFrames(frames));
      }),
    );
    this.#note(kinds, 'answered');
  }

  #note(kinds: readonly (CommandKind | null)[], phase: Phase): void {
    for (const kind of kinds) if (kind !== null) this.network.onMoment(this.processIndex, kind, phase);
  }

  #hangUpServer(): void {
    const isKnown = this.#peer !== null && !this.#peer.isClosed;
    this.#dropPeer();
    this.#send('toClient', () => this.#closeByPeer(isKnown ? null : new Error('read ECONNRESET')));
  }

  #dropPeer(): void {
    if (this.#peer !== null) this.server.connections.drop(this.#peer);
  }

  #closeByPeer(error: Error | null): void {
    this.loop.input(() => {
      if (this.isClosed) return;
      this.isEnded = true;
      this.isClosed = true;
      if (error !== null) this.handlers.onError(error);
      this.handlers.onClose();
      this.#onBytesEnd();
    });
  }

  #send(direction: Direction, arrive: () => void): void {
    if (this.swallows[direction]) return;
    const { kernel } = this.network;
    const deliver = () => {
      if (this.swallows[direction]) return;
      if (kernel.now < this.#notBefore[direction]) {
        kernel.at(this.#notBefore[direction], deliver);
        return;
      }
      if (this.#link[direction] || (direction === 'toServer' && this.server.isUnreachable)) {
        this.network.hold(this, direction, deliver);
      } else arrive();
    };
    // Segments written together usually arrive together.
    const isTogether = this.#lastSent[direction] === kernel.now && this.network.random.chance(0.9);
    const arrival = isTogether ? this.#lastArrival[direction] : kernel.now + this.network.delay(this);
    this.#lastSent[direction] = kernel.now;
    this.#lastArrival[direction] = Math.max(this.#lastArrival[direction], arrival);
    kernel.at(this.#lastArrival[direction], deliver);
  }

  /** Schedules a segment that was held. Segments that were sent after it wait for it. */
  deliverHeld(direction: Direction, arrival: number, deliver: () => void): void {
    this.#notBefore[direction] = Math.max(this.#notBefore[direction], arrival);
    this.network.kernel.at(this.#notBefore[direction], deliver);
  }
}
