import { connect, type Socket } from 'node:net';
import type { Outage, Time } from '../checker/history';
import { now } from './clock';

const INTERVAL = 50;
/** Shortest response time of a server that explains a missing response. Milliseconds. */
const LATE = 150;

/** A connection that carries nothing else, so that a late reply means a late server. */
class Line {
  readonly late: { from: Time; until: Time }[] = [];
  readonly #port: number;
  #socket: Socket | null = null;
  #askedAt: Time | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  ask(): void {
    if (this.#askedAt !== null) return;
    const socket = this.#socket ?? this.#open();
    if (socket.connecting) return;
    this.#askedAt = now();
    socket.write('PING\r\n');
  }

  close(): void {
    this.#note();
    this.#socket?.destroy();
  }

  // Faults report unreachable servers, so errors are ignored here.
  #open(): Socket {
    const socket = connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    socket.on('data', () => this.#note());
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#note();
      if (this.#socket === socket) this.#socket = null;
    });
    return socket;
  }

  #note(): void {
    if (this.#askedAt === null) return;
    const from = this.#askedAt;
    const until = now();
    if (until - from > LATE) this.late.push({ from, until });
    this.#askedAt = null;
  }
}

/** Records when the servers themselves were late, for example because the machine was busy. */
export class Probe {
  readonly #lines: readonly Line[];
  /** When this process, which runs the proxies, was blocked. */
  readonly #own: { from: Time; until: Time }[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(ports: readonly number[]) {
    this.#lines = ports.map((port) => new Line(port));
  }

  start(): void {
    let last = now();
    this.#timer = setInterval(() => {
      const at = now();
      if (at - last > LATE) this.#own.push({ from: last, until: at });
      last = at;
      for (const line of this.#lines) line.ask();
    }, INTERVAL);
  }

  /** Stops, and returns the times in which responses may be late. */
  stop(): Outage[] {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const line of this.#lines) line.close();
    const late = [...this.#own, ...this.#lines.flatMap((line) => line.late)];
    return late.map((span) => ({ app: null, frozen: false, ...span }));
  }
}
