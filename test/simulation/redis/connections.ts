import { type Frame, INVALIDATIONS, ServerConnection } from './connection';
import type { Database } from './values';

/** The connections of one server: which of them a change of data concerns, and the invalidations that they are sent. */
export class ServerConnections {
  readonly #all = new Set<ServerConnection>();
  #nextId = 1;
  /** Keys that this turn changed. */
  #touched = new Set<string>();

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<ServerConnection> {
    return this.#all.values();
  }

  byId(id: number): ServerConnection | undefined {
    for (const connection of this.#all) if (connection.id === id) return connection;
    return undefined;
  }

  open(write: (frames: readonly Frame[]) => void, hangUp: () => void): ServerConnection {
    const connection = new ServerConnection(this.#nextId++, write, hangUp);
    this.#all.add(connection);
    return connection;
  }

  /** The other end has closed the connection. */
  drop(connection: ServerConnection): void {
    connection.isClosed = true;
    this.#all.delete(connection);
  }

  /** Ends all of them, without what this turn would have sent. */
  hangUp(): void {
    for (const connection of [...this.#all]) {
      this.drop(connection);
      connection.hangUp();
    }
    this.#touched.clear();
  }

  /** A write of the master has changed a key. */
  markReplicated(key: string): void {
    this.#touched.add(key);
  }

  markChanged(database: number, key: string): void {
    this.#touched.add(key);
    for (const connection of this.#all) {
      if (connection.watched.has(`${database} ${key}`)) connection.isDirty = true;
    }
  }

  /** Marks connections that watch a key of a database which one of two sets of data contains. */
  markReplaced(database: number, ...contents: readonly Database[]): void {
    for (const connection of this.#all) {
      for (const watched of connection.watched) {
        const [index, name = ''] = watched.split(' ');
        if (Number(index) === database && contents.some((data) => data.has(name))) connection.isDirty = true;
      }
    }
  }

  /** Sends an invalidation of all keys to every connection with tracking. */
  invalidateAll(): void {
    for (const connection of this.#all) if (connection.tracking !== null) this.#notify(connection, null);
  }

  /** Ends a turn: invalidations go behind the replies of the same turn, then everything is written. */
  endTurn(): void {
    const touched = this.#touched;
    if (touched.size > 0) {
      this.#touched = new Set();
      for (const connection of this.#all) {
        for (const prefix of connection.tracking?.prefixes ?? []) {
          const names = [...touched].filter((name) => name.startsWith(prefix));
          if (names.length > 0) this.#notify(connection, names);
        }
      }
    }
    for (const connection of this.#all) {
      if (connection.out.length === 0) continue;
      const frames = connection.out;
      connection.out = [];
      connection.write(frames);
    }
  }

  #notify(connection: ServerConnection, names: readonly string[] | null): void {
    const { redirect } = connection.tracking!;
    const target = redirect === 0 ? connection : this.byId(redirect);
    if (target === undefined) return;
    if (target.protocol === 3) target.out.push({ kind: 'push', type: 'invalidate', names });
    else if (target.channels.has(INVALIDATIONS)) {
      target.out.push({ kind: 'message', channel: INVALIDATIONS, payload: names });
    }
  }
}
