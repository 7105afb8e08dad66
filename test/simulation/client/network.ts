import type { EventLoop } from '../kernel/event-loop';
import type { Kernel } from '../kernel/kernel';
import type { Random } from '../kernel/random';
import type { RedisServer } from '../redis/server';
import type { CommandKind, Phase } from './moments';
import { type Direction, type LinkState, SimulatedSocket, type SocketHandlers, type SocketRole } from './socket';

/** Properties of the network without a fault. Milliseconds. */
export interface NetworkProfile {
  /** One way, at least and at most. */
  readonly delay: readonly [number, number];
  /** How likely a segment is lost and sent again. */
  readonly loss: number;
}

/** How long TCP waits before it sends a lost segment again. */
const RETRANSMISSION = 200;

/** All connections between processes and servers, and what is wrong with them. */
export class Network {
  /** No segment is lost any more. */
  isCalm = false;
  /** Is called when a connection is made or closed. */
  onConnection: (text: () => string) => void = () => {};
  /** Is called for each step of a command that faults can be aimed at. */
  onMoment: (processIndex: number, kind: CommandKind, phase: Phase) => void = () => {};
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
