import type { EventLoop } from '../kernel/event-loop';
import type { Kernel } from '../kernel/kernel';
import type { Random } from '../kernel/random';
import type { Command, Frame, ServerConnection } from '../redis/connection';
import type { RedisServer } from '../redis/server';

/** Properties of the network without a fault. Milliseconds. */
export interface NetworkProfile {
  /** One way, at least and at most. */
  readonly delay: readonly [number, number];
  /** How likely a segment is lost and sent again. */
  readonly loss: number;
}

/** How long TCP waits before it sends a lost segment again. */
const RETRANSMISSION = 200;
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

type Direction = keyof LinkState;

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
  readonly #lastArrival = { toServer: 0, toClient: 0 };
  readonly #lastSent = { toServer: -1, toClient: -1 };
  /** Before this time, segments that were sent earlier are still to arrive. */
  readonly #notBefore = { toServer: 0, toClient: 0 };

  constructor(
    readonly network: Network,
    readonly loop: EventLoop,
    readonly processIndex: number,
    readonly server: RedisServer,
    readonly handlers: SocketHandlers,
    /** Purpose of the connection. */
    readonly role: SocketRole,
  ) {
    this.#handshake(0);
  }

  write(commands: readonly Command[]): void {
    if (this.isEnded || this.isClosed) return;
    this.#send('toServer', () => {
      const peer = this.#peer;
      // A server that has no such connection any more resets it.
      if (peer === null || peer.isClosed) this.#send('toClient', () => this.#closeByPeer(new Error('read ECONNRESET')));
      else this.server.receive(peer, commands);
    });
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
    });
  }

  /** The network resets the connection; each end learns of it by itself. */
  reset(): void {
    this.#dropPeer();
    this.#send('toClient', () => this.#closeByPeer(new Error('read ECONNRESET')));
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
      const link = this.network.link(this.processIndex, this.server);
      if (link.toServer || link.toClient || this.server.isUnreachable) {
        const wait = SYN_RETRANSMISSION * 2 ** attempt;
        this.network.settlesAt = Math.max(this.network.settlesAt, kernel.now + wait);
        kernel.after(wait, () => this.#handshake(attempt + 1));
        return;
      }
      if (!this.server.isUp) {
        this.#send('toClient', () => this.#closeByPeer(new Error('connect ECONNREFUSED')));
        return;
      }
      this.#peer = this.server.accept(
        (frames) => this.#send('toClient', () => this.#read(frames)),
        () => this.#send('toClient', () => this.#closeByPeer(null)),
      );
      this.#send('toClient', () =>
        this.loop.input(() => {
          if (this.isClosed) return;
          this.isConnecting = false;
          this.handlers.onConnect();
        }),
      );
    });
  }

  #read(frames: readonly Frame[]): void {
    this.loop.input(() => {
      if (this.isClosed) return;
      this.bytesRead += frames.length;
      this.handlers.onData(frames);
    });
  }

  #hangUpServer(): void {
    const isKnown = this.#peer !== null && !this.#peer.isClosed;
    this.#dropPeer();
    this.#send('toClient', () => this.#closeByPeer(isKnown ? null : new Error('read ECONNRESET')));
  }

  #dropPeer(): void {
    if (this.#peer !== null) this.server.drop(this.#peer);
  }

  #closeByPeer(error: Error | null): void {
    this.loop.input(() => {
      if (this.isClosed) return;
      this.isEnded = true;
      this.isClosed = true;
      if (error !== null) this.handlers.onError(error);
      this.handlers.onClose();
    });
  }

  #send(direction: Direction, arrive: () => void): void {
    if (this.swallows[direction]) return;
    const { kernel } = this.network;
    const link = this.network.link(this.processIndex, this.server);
    const deliver = () => {
      if (this.swallows[direction]) return;
      if (kernel.now < this.#notBefore[direction]) {
        kernel.at(this.#notBefore[direction], deliver);
        return;
      }
      if (link[direction] || (direction === 'toServer' && this.server.isUnreachable)) {
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

/** All connections between processes and servers, and what is wrong with them. */
export class Network {
  /** No segment is lost any more. */
  isCalm = false;
  /** Is called when a connection is made or closed. */
  onConnection: (text: () => string) => void = () => {};
  /** When the last attempt to connect that a fault has delayed is made again. */
  settlesAt = 0;
  readonly sockets = new Set<SimulatedSocket>();
  /** Which server an address leads to, by process. */
  resolve: (processIndex: number, address: string) => RedisServer;
  readonly #links = new Map<string, LinkState>();
  readonly #held = new Map<LinkState, { socket: SimulatedSocket; direction: Direction; deliver: () => void }[]>();

  constructor(
    readonly kernel: Kernel,
    readonly random: Random,
    readonly profile: NetworkProfile,
    resolve: (processIndex: number, address: string) => RedisServer,
  ) {
    this.resolve = resolve;
  }

  connect(loop: EventLoop, processIndex: number, address: string, handlers: SocketHandlers, role: SocketRole) {
    const server = this.resolve(processIndex, address);
    const name = () => `process ${processIndex}, ${role} connection to ${server.name}`;
    const onConnect = () => {
      this.onConnection(() => `${name()} opens`);
      handlers.onConnect();
    };
    const onClose = () => {
      this.onConnection(() => `${name()} closes`);
      this.sockets.delete(socket);
      handlers.onClose();
    };
    const socket: SimulatedSocket = new SimulatedSocket(
      ...([this, loop, processIndex, server, { ...handlers, onConnect, onClose }, role] as const),
    );
    this.sockets.add(socket);
    return socket;
  }

  delay(_socket: SimulatedSocket): number {
    const [low, high] = this.profile.delay;
    const lost =
      !this.isCalm && this.random.chance(this.profile.loss) ? RETRANSMISSION * this.random.between(1, 1.5) : 0;
    return this.random.between(low, high) + lost;
  }

  link(processIndex: number, server: RedisServer): LinkState {
    const name = `${processIndex} ${server.name}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = { toServer: false, toClient: false };
      this.#links.set(name, link);
    }
    return link;
  }

  hold(socket: SimulatedSocket, direction: Direction, deliver: () => void): void {
    const link = this.link(socket.processIndex, socket.server);
    const held = this.#held.get(link);
    if (held === undefined) this.#held.set(link, [{ socket, direction, deliver }]);
    else held.push({ socket, direction, deliver });
  }

  /** The link works again; what was held arrives in order, some time later. */
  heal(processIndex: number, server: RedisServer): void {
    const link = this.link(processIndex, server);
    link.toServer = false;
    link.toClient = false;
    this.release(link);
  }

  release(link: LinkState): void {
    const held = this.#held.get(link) ?? [];
    this.#held.delete(link);
    const wait = this.random.between(0, RETRANSMISSION);
    for (const { socket, direction, deliver } of held) socket.deliverHeld(direction, this.kernel.now + wait, deliver);
  }

  /** A server that could not be reached can be again. */
  releaseAll(server: RedisServer): void {
    for (const [name, link] of this.#links) if (name.endsWith(` ${server.name}`)) this.release(link);
  }
}
