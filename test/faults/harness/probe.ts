import { connect, type Socket } from 'node:net';
import type { Outage, Time } from '../checker/history';
import { now } from './clock';

const INTERVAL = 50;
/** From how many milliseconds on an answer is so late that requests may have had to go without theirs. */
const LATE = 150;

/** One connection to a server, over which nothing else goes, so that only the server itself can be late. */
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

  /** That it cannot be reached is for whoever made it so to say. */
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

/** When the servers themselves were late, whatever the reason: on a busy machine, somebody else's work. */
export class Probe {
  readonly #lines: readonly Line[];
  /** When this process itself stood still, and with it the proxies that are in it. */
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

  /** Ends, and gives the times in which no process could be served as promised. */
  stop(): Outage[] {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const line of this.#lines) line.close();
    const late = [...this.#own, ...this.#lines.flatMap((line) => line.late)];
    return late.map((span) => ({ app: null, frozen: false, ...span }));
  }
}
