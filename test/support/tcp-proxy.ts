import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** Impairments of one direction. */
export interface Hindrance {
  /** Milliseconds by which all bytes are delayed. Default 0. */
  readonly delay?: number;
  /** Up to so many milliseconds more, at random; the order of bytes stays. Default 0. */
  readonly jitter?: number;
  /** Nothing arrives, not even that the other end has closed: a network that swallows packets. Ends with its removal. */
  readonly blackHole?: boolean;
  /** Bytes are dropped without a retransmission, which broken middle boxes do. */
  readonly drop?: boolean;
}

export interface Hindrances {
  /** From the client to the server. */
  readonly toServer?: Hindrance;
  /** From the server to the client. */
  readonly toClient?: Hindrance;
}

export interface TcpProxyOptions {
  /** The target port on this machine. A function is called for each connection. */
  readonly target: number | (() => number);
  /**
   * Kinds of connections, distinguished by the first bytes of the client. The first that matches stays; until then a
   * connection is of the kind `other`.
   */
  readonly kinds?: Readonly<Record<string, (sent: string) => boolean>>;
  /** Default: `Math.random`. */
  readonly random?: () => number;
}

export interface TcpProxy {
  readonly port: number;
  /** How many connections there are, of one kind or of all. */
  count(kind?: string): number;
  /** How many connections there have ever been. */
  readonly accepted: number;
  /** Hinders the connections of one kind, those that are there and those to come. `{}` lifts it. */
  hinder(kind: string, hindrances: Hindrances): void;
  /** The connections of one kind that are there deliver nothing, permanently; new ones are healthy. */
  abandon(kind: string): void;
  /** Ends all connections of one kind, or all, at both ends at once. */
  cut(kind?: string): void;
  /** Refuses new connections, or takes them again. */
  refuse(refusing: boolean): void;
  close(): Promise<void>;
}

/** Bytes of a client that are read to find its kind. */
const LOOK_AT = 16_384;
const OTHER = 'other';

/** One direction of one connection: bytes that were read and not yet written, in order. */
class OneWay {
  readonly #to: Socket;
  readonly #random: () => number;
  readonly #hindrance: () => Hindrance;
  /** Bytes, or null for the end, and when they are due. */
  #queue: { readonly data: Buffer | null; readonly due: number }[] = [];
  #lastDue = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(to: Socket, hindrance: () => Hindrance, random: () => number) {
    this.#to = to;
    this.#hindrance = hindrance;
    this.#random = random;
  }

  push(data: Buffer | null): void {
    const { delay = 0, jitter = 0, drop = false } = this.#hindrance();
    if (drop && data !== null) return;
    const due = Math.max(this.#lastDue, performance.now() + delay + jitter * this.#random());
    this.#lastDue = due;
    this.#queue.push({ data, due });
    this.flush();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#queue.length > 0 && !this.#hindrance().blackHole) {
      const { data, due } = this.#queue[0]!;
      const wait = due - performance.now();
      if (wait > 0.5) {
        this.#timer = setTimeout(() => this.flush(), wait);
        return;
      }
      this.#queue.shift();
      if (data === null) this.#to.end();
      else if (!this.#to.destroyed) this.#to.write(data);
    }
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#queue = [];
  }
}

/** Node cannot reset a connection that it is ending already: it loses track of it and spins at exit. */
function reset(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

interface Proxied {
  kind: string;
  isAbandoned: boolean;
  flush(): void;
  cut(): void;
}

/** A proxy between a client and a server of this machine, which impairs their bytes like a network. */
export async function startTcpProxy({ target, kinds = {}, random = Math.random }: TcpProxyOptions): Promise<TcpProxy> {
  const connections = new Set<Proxied>();
  const hindered = new Map<string, Hindrances>();
  let refusing = false;
  let accepted = 0;

  function accept(client: Socket): void {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    accepted += 1;
    const port = typeof target === 'number' ? target : target();
    const server = dial({ port, host: '127.0.0.1', allowHalfOpen: true });
    let sent = '';
    let open = 2;
    const proxied: Proxied = {
      kind: OTHER,
      isAbandoned: false,
      flush() {
        toServer.flush();
        toClient.flush();
      },
      cut() {
        toServer.clear();
        toClient.clear();
        reset(client);
        reset(server);
      },
    };
    const hindrance = (direction: keyof Hindrances) => (): Hindrance =>
      proxied.isAbandoned ? { blackHole: true } : (hindered.get(proxied.kind)?.[direction] ?? {});
    const toServer = new OneWay(server, hindrance('toServer'), random);
    const toClient = new OneWay(client, hindrance('toClient'), random);
    connections.add(proxied);

    function readKind(data: Buffer): void {
      if (proxied.kind !== OTHER || sent.length > LOOK_AT) return;
      sent += data.toString('latin1');
      proxied.kind = Object.keys(kinds).find((name) => kinds[name]?.(sent)) ?? OTHER;
    }

    /** The end of one side is passed on in order, and as late as everything else. */
    function relay(from: Socket, oneWay: OneWay, onData: (data: Buffer) => void): void {
      let over = false;
      function end(): void {
        if (over) return;
        over = true;
        oneWay.push(null);
      }
      from.setNoDelay(true);
      from.on('data', onData);
      from.on('end', end);
      from.on('error', end);
      from.on('close', () => {
        end();
        open -= 1;
        if (open === 0) connections.delete(proxied);
      });
    }

    relay(client, toServer, (data) => {
      readKind(data);
      toServer.push(data);
    });
    relay(server, toClient, (data) => toClient.push(data));
  }

  const listener: Server = createServer({ allowHalfOpen: true }, accept);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();

  const ofKind = (kind?: string) => [...connections].filter((proxied) => kind === undefined || proxied.kind === kind);

  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    count: (kind) => ofKind(kind).length,
    get accepted() {
      return accepted;
    },
    hinder(kind, hindrances) {
      hindered.set(kind, hindrances);
      for (const proxied of ofKind(kind)) proxied.flush();
    },
    abandon(kind) {
      for (const proxied of ofKind(kind)) proxied.isAbandoned = true;
    },
    cut(kind) {
      for (const proxied of ofKind(kind)) proxied.cut();
    },
    refuse(value) {
      refusing = value;
    },
    async close() {
      for (const proxied of connections) proxied.cut();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}
