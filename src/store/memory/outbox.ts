import { randomBytes } from 'node:crypto';
import { OUTBOX_LIMIT, type OutboxEntry, type OutboxEvent, type OutboxGroup, type OutboxStore } from '../outbox-store';

interface Group {
  /** Number of the first event that was not read. */
  next: number;
  readonly unacknowledged: Set<number>;
}

const OUTBOX = 'memory';
/** Stands for entries that were removed before a group has read them. */
const REMOVED: OutboxEntry = { place: { outbox: OUTBOX, id: '-1' }, event: null };

/** Outbox in the memory of one process, which leads all groups. */
export class MemoryOutbox implements OutboxStore {
  readonly #events = new Map<number, OutboxEvent>();
  readonly #groups = new Map<OutboxGroup, Group>();
  #end = 0;

  /** Adds an event. Without groups, there is no one to read it. */
  add(event: Omit<OutboxEvent, 'id'> & { readonly id?: string }): void {
    if (this.#groups.size === 0) return;
    const id = event.id ?? randomBytes(9).toString('base64url');
    this.#events.set(this.#end, Object.freeze({ ...event, id }));
    this.#end += 1;
    this.#events.delete(this.#end - 1 - OUTBOX_LIMIT);
  }

  readonly leadGroup: OutboxStore['leadGroup'] = async ({ group }) => {
    if (!this.#groups.has(group)) this.#groups.set(group, { next: this.#end, unacknowledged: new Set() });
    return true;
  };

  readonly leaveGroup: OutboxStore['leaveGroup'] = async () => {};

  readonly readGroup: OutboxStore['readGroup'] = async (name, which, count) => {
    const group = this.#groups.get(name);
    if (group === undefined) return [];
    if (which === 'unacknowledged') return [...group.unacknowledged].map((number) => this.#entry(number));
    const from = Math.max(group.next, this.#end - OUTBOX_LIMIT);
    const entries: OutboxEntry[] = from > group.next ? [REMOVED] : [];
    group.next = Math.min(this.#end, from + count);
    for (let number = from; number < group.next; number++) {
      group.unacknowledged.add(number);
      entries.push(this.#entry(number));
    }
    return entries;
  };

  readonly acknowledge: OutboxStore['acknowledge'] = async (name, places) => {
    for (const { id } of places) this.#groups.get(name)?.unacknowledged.delete(Number(id));
  };

  #entry(number: number): OutboxEntry {
    return { place: { outbox: OUTBOX, id: String(number) }, event: this.#events.get(number) ?? null };
  }
}
