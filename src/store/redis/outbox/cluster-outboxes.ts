import type { Clock } from '../../../clock';
import { tagOf, workspaceTag } from '../../../token/format';
import type { OutboxGroup } from '../../outbox-store';
import type { ChangeListener } from '../../store';
import { keyPrefixOf, type RedisClient } from '../client';
import { nodeGroup, SLOTS } from '../hash-slot';
import type { KeyNames } from '../key-names';

/** Milliseconds between two searches for outboxes. Between them, invalidations name the outboxes with new events. */
const SEARCH_INTERVAL = 60_000;
const SLOTS_PER_TURN = 1024;
/** Commands in one pipeline. */
const PIPELINE_SIZE = 512;

/**
 * The outboxes of a Cluster that have events to read. There is one outbox for each slot, so that a script can add to it.
 * Most do not exist: they are searched by their names, 16,384 at most.
 */
export class ClusterOutboxes {
  readonly #client: RedisClient;
  readonly #keyNames: KeyNames;
  readonly #clock: Clock;
  readonly #found = new Set<string>();
  /** Outboxes that may have new events, by group. */
  readonly #unread = new Map<OutboxGroup, Set<string>>();
  #searchedAt = Number.NEGATIVE_INFINITY;

  constructor(client: RedisClient, keyNames: KeyNames, clock: Clock) {
    this.#client = client;
    this.#keyNames = keyNames;
    this.#clock = clock;
  }

  readonly listener: ChangeListener = {
    keyChanged: (id) => this.add(this.#keyNames.outbox(tagOf(id))),
    projectsChanged: (workspaceId) => this.add(this.#keyNames.outbox(workspaceTag(workspaceId))),
    allChanged: () => this.searchAgain(),
  };

  /** Searches before the next read: invalidations were missed. */
  searchAgain(): void {
    this.#searchedAt = Number.NEGATIVE_INFINITY;
  }

  /** Adds an outbox that may have new events. */
  add(outbox: string): void {
    this.#found.add(outbox);
    for (const unread of this.#unread.values()) unread.add(outbox);
  }

  /** Outboxes with new events for a group. They are not returned again until there are others. */
  async takeUnread(group: OutboxGroup): Promise<string[]> {
    let unread = this.#unread.get(group);
    if (unread === undefined) {
      unread = new Set(this.#found);
      this.#unread.set(group, unread);
    }
    if (this.#clock.monotonic() - this.#searchedAt >= SEARCH_INTERVAL) await this.#search();
    const taken = [...unread];
    unread.clear();
    return taken;
  }

  /** Outboxes that were taken, and may still have new events for the group. */
  putBack(group: OutboxGroup, outboxes: readonly string[]): void {
    for (const outbox of outboxes) this.#unread.get(group)?.add(outbox);
  }

  /** Tags of the outboxes that were found. */
  foundTags(): string[] {
    return [...this.#found].map((name) => /\{(.*)\}/.exec(name)?.[1] ?? '');
  }

  async findAll(): Promise<string[]> {
    await this.#search();
    return [...this.#found];
  }

  async #search(): Promise<void> {
    // Before the search, so that `searchAgain` during it has an effect.
    this.#searchedAt = this.#clock.monotonic();
    const prefix = keyPrefixOf(this.#client);
    const byNode = new Map<string, string[]>();
    for (let slot = 0; slot < SLOTS; slot++) {
      // Names of all slots take longer than a turn may.
      if (slot % SLOTS_PER_TURN === SLOTS_PER_TURN - 1) await new Promise(setImmediate);
      const name = this.#keyNames.outboxOfSlot(slot);
      const node = nodeGroup(this.#client, prefix + name);
      const names = byNode.get(node);
      if (names === undefined) byNode.set(node, [name]);
      else names.push(name);
    }
    try {
      for (const names of byNode.values()) {
        for (let i = 0; i < names.length; i += PIPELINE_SIZE) await this.#searchSome(names.slice(i, i + PIPELINE_SIZE));
      }
    } catch (error) {
      this.searchAgain();
      throw error;
    }
  }

  async #searchSome(names: readonly string[]): Promise<void> {
    const pipeline = this.#client.pipeline();
    for (const name of names) pipeline.call('exists', name);
    const replies = (await pipeline.exec()) ?? [];
    names.forEach((name, i) => {
      const [error, exists] = replies[i] ?? [new Error('The pipeline has no reply for this command.')];
      if (error !== null) throw error;
      if (Number(exists) === 1) this.add(name);
    });
  }
}
