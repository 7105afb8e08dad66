import type { Command } from './connection';
import type { RedisServer } from './server';
import { copyKeyspace } from './values';

/** One write, as a master passes it on. */
interface Effect {
  readonly database: number;
  readonly name: string;
  readonly args: Command;
  /** The database that is emptied by `flush`; null for all. */
  readonly flush?: number | null;
}

/** The stream of writes from a master to one replica, which begins with a copy of all data. */
export class ReplicationLink {
  /** Writes arrive and are not applied: the link is cut, and comes back. */
  isStalled = false;
  /** The master's offset up to which the replica has confirmed everything. */
  confirmedOffset = -1;
  #isClosed = false;
  #lastAt = 0;
  #waiting: (() => void)[] = [];

  constructor(
    readonly master: RedisServer,
    readonly replica: RedisServer,
  ) {
    master.replicas.push(this);
    const snapshot = copyKeyspace(master.keyspace);
    const { offset } = master;
    this.#schedule(() => {
      replica.replaceData(snapshot);
      this.confirmedOffset = offset;
    });
  }

  propagate(effect: Effect): void {
    const { offset } = this.master;
    this.#schedule(() => {
      this.#apply(effect);
      this.confirmedOffset = Math.max(this.confirmedOffset, offset);
    });
  }

  resume(): void {
    this.isStalled = false;
    for (const apply of this.#waiting.splice(0)) this.#schedule(apply);
  }

  close(): void {
    this.#isClosed = true;
    const index = this.master.replicas.indexOf(this);
    if (index >= 0) this.master.replicas.splice(index, 1);
  }

  #schedule(apply: () => void): void {
    if (this.isStalled) {
      this.#waiting.push(apply);
      return;
    }
    const { kernel, random } = this.master;
    this.#lastAt = Math.max(this.#lastAt, kernel.now + this.replica.replicationLag * random.between(1, 2));
    kernel.at(this.#lastAt, () => {
      if (this.#isClosed || !this.replica.isUp) return;
      if (this.isStalled) this.#waiting.push(apply);
      else apply();
    });
  }

  #apply({ database, name, args, flush }: Effect): void {
    const { replica } = this;
    if (name === 'flush') {
      replica.clear(flush ?? null);
      replica.scheduleTurn();
    } else if (name === 'swap') {
      replica.exchange(Number(args[0]), Number(args[1]));
    } else replica.applyReplicated(database, name, args);
  }
}
